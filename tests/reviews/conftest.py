"""A completed order, its buyer and its creator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from mystar.files.keys import FILES
from mystar.orders.keys import ORDERS
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture

GOOD = {"content": "Замечательно!", "rating": 5}
Complete = Callable[..., Awaitable[int]]


@pytest.fixture
async def buyer(factory: Factory) -> Person:
    return await factory.person("olga")


@pytest.fixture
async def creator(factory: Factory) -> Person:
    return await factory.star("comet", first_name="Анна", last_name="Комета")


@pytest.fixture
def complete(app: web.Application, factory: Factory, buyer: Person, creator: Person) -> Complete:
    """An order that was delivered and approved: its id."""

    async def do(by: Person = buyer, of: Person = creator, *, approve: bool = True) -> int:
        order_id = await factory.order(by, of)

        async def chunks() -> Any:
            yield picture()

        file = await app[FILES].receive(actor(of), chunks(), kinds=("image",), folder="x", name="x.jpg")
        await app[ORDERS].deliver(actor(of), order_id, file_ids=[file.id])
        if approve:
            await app[ORDERS].approve(actor(by), order_id)
        return order_id

    return do


@pytest.fixture
async def order(complete: Complete) -> int:
    return await complete()


async def reviewed(api: Api, person: Person, order_id: int, /, **draft: Any) -> dict[str, Any]:
    answer = await api.post(f"/api/v1/orders/{order_id}/reviews/", {**GOOD, **draft}, as_=person)
    assert answer.status == 201, await answer.text()
    made: dict[str, Any] = await answer.json()
    return made
