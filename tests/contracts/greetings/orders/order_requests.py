"""Requests about orders, as clients of greetings send them."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse

from tests.conftest import Api
from tests.factory import Person, video
from tests.files.uploading import form


def draft(customer: Person, star: Person, **changes: Any) -> dict[str, Any]:
    """The document's own body: every value is a text, and there is no date."""
    body = {
        "customer_id": str(customer.id),
        "star_id": str(star.id),
        "order_price": "45000.00",
        "for_whom": "Для Мамы",
        "comment": "Хочу поздравить маму с днем рождения",
        "status_order": "0",
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


async def decide(api: Api, person: Person, order_id: object, word: object = "accept", **how: Any) -> ClientResponse:
    return await api.post("/api/orderaccept/", {"order_id": order_id, "accept": word}, as_=person, **how)


async def listed(api: Api, person: Person, *, is_star: str = "false") -> list[dict[str, Any]]:
    answer = await api.get("/api/order/list/", params={"is_star": is_star, "user_id": person.id}, as_=person)
    assert answer.status == 200
    items: list[dict[str, Any]] = await answer.json()
    return items


async def status_of(api: Api, person: Person) -> int:
    (item,) = await listed(api, person)
    return int(item["status_order"])


async def upload(api: Api, star: Person, order_id: int) -> ClientResponse:
    body = form(star_id=star.id, order_id=order_id, video_con=("mum.mp4", video()))
    return await api.post("/api/upload/congritulatoin/", data=body, as_=star)


async def charged(api: Api, customer: Person) -> bool:
    return await status_of(api, customer) == 3


async def money_is(api: Api, customer: Person, word: str) -> bool:
    (item,) = await listed(api, customer)
    return bool(item["money"] == word)
