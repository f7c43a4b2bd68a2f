"""A customer and a star."""

from __future__ import annotations

import pytest

from tests.factory import Factory, Person


@pytest.fixture
async def fan(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star("zemfira", tags=["Рок"], phone="9787896546")
