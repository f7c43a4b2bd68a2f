"""A customer, a star and an order."""

from __future__ import annotations

import pytest

from tests.factory import Factory, Person


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person("olga")


@pytest.fixture
async def star(factory: Factory) -> Person:
    category = await factory.category("Хип-Хоп")
    return await factory.star("comet", price=4_500_000, category_id=category, invitation_price=9_000_000)


@pytest.fixture
async def stranger(factory: Factory) -> Person:
    return await factory.star("stranger")


@pytest.fixture
async def order(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)
