"""A star captures what a customer has paid."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.conftest import Api
from tests.contracts.greetings.payments.payment_requests import money_becomes, notification, payment_of
from tests.factory import Factory, Person
from tests.subtests import as_subtests

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess


NOTIFICATIONS = "/payments/notifications/"


async def held_after_acceptance(
    api: Api, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await api.post("/api/orderaccept/", {"order_id": order_id, "accept": "accept"}, as_=star)
    await factory.hold(order_id, sandbox)


@pytest.mark.parametrize("spelling", ["order_id{}", "order_id={}"])
async def test_the_star_captures_by_both_spellings_of_the_link(
    api: Api,
    app: web.Application,
    factory: Factory,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
    spelling: str,
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    answer = await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=star)
    assert (await answer.json())["link"] == f"{api.url}{NOTIFICATIONS}?order_id{order_id}"
    assert (await payment_of(app, order_id)).goal == "hold", "the link alone captures nothing"

    answer = await api.post(f"{NOTIFICATIONS}?{spelling.format(order_id)}", as_=star)
    assert (answer.status, await answer.json()) == (200, {"status": "OK"})
    await money_becomes(app, order_id, "captured")


async def test_only_the_star_and_staff_capture(
    api: Api,
    app: web.Application,
    factory: Factory,
    customer: Person,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    stranger, other_star, staff = await factory.person(), await factory.star(), await factory.staff()
    link = f"{NOTIFICATIONS}?order_id{order_id}"
    for person, status in ((None, 401), (customer, 403), (stranger, 404), (other_star, 404)):
        assert (await api.post(link, as_=person)).status == status
        asked = await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=person)
        assert asked.status == status
    assert (await payment_of(app, order_id)).goal == "hold"
    assert (await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=staff)).status == 200
    assert (await api.post(link, as_=staff)).status == 200
    await money_becomes(app, order_id, "captured")


@as_subtests
@pytest.mark.parametrize("query", ["order_id=", "order_id=x", "order_id", "order_id=-1", "my_order_id5"])
async def test_a_capture_of_an_unknown_order_is_refused(api: Api, star: Person, query: str) -> None:
    answer = await api.post(f"{NOTIFICATIONS}?{query}", as_=star)
    assert answer.status == 400


async def test_a_capture_with_nothing_held_is_refused(api: Api, star: Person, order_id: int) -> None:
    assert (await api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star)).status == 409


async def test_concurrent_captures_take_the_money_once(
    api: Api, app: web.Application, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    answers = await asyncio.gather(*(api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star) for _ in range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] + [409] * 7
    await money_becomes(app, order_id, "captured")
    payment = await payment_of(app, order_id)
    kinds = [one["kind"] for one in await sandbox.journal() if one["payment_id"] == payment.provider_id]
    assert kinds.count("payment.captured") == 1


async def test_a_capture_with_a_key_has_one_answer(
    api: Api, app: web.Application, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = [await api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star, headers=key) for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    assert second.headers["Idempotent-Replayed"] == "true"
    # A notification carries no effect of its own, so a key of its sender is not in its way.
    payment = await payment_of(app, order_id)
    news = notification(payment.provider_id)
    assert (await api.post(NOTIFICATIONS, news, as_=star, headers={"Idempotency-Key": "another"})).status == 200
