"""A creator, and skills to have."""

from __future__ import annotations

import pytest
from aiohttp import web

from mystar.creators.keys import SKILLS
from tests.factory import Factory, Person, actor


@pytest.fixture
async def creator(factory: Factory) -> Person:
    return await factory.star("comet")


@pytest.fixture
async def skills(app: web.Application, factory: Factory) -> list[int]:
    """Photoshop, Illustrator and After Effects: their ids."""
    owner = actor(await factory.staff(), "owner")
    words = {
        "Photoshop": "Редактирование изображений",
        "Illustrator": "Векторная графика",
        "After Effects": "Анимация",
    }
    return [(await app[SKILLS].add(owner, name, description)).id for name, description in words.items()]
