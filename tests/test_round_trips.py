"""How many messages a request exchanges with PostgreSQL. Shows the counts with ``-s``."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.kit.postgres.driver import Connection
from tests.chat.chat_client import opened, say
from tests.conftest import Api
from tests.factory import Factory
from tests.orders.market import open_market

Request = Callable[[], Awaitable[ClientResponse]]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What handlers send.

    Left out: background tasks, the check of kept answers, which many requests share, and that of the session, which is
    remembered for a while.
    """
    sent: list[str] = []
    send = Connection._send

    async def recorded(self: Connection, message: str, *rest: Any) -> Any:
        task = asyncio.current_task()
        is_handler = task is not None and "RequestHandler" in getattr(task.get_coro(), "__qualname__", "")
        if is_handler and "accounts_active_session" not in message:
            sent.append(message)
        return await send(self, message, *rest)

    monkeypatch.setattr(Connection, "_send", recorded)
    return sent


async def test_every_route_has_its_number_of_round_trips(
    app: web.Application, api: Api, factory: Factory, messages: list[str]
) -> None:
    market = await open_market(app, api, factory)
    buyer, service = market.buyer, market.service_id
    order = (await market.place(selected_option_ids=market.options))["id"]
    chat = await opened(api, buyer, await factory.person(channel="market"))
    draft = {"service_id": service, "requirements": "x", "selected_option_ids": list(market.options)}
    # Pages that are not kept yet.
    sizes = itertools.count(1)
    requests: dict[str, tuple[int, Request]] = {
        "a page of services": (2, lambda: api.get(f"/api/v1/services/?page_size={next(sizes)}")),
        "a page of a category": (3, lambda: api.get(f"/api/v1/services/?category=1&page_size={next(sizes)}")),
        "a kept page of services": (0, lambda: api.get("/api/v1/services/")),
        "a kept service": (0, lambda: api.get(f"/api/v1/services/{service}/")),
        "a page of stars": (2, lambda: api.get("/api/star/getlist/")),
        "my orders": (2, lambda: api.get(f"/api/v1/orders/?page_size={next(sizes)}", as_=buyer)),
        "my kept orders": (0, lambda: api.get("/api/v1/orders/", as_=buyer)),
        "an order with everything": (4, lambda: api.get(f"/api/v1/orders/{order}/", as_=buyer)),
        "placing an order": (2, lambda: api.post("/api/v1/orders/", draft, as_=buyer)),
        "a chat message": (MESSAGE, lambda: say(api, buyer, chat, "hello")),
        "a page of messages": (2, lambda: api.get(f"/api/v1/conversations/{chat}/messages/", as_=buyer)),
    }
    for name, (most, request) in requests.items():
        await request()
        messages.clear()
        answer = await request()
        print(f"{name:28} {len(messages)}")
        assert answer.status in (200, 201), name
        assert len(messages) <= most, (name, messages)


MESSAGE = 1
