"""Two people who talk, and one who should not hear it."""

from __future__ import annotations

import pytest

from tests.chat.chat_client import opened
from tests.conftest import Api
from tests.factory import Factory, Person


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person("anna")


@pytest.fixture
async def boris(factory: Factory) -> Person:
    return await factory.person("boris")


@pytest.fixture
async def stranger(factory: Factory) -> Person:
    return await factory.person("stranger")


@pytest.fixture
async def chat(api: Api, anna: Person, boris: Person) -> int:
    """The id of the conversation that Anna has begun with Boris."""
    return await opened(api, anna, boris)
