"""A customer, a star, and what they are told."""

from __future__ import annotations

import pytest

from tests.factory import Factory, Person


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person("olga")


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star("comet")
