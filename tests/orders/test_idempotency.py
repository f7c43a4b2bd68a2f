"""One order however often it is sent: promise M3 in both dialects, and through a kill."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, Person, video
from tests.files.uploading import form
from tests.harness.service import Service
from tests.orders.market import Market
from tests.sandbox_process import SandboxProcess

MANY = 200


async def insist(api: Api, path: str, body: Any, as_: Person, key: str) -> bytes:
    """Ask until there is an answer other than "the first one is still running"."""
    while True:
        answer = await api.post(path, body, as_=as_, headers={"Idempotency-Key": key})
        if answer.status != 409:
            assert answer.status == 201, await answer.text()
            return await answer.read()
        await asyncio.sleep(0.05)


async def test_two_hundred_orders_with_one_key_are_one(market: Market) -> None:
    body = {"service_id": market.service_id, "selected_option_ids": market.options}
    asked = (insist(market.api, "/api/v1/orders/", body, market.buyer, "one") for _ in range(MANY))
    answers = set(await asyncio.gather(*asked))
    assert len(answers) == 1
    db = market.app[DATABASE]
    assert await db.value("select count(*) from orders") == 1
    assert await db.value("select count(*) from notifications") == 1
    other = await market.api.post(
        "/api/v1/orders/", {**body, "requirements": "x"}, as_=market.buyer, headers={"Idempotency-Key": "one"}
    )
    assert other.status == 422


async def test_greetings_place_an_order_with_a_key_once(app: web.Application, api: Api, factory: Factory) -> None:
    customer, star = await factory.person(), await factory.star()
    body = {"star_id": star.id, "for_whom": "Для мамы", "comment": "Спойте"}
    answers = await asyncio.gather(*(insist(api, "/api/order/", body, customer, "k") for _ in range(5)))
    assert len(set(answers)) == 1
    assert await app[DATABASE].value("select count(*) from orders") == 1


@pytest.mark.parametrize("action", ["pay", "accept", "cancel", "deliveries", "dispute", "refund"])
async def test_every_action_with_a_key_is_applied_once(market: Market, action: str) -> None:
    order_id = (await market.place())["id"]
    db, staff = market.app[DATABASE], await market.factory.staff("operator")
    who = {"accept": market.creator, "deliveries": market.creator, "refund": staff}.get(action, market.buyer)
    if action in ("dispute", "refund"):
        await market.deliver(order_id)
    url, options = f"/api/v1/orders/{order_id}/{action}/", {"as_": who, "headers": {"Idempotency-Key": action}}
    first, second = [await market.api.post(url, {"message": "Вот"}, **options) for _ in range(2)]
    assert first.status == second.status
    assert await first.read() == await second.read()
    if first.ok:
        assert second.headers["Idempotent-Replayed"] == "true"
        done = {"deliveries": "deliver"}.get(action, action)
        count = "select count(*) from order_events where action = %(done)s"
        assert await db.value(count, done=done) == 1


async def test_an_order_repeated_after_a_kill_is_placed_once(
    market: Market, settings: Any, sandbox_process: SandboxProcess, tmp_path: Path
) -> None:
    """Killed while answers are on their way: a repeated request with the key gets the one order."""
    service = Service(settings.database.url, sandbox_process, tmp_path / "service", SECRET_KEY=settings.secret_key)
    body = {"service_id": market.service_id, "selected_option_ids": market.options}
    db = market.app[DATABASE]
    try:
        await service.start().wait_ready()
        async with aiohttp.ClientSession() as session:
            headers = {
                "Authorization": f"Bearer {market.buyer.token}",
                "Idempotency-Key": "through-fire",
            }

            async def ask() -> tuple[int, bytes]:
                async with session.post(f"{service.url}/api/v1/orders/", json=body, headers=headers) as answer:
                    return answer.status, await answer.read()

            async def kill_when_done() -> None:
                # As soon as the effect is there, so that most answers are not.
                while not await db.value("select count(*) from orders"):  # noqa: ASYNC110 - done by another process
                    await asyncio.sleep(0.001)
                service.kill()

            with contextlib.suppress(aiohttp.ClientError):
                await asyncio.gather(kill_when_done(), *(ask() for _ in range(MANY)))
            service.kill()
            await service.start().wait_ready()
            status, answer = await ask()
            assert status == 201
            assert {await ask() for _ in range(3)} == {(status, answer)}
        assert await db.value("select count(*) from orders") == 1
        assert await db.value("select count(*) from order_events") == 1
    finally:
        service.kill()


async def test_greetings_deliver_a_video_with_a_key_once(app: web.Application, api: Api, factory: Factory) -> None:
    customer, star = await factory.person(), await factory.star()
    order_id = await factory.order(customer, star)

    async def upload() -> tuple[int, bytes]:
        answer = await api.post(
            "/api/upload/congritulatoin/",
            data=form(star_id=star.id, order_id=order_id, video_con=("mum.mp4", video())),
            as_=star,
            headers={"Idempotency-Key": "upload"},
        )
        return answer.status, await answer.read()

    first = await upload()
    assert first[0] == 201
    assert await upload() == first
    assert await app[DATABASE].value("select count(*) from deliveries") == 1
