"""How many orders a creator takes at once, and when: in the catalogue and in every dialect that places orders (D71)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.creators.keys import AVAILABILITY
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.moments import day_text
from mystar.orders.keys import CAPACITY
from tests.chat.chat_client import opened
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.orders.market import Market

AVAILABLE, ABSENCES = "/api/v1/users/me/availability/", "/api/v1/users/me/absences/"
#: The address at which the greetings dialect places orders.
GREETING = "/api/order/"


async def say(api: Api, creator: Person, **change: Any) -> dict[str, Any]:
    answer = await api.patch(AVAILABLE, change, as_=creator)
    assert answer.status == 200, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def shown(market: Market) -> tuple[bool, int, int]:
    """Whether the service is shown as available, and the lengths of the list and of what is available."""
    one = await (await market.api.get(f"/api/v1/services/{market.service_id}/")).json()
    every, available = [
        (await (await market.api.get("/api/v1/services/", params=query)).json())["count"]
        for query in ({}, {"available": "true"})
    ]
    return one["is_available"], every, available


async def test_one_of_concurrent_buyers_gets_the_last_place_and_the_catalogue_shows_it(
    market: Market, api: Api, app: web.Application, factory: Factory
) -> None:
    creator = market.creator
    assert (await say(api, creator, max_open_orders=2))["is_available"] is True
    assert await shown(market) == (True, 1, 1)
    buyers = [await factory.person(channel="market") for _ in range(4)]
    draft = {"service_id": market.service_id, "requirements": "x"}
    answers = await asyncio.gather(*(api.post("/api/v1/orders/", draft, as_=buyer) for buyer in buyers))
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409]
    refusals = [await answer.json() for answer in answers if answer.status == 409]
    assert {refusal["code"] for refusal in refusals} == {"creator_at_capacity"}
    assert await shown(market) == (False, 1, 0)
    # The other endpoints: a greeting of the same star, and an offer of their own.
    wish = {"star_id": creator.id, "for_whom": "Мама", "order_price": "15000.00", "comment": "С днём рождения"}
    stars = await (await api.get("/api/star/getlist/")).json()
    assert [one["is_available"] for one in stars if one["id"] == creator.id] == [False]
    open_now = await api.get("/api/star/getlist/?available=true")
    assert (creator.id in [one["id"] for one in await open_now.json()], open_now.headers["X-Total-Count"]) == (
        False,
        "0",
    )
    assert (await api.post(GREETING, wish, as_=market.buyer)).status == 409
    talk = await opened(api, market.buyer, creator)
    terms = {"service_id": market.service_id, "price": 500, "delivery_days": 2}
    offer = await (await api.post(f"/api/v1/conversations/{talk}/offers/", terms, as_=creator)).json()
    accepting = f"/api/v1/offers/{offer['id']}/accept/"
    refused = await api.post(accepting, {}, as_=market.buyer)
    assert (refused.status, (await refused.json())["code"]) == (409, "creator_at_capacity")
    # An order that is over frees its place, also for the offer, which is still open.
    placed = [
        (await answer.json(), buyer) for answer, buyer in zip(answers, buyers, strict=True) if answer.status == 201
    ]
    (order, buyer), _ = placed
    await market.act(order["id"], "cancel", as_=buyer)
    assert await shown(market) == (True, 1, 1)
    assert (await api.post(accepting, {}, as_=market.buyer)).status == 201
    assert (await (await api.get(AVAILABLE, as_=creator)).json())["open_orders"] == 2
    assert await shown(market) == (False, 1, 0)
    # More places, or no bound, and what was marked is recounted.
    await say(api, creator, max_open_orders=3)
    assert await shown(market) == (True, 1, 1)
    await app[DATABASE].execute("update creator_availability set is_full = true")
    await app[CAPACITY].recount_full()
    assert await shown(market) == (True, 1, 1)
    assert (await say(api, creator, max_open_orders=None))["max_open_orders"] is None
    await market.place()


@pytest.mark.one_process("set the clock of the service")
async def test_an_absent_creator_takes_no_orders_until_the_day_after(
    market: Market, api: Api, app: web.Application, factory: Factory
) -> None:
    today = Clock().today()
    until = today + timedelta(days=3)
    added = await api.post(ABSENCES, {"starts_on": str(today), "ends_on": str(until)}, as_=market.creator)
    assert added.status == 201, await added.text()
    assert await shown(market) == (False, 1, 0)
    body = {"service_id": market.service_id}
    refused = await api.post("/api/v1/orders/", body, as_=market.buyer)
    assert (refused.status, (await refused.json())["code"]) == (409, "creator_away")
    assert f"перерыв по {day_text(until, 'ru')}." in (await refused.json())["error"]
    # It ends by itself.
    later = FrozenClock(Clock().now() + timedelta(days=4))
    app[AVAILABILITY]._clock = later
    await app[AVAILABILITY].follow_absences()
    assert await shown(market) == (True, 1, 1)
    await market.place()
    # One that begins tomorrow lets orders in until then; others cannot remove it.
    tomorrow = later.today() + timedelta(days=1)
    absence = await (
        await api.post(ABSENCES, {"starts_on": str(tomorrow), "ends_on": str(tomorrow)}, as_=market.creator)
    ).json()
    await market.place()
    stranger = await factory.star(channel="market")
    assert (await api.delete(f"{ABSENCES}{absence['id']}/", as_=stranger)).status == 404
    assert (await api.delete(f"{ABSENCES}{absence['id']}/", as_=market.creator)).status == 204
    assert (await (await api.get(AVAILABLE, as_=market.creator)).json())["absences"] == []


async def test_lead_time_is_added_to_the_delivery_time_and_bounds_are_kept(market: Market, api: Api) -> None:
    usual = date.fromisoformat((await market.place())["delivery_date"])
    assert (await say(api, market.creator, lead_days=4))["lead_days"] == 4
    later = date.fromisoformat((await market.place())["delivery_date"])
    assert later - usual in (timedelta(days=4), timedelta(days=5))
    today = Clock().today()
    for path, body in (
        (AVAILABLE, {"max_open_orders": 0}),
        (AVAILABLE, {"max_open_orders": 1001}),
        (AVAILABLE, {"lead_days": -1}),
        (AVAILABLE, {"lead_days": 91}),
        (ABSENCES, {"starts_on": str(today), "ends_on": str(today - timedelta(days=1))}),
        (ABSENCES, {"starts_on": "2020-01-01", "ends_on": "2020-01-02"}),
        (ABSENCES, {"starts_on": str(today), "ends_on": str(today + timedelta(days=400))}),
        (ABSENCES, {"starts_on": "9998-12-29", "ends_on": "9999-12-31"}),
    ):
        send = api.patch if path == AVAILABLE else api.post
        assert (await send(path, body, as_=market.creator)).status == 422, body
    last = await api.post(ABSENCES, {"starts_on": "9999-12-30", "ends_on": "9999-12-31"}, as_=market.creator)
    assert last.status == 201, await last.text()
    assert (await api.get(AVAILABLE, as_=market.buyer)).status == 403
    assert (await say(api, market.creator))["lead_days"] == 4
