"""Requests about payments, as browsers and the provider send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import ClientResponse, web
from yarl import URL

from mystar.payments.keys import PAYMENTS
from tests.conftest import Api
from tests.factory import Person
from tests.waiting import eventually

if TYPE_CHECKING:
    pass


BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def link_to_pay(api: Api, customer: Person, order_id: object) -> URL:
    answer = await api.get("/api/order/pay/", params={"order_id": str(order_id)}, as_=customer)
    assert answer.status == 200, await answer.text()
    return URL((await answer.json())["link"])


async def follow(api: Api, link: URL, **options: Any) -> ClientResponse:
    return await api.get(link.path, params=dict(link.query), **options)


async def payment_of(app: web.Application, order_id: int) -> Any:
    return await app[PAYMENTS].of_order(order_id)


async def begun(api: Api, app: web.Application, customer: Person, order_id: int) -> Any:
    """The order's payment, whose page waits for the customer."""
    answer = await follow(api, await link_to_pay(api, customer, order_id))
    assert answer.status == 302, await answer.text()
    return await payment_of(app, order_id)


def notification(provider_id: object, event: str = "payment.waiting_for_capture", **about: Any) -> dict[str, Any]:
    return {"type": "notification", "event": event, "object": {"id": provider_id, **about}}


async def money_becomes(app: web.Application, order_id: int, status: str) -> None:
    async def there() -> bool:
        return bool((await payment_of(app, order_id)).status == status)

    await eventually(there)
