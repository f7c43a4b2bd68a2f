"""A small market: a creator who sells a service with options, and a customer who buys it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from mystar.catalog.keys import CATALOG, LISTINGS
from mystar.catalog.model import OptionDraft, ServiceDraft
from mystar.files.keys import FILES
from tests.conftest import Api
from tests.factory import Factory, Person, actor

#: Kopecks: of the service, and of its options.
PRICE, OPTIONS = 100_000, (20_000, 30_050)


@dataclass
class Market:
    """``options``: ids of the service's options, which cost `OPTIONS`."""

    app: web.Application
    api: Api
    factory: Factory
    buyer: Person
    creator: Person
    service_id: int
    options: Sequence[int]

    async def place(self, **draft: Any) -> dict[str, Any]:
        """An order, placed through the market dialect."""
        body = {"service_id": self.service_id, "requirements": "Две минуты, без музыки", **draft}
        answer = await self.api.post("/api/v1/orders/", body, as_=self.buyer)
        assert answer.status == 201, await answer.text()
        placed: dict[str, Any] = await answer.json()
        return placed

    async def act(self, order_id: int, action: str, body: Any = None, *, as_: Person, status: int = 200) -> Any:
        answer = await self.api.post(f"/api/v1/orders/{order_id}/{action}/", body, as_=as_)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def deliver(self, order_id: int, **draft: Any) -> Any:
        return await self.act(order_id, "deliveries", {"message": "Готово", **draft}, as_=self.creator, status=201)

    async def read(self, order_id: int, as_: Person | None = None) -> dict[str, Any]:
        answer = await self.api.get(f"/api/v1/orders/{order_id}/", as_=as_ or self.buyer)
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def file(self, owner: Person, name: str = "ролик.txt") -> int:
        """The id of something that was uploaded."""

        async def content() -> Any:
            yield b"two minutes without music"

        file = await self.app[FILES].receive(actor(owner), content(), kinds=("other",), folder="uploads", name=name)
        return file.id


async def add_service(app: web.Application, creator: Person, *, listed: bool = True) -> tuple[int, list[int]]:
    """A service of a star's, and its options."""
    draft = ServiceDraft(
        title="Ролик для блога",
        category_id=(await app[CATALOG].greeting_of(creator.id)).category_id,
        base_price=PRICE,
        delivery_days=7,
        allows_modifications=True,
        modifications_price=115_000,
        is_active=listed,
        options=tuple(OptionDraft(name=f"Опция {number}", price=price) for number, price in enumerate(OPTIONS, 1)),
    )
    service = await app[LISTINGS].create(actor(creator), draft)
    return service.id, [option.id for option in service.options]


async def open_market(app: web.Application, api: Api, factory: Factory) -> Market:
    buyer, creator = await factory.person(channel="market"), await factory.star(channel="market")
    return Market(app, api, factory, buyer, creator, *await add_service(app, creator))


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def action_names(order: dict[str, Any]) -> list[str]:
    return [action["name"] for action in order["allowed_actions"]]
