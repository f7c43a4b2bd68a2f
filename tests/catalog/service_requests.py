"""Requests about services, as clients of the market dialect send them."""

from __future__ import annotations

from typing import Any

from aiohttp import FormData

from tests.conftest import Api
from tests.factory import Factory, Person, picture

ALL = "/api/v1/services/"


async def form(factory: Factory, **further: Any) -> dict[str, Any]:
    """The document's own sample."""
    return {
        "title": "Логотип для кофейни",
        "description": "Три варианта и исходники",
        "category_id": further.get("category_id") or await factory.category(),
        "base_price": 1000,
        "delivery_time": 7,
        "options": [{"name": "Срочно", "description": "За день", "price": 200}],
        "tags": ["логотип", "Кофе"],
        **further,
    }


def with_pictures(fields: dict[str, str], *names: str) -> FormData:
    """A form as browsers send it, with ``uploaded_images[]``."""
    form = FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    for name in names:
        form.add_field("uploaded_images[]", picture("PNG"), filename=name, content_type="image/png")
    return form


async def create_service(api: Api, creator: Person, factory: Factory, **further: Any) -> dict[str, Any]:
    answer = await api.post(ALL, await form(factory, **further), as_=creator)
    assert answer.status == 201, await answer.text()
    return await answer.json()


async def ids(api: Api, as_: Person | None = None, **params: Any) -> list[int]:
    page = await (await api.get(ALL, params=params, as_=as_)).json()
    return [one["id"] for one in page["results"]]
