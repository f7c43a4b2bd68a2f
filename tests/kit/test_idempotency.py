"""Idempotency-Key over HTTP, with a handler that does one thing to a real database (D18, promise M3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient, TestServer

from mystar.errors import MystarError, NotFound
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database
from mystar.kit.security.tokens import Signer
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import IDEMPOTENCY, KEEP, Idempotency, KeyReused, StillRunning, idempotent
from mystar.kit.web.multipart import REQUEST_FINGERPRINT, drain
from tests.clock import FrozenClock
from tests.subtests import as_subtests
from tests.waiting import eventually

_STATUSES = {KeyReused: 422, StillRunning: 409, NotFound: 404}


class Shop:
    """A service with one address, which writes a message for every order."""

    def __init__(self, db: Database, people: list[int]) -> None:
        self.db, self.people = db, people
        self.clock = FrozenClock(datetime.now(UTC))
        self.outbox = Outbox(db, self.clock)
        self.trouble: Exception | None = None
        self.refuses = False
        #: Orders stop here until it is set.
        self.gate = asyncio.Event()
        self.gate.set()
        self.client: TestClient[web.Request, web.Application]

    def account_of(self, request: web.Request) -> int | None:
        person = request.headers.get("Person")
        return int(person) if person else None

    async def order(self, request: web.Request) -> web.StreamResponse:
        if REQUEST_FINGERPRINT in request:
            await drain(request)
        async with self.db.transaction() as tx:
            number = await self.outbox.put(tx, "order", {})
            tx.after_commit(self._told)
        await self.gate.wait()
        if self.trouble:
            raise self.trouble
        return json_response({"number": number}, 400 if self.refuses else 201)

    async def _told(self) -> None:
        self.told = await self.db.value("select count(*) from idempotency_keys")

    async def post(self, body: Any = "{}", key: str | None = "k", person: int | None = 0, **how: Any) -> ClientResponse:
        headers = {} if key is None else {"Idempotency-Key": key}
        if person is not None:
            headers["Person"] = str(self.people[person])
        return await self.client.post(how.pop("path", "/order/"), data=body, headers=headers, **how)

    async def orders(self) -> int:
        return int(await self.db.value("select count(*) from outbox"))


@web.middleware
async def say_no(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except MystarError as error:
        return json_response({"code": error.code}, _STATUSES.get(type(error), 400))


@pytest.fixture
async def shop(db: Database) -> AsyncIterator[Shop]:
    rows = await db.all("insert into accounts (username, username_key) values ('a', 'a'), ('b', 'b') returning id")
    shop = Shop(db, [row["id"] for row in rows])
    app = web.Application(middlewares=[say_no])
    app[IDEMPOTENCY] = Idempotency(db, shop.clock, Signer("a key of the tests"), shop.account_of)
    for path in ("/order/", "/order", "/other/"):
        app.router.add_post(path, idempotent(shop.order))
    async with TestClient(TestServer(app)) as client:
        shop.client = client
        yield shop


async def test_a_repeated_request_has_one_effect_and_the_first_answer(shop: Shop) -> None:
    first, second = await shop.post('{"a": 1}'), await shop.post('{"a": 1}')
    assert (first.status, second.status) == (201, 201)
    assert await first.read() == await second.read()
    assert second.content_type == "application/json"
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert await shop.orders() == 1


async def test_without_a_key_every_request_has_its_effect(shop: Shop) -> None:
    await shop.post(key=None)
    await shop.post(key=None)
    assert await shop.orders() == 2


async def test_a_guest_can_repeat_a_request(shop: Shop) -> None:
    first, second = await shop.post('{"a": 1}', person=None), await shop.post('{"a": 1}', person=None)
    assert await first.read() == await second.read()
    assert (await shop.post('{"a": 2}', person=None)).status == 422
    # The same key of a signed-in account is another key.
    assert (await shop.post('{"a": 2}')).status == 201
    assert await shop.orders() == 2


async def test_the_same_key_of_two_accounts_is_two_keys(shop: Shop) -> None:
    await shop.post(person=0)
    await shop.post(person=1)
    assert await shop.orders() == 2


@pytest.mark.parametrize("how", [{"body": '{"a": 2}'}, {"path": "/other/"}, {"params": {"page": "2"}}])
async def test_a_key_used_for_another_request_is_refused(shop: Shop, how: dict[str, Any]) -> None:
    await shop.post('{"a": 1}')
    answer = await shop.post(how.pop("body", '{"a": 1}'), **how)
    assert answer.status == 422
    assert (await answer.json())["code"] == "idempotency_key_reused"
    assert await shop.orders() == 1


async def test_a_trailing_slash_is_the_same_request(shop: Shop) -> None:
    await shop.post(path="/order/")
    assert (await shop.post(path="/order")).headers["Idempotent-Replayed"] == "true"


async def test_a_multipart_form_is_compared_by_its_values(shop: Shop) -> None:
    def form(value: str) -> FormData:
        # Each has borders of its own.
        data = FormData(default_to_multipart=True)
        data.add_field("star_id", value)
        return data

    await shop.post(form("1"))
    assert (await shop.post(form("1"))).headers["Idempotent-Replayed"] == "true"
    assert (await shop.post(form("2"))).status == 422


@as_subtests
@pytest.mark.parametrize("key", ["", "два", "with space", "x" * 256])
async def test_a_key_must_be_visible_ascii(shop: Shop, key: str) -> None:
    answer = await shop.post(key=key.encode().decode("latin-1"))
    assert answer.status == 400
    assert await shop.orders() == 0


async def test_a_concurrent_request_with_the_same_key_is_refused(shop: Shop) -> None:
    shop.gate.clear()
    first = asyncio.create_task(shop.post())
    await eventually(lambda: shop.db.value("select count(*) from pg_locks where locktype = 'advisory'"))
    assert (await shop.post()).status == 409
    shop.gate.set()
    assert (await first).status == 201
    assert (await shop.post()).headers["Idempotent-Replayed"] == "true"
    assert await shop.orders() == 1


async def test_two_hundred_concurrent_requests_have_one_effect(shop: Shop) -> None:
    async def ask() -> bytes | None:
        answer = await shop.post('{"a": 1}')
        assert answer.status in (201, 409)
        return await answer.read() if answer.status == 201 else None

    async def insist() -> bytes | None:
        return await eventually(ask)

    answers = await asyncio.gather(*(insist() for _ in range(200)))
    assert len(set(answers)) == 1
    assert await shop.orders() == 1


async def test_a_failed_request_is_rolled_back_and_not_stored(shop: Shop) -> None:
    shop.trouble = NotFound()
    assert (await shop.post()).status == 404
    shop.trouble = None
    shop.refuses = True
    assert (await shop.post()).status == 400
    assert await shop.orders() == 0
    shop.refuses = False
    assert (await shop.post()).status == 201
    assert await shop.orders() == 1


async def test_waiting_for_third_parties_happens_after_the_commit(shop: Shop) -> None:
    await shop.post()
    assert shop.told == 1


async def test_old_keys_are_purged(shop: Shop) -> None:
    await shop.post()
    idempotency = shop.client.app[IDEMPOTENCY]
    shop.clock.moment += KEEP - timedelta(minutes=1)
    assert await idempotency.purge() == 0
    shop.clock.moment += timedelta(minutes=2)
    assert await idempotency.purge() == 1
    assert (await shop.post()).status == 201
    assert await shop.orders() == 2
