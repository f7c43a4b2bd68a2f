"""Placing orders in the market dialect: docs/dialects/market.md#orders, D20–D25."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mystar.kit.postgres.database import Database
from tests.factory import Factory
from tests.orders.market import PRICE, Market, action_names, add_service, in_days
from tests.subtests import as_subtests

#: What the document prints of an order; more is allowed.
SEED = {
    "id": int,
    "service": dict,
    "buyer": dict,
    "status": str,
    "requirements": str,
    "price": float,
    "total_price": float,
    "delivery_date": str,
    "created_at": str,
    "updated_at": str,
    "selected_options": list,
}


# Placing


async def test_an_order_has_the_shape_of_the_document(market: Market) -> None:
    order = await market.place(delivery_date=in_days(9), selected_option_ids=market.options)
    assert {name: type(order[name]) for name in SEED} == SEED
    assert (order["status"], order["kind"], order["money"]) == ("pending", "service", "none")
    assert order["price"] == 1000
    assert order["total_price"] == 1500.5
    assert order["delivery_date"] == in_days(9)
    assert order["service"]["id"] == market.service_id
    buyer = market.buyer
    assert order["buyer"] == {"id": buyer.id, "username": buyer.username, "full_name": buyer.username, "avatar": None}
    assert order["creator"]["id"] == market.creator.id
    assert [option["price"] for option in order["selected_options"]] == [200, 300.5]
    assert action_names(order) == ["pay", "cancel"]


async def test_the_price_and_the_options_are_frozen(market: Market, db: Database) -> None:
    order = await market.place(selected_option_ids=[market.options[0]])
    await db.execute("update services set base_price = 7")
    await db.execute("update service_options set price = 7, name = 'x', retired_at = now()")
    read = await market.read(order["id"])
    assert (read["price"], read["total_price"]) == (1000, 1200)
    assert read["selected_options"] == order["selected_options"]
    assert await db.value("select price + 20000 = total_price from orders")


async def test_an_option_named_twice_is_bought_once(market: Market) -> None:
    order = await market.place(selected_option_ids=[market.options[0]] * 3)
    assert order["total_price"] == 1200


async def test_without_a_date_the_delivery_time_of_the_service_applies(market: Market) -> None:
    assert (await market.place())["delivery_date"] in (in_days(6), in_days(7), in_days(8))


async def test_the_price_with_modifications_is_the_whole_price(market: Market) -> None:
    draft = {"service": market.service_id, "with_modifications": True, "modifications_description": "Другой финал"}
    answer = await market.api.post("/api/orders/", draft, as_=market.buyer)
    assert answer.status == 201
    order = await answer.json()
    assert order["total_price"] == 1150
    assert order["selected_options"] == [{"id": None, "name": "Доработки", "description": "Другой финал", "price": 150}]


async def test_modifications_that_are_not_sold_are_refused(market: Market, db: Database) -> None:
    await db.execute("update services set modifications_price = null")
    draft = {"service": market.service_id, "with_modifications": True}
    answer = await market.api.post("/api/orders/", draft, as_=market.buyer)
    assert answer.status == 422
    assert "with_modifications" in (await answer.json())["errors"]


async def test_a_greeting_ordered_in_market_is_listed_in_greetings(
    market: Market, db: Database, factory: Factory
) -> None:
    greeting = await db.value("select id from services where kind = 'greeting'")
    order = await market.place(service_id=greeting, requirements="С днём рождения, мама!")
    assert (order["kind"], order["price"]) == ("greeting", 15000)
    listed = await market.api.get("/api/order/list/", params={"is_star": "true"}, as_=market.creator)
    assert [(one["id"], one["comment"]) for one in await listed.json()] == [(order["id"], "С днём рождения, мама!")]


async def test_a_greeting_ordered_in_greetings_is_read_in_market(market: Market) -> None:
    order_id = await market.factory.order(market.buyer, market.creator, requirements="Спойте")
    order = await market.read(order_id, market.creator)
    assert (order["kind"], order["requirements"], order["for_whom"]) == ("greeting", "Спойте", "Для мамы")


@as_subtests
@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"service_id": "x"}, "service_id"),
        ({"service_id": None}, "service_id"),
        ({"selected_option_ids": [10**9]}, "selected_option_ids"),
        ({"selected_option_ids": "1"}, "selected_option_ids"),
        ({"selected_option_ids": [1.5]}, "selected_option_ids.0"),
        ({"delivery_date": "2020-01-01"}, "delivery_date"),
        ({"delivery_date": "soon"}, "delivery_date"),
        ({"requirements": "х" * 5001}, "requirements"),
        ({"requirements": "\x00"}, "requirements"),
    ],
)
async def test_invalid_input_of_an_order_is_refused_by_field(market: Market, draft: dict[str, Any], field: str) -> None:
    body = {"service_id": market.service_id, **draft}
    answer = await market.api.post("/api/v1/orders/", body, as_=market.buyer)
    assert answer.status == 422
    assert list((await answer.json())["errors"]) == [field]


async def test_options_of_another_service_are_refused(market: Market) -> None:
    _, foreign = await add_service(market.app, await market.factory.star())
    body = {"service_id": market.service_id, "selected_option_ids": [market.options[0], foreign[0]]}
    answer = await market.api.post("/api/v1/orders/", body, as_=market.buyer)
    assert answer.status == 422
    assert list((await answer.json())["errors"]) == ["selected_option_ids"]


async def test_creators_cannot_buy_from_themselves(market: Market) -> None:
    answer = await market.api.post("/api/v1/orders/", {"service_id": market.service_id}, as_=market.creator)
    assert (answer.status, (await answer.json())["code"]) == (422, "own_service")


async def test_a_hidden_service_cannot_be_ordered(market: Market) -> None:
    hidden, _ = await add_service(market.app, market.creator, listed=False)
    for service_id in (hidden, 10**9):
        answer = await market.api.post("/api/v1/orders/", {"service_id": service_id}, as_=market.buyer)
        assert answer.status == 404


async def test_a_guest_cannot_order(market: Market) -> None:
    answer = await market.api.post("/api/v1/orders/", {"service_id": market.service_id})
    assert answer.status == 401


async def test_clients_cannot_set_price_parties_or_state(market: Market, db: Database) -> None:
    """Promise M10."""
    forged = {
        "price": 1,
        "total_price": 1,
        "buyer_id": market.creator.id,
        "buyer": market.creator.id,
        "creator_id": 7,
        "status": "completed",
        "money": "captured",
        "money_goal": "give_back",
        "kind": "studio",
        "options": [{"price": -5}],
        "deadline_at": "2000-01-01",
        "reviewed_at": "2000-01-01",
        "refunded": 5,
        "rating": 5,
    }
    order = await market.place(**forged)
    before = await db.one("select * from orders")
    assert (before["price"], before["total_price"], before["status"]) == (PRICE, PRICE, "pending")
    assert (before["buyer_id"], before["kind"], before["money"]) == (market.buyer.id, "service", "none")
    for method in (market.api.patch, market.api.post):
        for path in ("", "pay/", "dispute/", "refund/"):
            await method(f"/api/v1/orders/{order['id']}/{path}", forged, as_=market.buyer)
    after = await db.one("select * from orders")
    assert {name for name in before if before[name] != after[name]} <= {"money", "payment_method", "updated_at"}
    assert (after["money"], after["payment_method"]) == ("pending", "bank_card")


# Lists


# One order


async def test_delivery_dates_are_iso_dates(market: Market) -> None:
    order = await market.place(delivery_date=in_days(3))
    assert date.fromisoformat(order["delivery_date"])
