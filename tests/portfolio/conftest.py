"""Creators, and works made over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, Person, picture
from tests.files.uploading import form

ITEMS, IMAGES = "/api/portfolio/", "/api/portfolio-images/"
Show = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def creator(factory: Factory) -> Person:
    return await factory.star("comet")


@pytest.fixture
async def other(factory: Factory) -> Person:
    return await factory.star("rival")


@pytest.fixture
def media_folder(settings: Settings) -> Path:
    return settings.data_dir / "media"


@pytest.fixture
def show(api: Api, creator: Person) -> Show:
    """Show a work: the answer."""

    async def do(title: str = "Дизайн логотипа", as_: Person = creator, **fields: Any) -> dict[str, Any]:
        body = form(title=title, **{"cover_image": ("logo.jpg", picture()), **fields})
        answer = await api.post(ITEMS, data=body, as_=as_)
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        return made

    return do


@pytest.fixture
def add(api: Api, creator: Person) -> Show:
    """Add an image to a work: the answer."""

    async def do(item: dict[str, Any], as_: Person = creator, **fields: Any) -> dict[str, Any]:
        body = form(portfolio_item=item["id"], **{"image": ("logo1.png", picture("PNG")), **fields})
        answer = await api.post(IMAGES, data=body, as_=as_)
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        return made

    return do
