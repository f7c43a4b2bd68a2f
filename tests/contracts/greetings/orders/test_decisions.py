"""A star accepts or rejects an order in greetings, and what becomes of the money."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientResponse, web

from mystar.accounts.keys import STAFF
from mystar.orders.keys import ORDER_READS
from tests.conftest import Api
from tests.contracts.greetings.orders.order_requests import charged, decide, listed, money_is, status_of
from tests.factory import Factory, Person, actor
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually


@pytest.mark.parametrize(("word", "said", "number"), [("accept", "Заказ принят", 1), ("reject", "Заказ отклонен", -1)])
@pytest.mark.parametrize("path", ["/api/orderaccept/", "/api/order/accept/", "/api/order/accept"])
async def test_a_star_accepts_or_rejects_an_order(
    api: Api, customer: Person, star: Person, order: int, word: str, said: str, number: int, path: str
) -> None:
    answer = await api.post(path, {"order_id": str(order), "accept": word}, as_=star)
    assert answer.status == 201
    assert await answer.json() == [said]
    assert await status_of(api, customer) == number
    again = await api.post(path, {"order_id": order, "accept": word}, as_=star)
    assert again.status == 409
    assert await again.json() == ["Сейчас с заказом этого сделать нельзя."]


@as_subtests
@pytest.mark.parametrize("word", ["maybe", "", None, 1, ["accept"]])
async def test_a_decision_must_be_accept_or_reject(api: Api, star: Person, order: int, word: object) -> None:
    answer = await decide(api, star, order, word)
    assert answer.status == 400
    assert await answer.json() == ["Не установлен статус заказа."]


async def test_only_the_star_of_an_order_decides(
    api: Api, factory: Factory, customer: Person, star: Person, stranger: Person, order: int
) -> None:
    staff = await factory.staff()
    people = {customer: 403, staff: 403, stranger: 404}
    for person, status in people.items():
        for word in ("accept", "reject"):
            assert (await decide(api, person, order, word)).status == status
    assert (await decide(api, star, order + 1)).status == 404
    assert (await decide(api, star, "undefined")).status == 400
    assert await status_of(api, customer) == 0


async def test_a_paid_order_is_charged_by_the_acceptance(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    assert await status_of(api, customer) == 2
    answer = await decide(api, star, order)
    assert answer.status == 201
    # A healthy provider has done its part before the star has her answer.
    (item,) = await listed(api, customer)
    assert (item["status_order"], item["money"]) == (3, "captured")
    assert item["payment_id"]
    assert (await decide(api, star, order)).status == 409


async def test_an_acceptance_does_not_wait_for_a_provider_that_is_down(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    await sandbox_process.faults(down=True)
    try:
        answer = await decide(api, star, order, headers={"Idempotency-Key": "slow"})
        assert answer.status == 201
        assert await status_of(api, customer) == 2
    finally:
        await sandbox_process.reset()
    await eventually(lambda: charged(api, customer))


async def test_a_rejected_order_returns_the_money(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    assert (await decide(api, star, order, "reject")).status == 201
    assert await status_of(api, customer) == -1
    await eventually(lambda: money_is(api, customer, "released"))


@pytest.mark.parametrize("who", ["customer", "star"])
async def test_a_cancelled_order_is_refunded_in_full(
    api: Api,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    stranger: Person,
    order: int,
    who: str,
) -> None:
    await factory.hold(order, sandbox_process)
    await decide(api, star, order)
    assert (await api.post("/api/order/cancel/", {"order_id": order}, as_=stranger)).status == 404
    person = customer if who == "customer" else star
    answer = await api.post("/api/order/cancel/", {"order_id": order, "reason": "Передумали"}, as_=person)
    assert answer.status == 201
    assert await answer.json() == ["Заказ отменен"]
    assert await status_of(api, customer) == -1
    await eventually(lambda: money_is(api, customer, "refunded"))
    payment = await sandbox_process.find_payment(order_id=str(order))
    assert (payment["held"], payment["refunded"]) == (0, 4_500_000)


@pytest.mark.parametrize(
    ("first", "second"), [("accept", "accept"), ("reject", "reject"), ("accept", "reject"), ("reject", "cancel")]
)
async def test_one_of_two_concurrent_decisions_succeeds(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, first: str, second: str
) -> None:
    """Promise M8, short."""

    async def act(order_id: int, action: str) -> ClientResponse:
        if action == "cancel":
            return await api.post("/api/order/cancel/", {"order_id": order_id}, as_=customer)
        return await decide(api, star, order_id, action)

    for _ in range(5):
        order_id = await factory.order(customer, star)
        answers = await asyncio.gather(act(order_id, first), act(order_id, second))
        assert sorted(answer.status for answer in answers) == [201, 409]
        timeline = await app[ORDER_READS].timeline(actor(customer), order_id)
        assert [event.from_status for event in timeline] == [None, "pending"]


async def test_a_blocked_account_cannot_act_on_orders(
    api: Api, app: web.Application, factory: Factory, star: Person, order: int
) -> None:
    staff = await factory.staff()
    await app[STAFF].block(actor(staff, "owner"), star.id)
    assert (await decide(api, star, order)).status == 401
