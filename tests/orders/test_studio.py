"""Orders that the studio takes up (D36): once, a while after the button, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.cli.context import service
from mystar.kit.postgres.database import Database
from mystar.orders.keys import STUDIO_ORDERS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.server_process import SECRET_KEY, ServerProcess, server_in
from tests.waiting import eventually

ORDERS = "/api/orders/orders/"
SITE = {"title": "Сайт-визитка", "description": "Три страницы и форма"}
PROCESSED = "select count(*) from orders where status = 'in_process'"


def button(order_id: int) -> str:
    return f"/admin/studio-orders/{order_id}/process/"


async def placed(api: Api) -> int:
    return int((await (await api.post(ORDERS, SITE)).json())["id"])


@pytest.fixture
def settings(make_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Settings:
    return make_settings(STUDIO__PROCESS_SECONDS=getattr(request, "param", 0))


async def test_the_button_starts_processing_an_order(api: Api, factory: Factory, app: web.Application) -> None:
    operator, order_id = await factory.staff("operator"), await placed(api)
    answer = await api.post(button(order_id), as_=operator)
    assert answer.status == 202
    queued = await answer.json()
    assert (queued["id"], queued["process_at"] is not None) == (order_id, True)

    async def status() -> bool:
        return (await (await api.get(f"{ORDERS}{order_id}/")).json())["status"] == "in_process"

    await eventually(status)
    timeline = await app[STUDIO_ORDERS].timeline(actor(operator, "operator"), order_id)
    assert [(event.action, event.role, event.actor and event.actor.id, event.to_status) for event in timeline] == [
        ("place", "buyer", None, "new"),
        ("queue", "staff", operator.id, "new"),
        ("process", "system", None, "in_process"),
    ]
    # What is in process is neither changed nor taken back nor queued again.
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await api.request(method, f"{ORDERS}{order_id}/", json=SITE, as_=operator)
        assert (answer.status, set(await answer.json())) == (409, {"detail"})
    answer = await api.post(button(order_id), as_=operator)
    assert (answer.status, (await answer.json())["status"]) == (202, "in_process")
    assert len(await app[STUDIO_ORDERS].timeline(actor(operator, "operator"), order_id)) == 3


@pytest.mark.parametrize("settings", [600], indirect=True)
async def test_pressing_again_changes_nothing(api: Api, factory: Factory, db: Database) -> None:
    operator, order_id = await factory.staff("operator"), await placed(api)
    answers = await asyncio.gather(*(api.post(button(order_id), as_=operator) for _ in range(5)))
    moments = {(await answer.json())["process_at"] for answer in answers}
    assert ({answer.status for answer in answers}, len(moments)) == ({202}, 1)
    assert await db.value("select count(*) from outbox where topic = 'studio'") == 1
    assert await db.value("select count(*) from order_events where action = 'queue'") == 1


@pytest.mark.parametrize("settings", [600], indirect=True)
async def test_many_orders_are_queued_at_once_and_other_kinds_skipped(
    api: Api, factory: Factory, app: web.Application
) -> None:
    operator = actor(await factory.staff("operator"), "operator")
    ids = [await placed(api) for _ in range(3)]
    queued = await app[STUDIO_ORDERS].process_many(operator, [*ids, *ids, 10**9])
    assert [order.id for order in queued] == ids
    assert all(order.process_at for order in queued)


async def test_the_button_needs_the_role_of_an_operator(api: Api, factory: Factory) -> None:
    order_id = await placed(api)
    person, viewer = await factory.person(), await factory.staff("viewer")
    for who, status in ((None, 401), (person, 403), (viewer, 403)):
        answer = await api.post(button(order_id), as_=who)
        assert answer.status == status
    assert (await (await api.get(f"{ORDERS}{order_id}/")).json())["status"] == "new"
    assert (await api.post(button(10**9), as_=await factory.staff("operator"))).status == 404


@pytest.mark.parametrize("settings", [1], indirect=True)
async def test_an_order_withdrawn_meanwhile_is_not_processed(api: Api, factory: Factory, db: Database) -> None:
    operator, order_id = await factory.staff("operator"), await placed(api)
    await api.post(button(order_id), as_=operator)
    assert (await api.delete(f"{ORDERS}{order_id}/", as_=operator)).status == 204
    await eventually(lambda: db.value("select done_at is not null from outbox where topic = 'studio'"))
    assert await db.value("select status from orders") == "cancelled"


async def test_several_processes_start_every_order_once(
    api: Api, factory: Factory, db: Database, settings: Settings
) -> None:
    operator = await factory.staff("operator")
    async with contextlib.AsyncExitStack() as others:
        for _ in range(2):
            server = ApiTestServer(await create_app(settings, settings.database.url), host="127.0.0.1")
            await others.enter_async_context(TestClient(server))
        for order_id in [await placed(api) for _ in range(20)]:
            await api.post(button(order_id), as_=operator)
        await eventually(lambda: _is(db, PROCESSED, 20))
    assert list((await _taken_up(db)).values()) == [1] * 20


async def test_a_kill_of_the_server_neither_loses_nor_repeats_an_order(
    dsn: str, db: Database, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = make_settings(SECRET_KEY=SECRET_KEY, STUDIO__PROCESS_SECONDS=2)
    async with service(settings, dsn) as app:
        operator = await Factory(app).staff("operator")
    values = {"DATABASE__URL": dsn, "STUDIO__PROCESS_SECONDS": 2, "OUTBOX__LEASE_SECONDS": 1}
    with server_in(tmp_path, **values) as server:
        ids = [await _placed_at(server) for _ in range(20)]
        for order_id in ids:
            assert await _press_at(server, order_id, operator.token) == 202
        server.kill()
        assert await db.value("select count(*) from orders where process_at is not null") == 20
        # Killed again with the work in hand: some are taken up, some are not.
        server.start()
        await eventually(lambda: db.value("select count(*) > 0 from orders where status = 'in_process'"))
        server.kill()
        server.start()
        for order_id in ids[:3]:
            assert await _press_at(server, order_id, operator.token) == 202
        await eventually(lambda: _is(db, PROCESSED, 20))
        assert server.stop() == 0
    assert await _taken_up(db) == dict.fromkeys(ids, 1)
    assert await db.value("select count(*) from outbox where topic = 'studio'") == 20


async def _placed_at(server: ServerProcess) -> int:
    async with aiohttp.ClientSession() as session, session.post(server.url + ORDERS, json=SITE) as answer:
        return int((await answer.json())["id"])


async def _press_at(server: ServerProcess, order_id: int, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(server.url + button(order_id)) as answer,
    ):
        return answer.status


async def _is(db: Database, question: str, expected: Any) -> bool:
    return bool(await db.value(question) == expected)


async def _taken_up(db: Database) -> dict[int, int]:
    """How often, by order."""
    rows = await db.all("select order_id, count(*) as times from order_events where action = 'process' group by 1")
    return {row["order_id"]: row["times"] for row in rows}
