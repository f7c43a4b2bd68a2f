"""Placing an order in greetings, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.catalog.keys import CATALOG
from mystar.catalog.model import GreetingPricing
from mystar.creators.keys import CREATORS
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.contracts.greetings.orders.order_requests import draft, listed
from tests.factory import Factory, Person
from tests.subtests import as_subtests

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


async def test_an_order_is_placed_by_the_documents_own_body(api: Api, customer: Person, star: Person) -> None:
    answer = await api.post("/api/order/", draft(customer, star), as_=customer)
    assert answer.status == 201
    body = await answer.json()
    assert body == {"order_id": body["order_id"], "message": "Заказ создан!"}

    (item,) = await listed(api, customer)
    seed = {
        "id": body["order_id"],
        "customer_id": customer.id,
        "star_id": star.id,
        "payment_id": "",
        "order_price": "45000.00",
        "by_time": "23:59:00",
        "for_whom": "Для Мамы",
        "comment": "Хочу поздравить маму с днем рождения",
        "status_order": 0,
        "star": "comet",
        "star_avatar": "нет фото",
        "cat_name": "Хип-Хоп",
        "username": "olga",
        "profession": "Певица",
        "customer_username": "olga",
        "video": "Видео не готово",
        "type": "Видео-поздравление",
    }
    assert {key: item[key] for key in seed} == seed
    # Without a date the order is due after the star's delivery days.
    assert item["by_date"] == (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert [action["name"] for action in item["allowed_actions"]] == ["pay", "cancel"]


async def test_an_order_may_be_sent_as_a_form(api: Api, customer: Person, star: Person) -> None:
    body = draft(customer, star, by_date=TOMORROW, by_time="09:27", type="", status_order="3")
    answer = await api.post("/api/order/", data=body, as_=customer)
    assert answer.status == 201
    (item,) = await listed(api, customer)
    assert (item["by_date"], item["by_time"], item["status_order"]) == (TOMORROW, "09:27:00", 0)


async def test_an_invitation_has_a_price_of_its_own(api: Api, customer: Person, star: Person, stranger: Person) -> None:
    wish = {"type": "Приглашение на праздник", "order_price": "90000.00"}
    assert (await api.post("/api/order/", draft(customer, star, **wish), as_=customer)).status == 201
    (item,) = await listed(api, customer)
    assert (item["order_price"], item["type"]) == ("90000.00", "Приглашение на праздник")
    refused = await api.post("/api/order/", draft(customer, stranger, **wish), as_=customer)
    assert refused.status == 400
    assert await refused.json() == ["Эта звезда не записывает приглашения."]


async def test_read_only_fields_of_an_order_are_ignored(
    api: Api, app: web.Application, customer: Person, star: Person, stranger: Person
) -> None:
    """Promise M10."""
    forged = {
        "status_order": 3,
        "status": "completed",
        "money": "captured",
        "money_goal": "give_back",
        "buyer_id": stranger.id,
        "creator_id": 1,
        "service_id": 1,
        "price": 1,
        "total_price": 1,
        "payment_id": "x",
        "id": 4711,
    }
    answer = await api.post("/api/order/", draft(customer, star, **forged), as_=customer)
    assert answer.status == 201
    row = await app[DATABASE].one("select * from orders")
    assert (row["status"], row["money"], row["money_goal"]) == ("pending", "none", "hold")
    assert (row["buyer_id"], row["price"], row["total_price"]) == (customer.id, 4_500_000, 4_500_000)
    assert row["id"] != 4711


@as_subtests
@pytest.mark.parametrize(
    ("changes", "status", "names"),
    [
        ({"star_id": ...}, 400, {"star_id"}),
        ({"star_id": "abc"}, 400, {"star_id"}),
        ({"star_id": True}, 400, {"star_id"}),
        ({"star_id": 2**70}, 400, {"star_id"}),
        ({"for_whom": "м" * 129}, 400, {"for_whom"}),
        ({"for_whom": ...}, 400, {"for_whom"}),
        ({"for_whom": "\x00"}, 400, {"for_whom"}),
        ({"for_whom": {"a": 1}}, 400, {"for_whom"}),
        ({"comment": "м" * 2001}, 400, {"comment"}),
        ({"order_price": "-1"}, 400, {"order_price"}),
        ({"order_price": "45000.001"}, 400, {"order_price"}),
        ({"order_price": "NaN"}, 400, {"order_price"}),
        ({"by_date": "2020-01-01"}, 400, {"by_date"}),
        ({"by_date": "завтра"}, 400, {"by_date"}),
        ({"by_time": "25:00"}, 400, {"by_time"}),
        ({"type": "Песня"}, 400, {"type"}),
        ({"star_id": 999_999}, 404, None),
        ({"customer_id": 999_999}, 403, None),
        ({"order_price": "44999.00"}, 409, None),
    ],
)
async def test_an_invalid_order_is_refused_and_not_stored(
    api: Api,
    app: web.Application,
    customer: Person,
    star: Person,
    changes: dict[str, Any],
    status: int,
    names: set[str] | None,
) -> None:
    answer = await api.post("/api/order/", draft(customer, star, **changes), as_=customer)
    body = await answer.json()
    assert answer.status == status, body
    assert set(body) == names if names else len(body) == 1
    assert await app[DATABASE].value("select count(*) from orders") == 0


@as_subtests
@pytest.mark.parametrize("body", [b"{", b"[]", b'"order"', b"[1]", b"\xff"])
async def test_a_body_that_is_not_an_object_is_refused(api: Api, customer: Person, body: bytes) -> None:
    answer = await api.post("/api/order/", data=body, as_=customer, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert await answer.json()


async def test_a_stale_price_is_refused_with_the_current_one(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person
) -> None:
    creator, terms = await app[CREATORS].by_account(star.id), GreetingPricing(5_000_000, await factory.category())
    async with app[DATABASE].transaction() as tx:
        await app[CATALOG].set_greeting(tx, creator.id, terms)
    answer = await api.post("/api/order/", draft(customer, star), as_=customer)
    assert answer.status == 409
    assert await answer.json() == ["Цена изменилась: сейчас 50\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}₽."]


async def test_a_star_cannot_order_from_itself(api: Api, star: Person) -> None:
    answer = await api.post("/api/order/", draft(star, star), as_=star, language="en")
    assert answer.status == 400
    assert await answer.json() == ["You cannot order from yourself."]


async def test_a_guest_cannot_order(api: Api, customer: Person, star: Person) -> None:
    answer = await api.post("/api/order/", draft(customer, star))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_repeated_order_with_a_key_is_one_order(
    api: Api, app: web.Application, customer: Person, star: Person
) -> None:
    headers = {"Idempotency-Key": "9a7c"}
    answers = [await api.post("/api/order/", draft(customer, star), as_=customer, headers=headers) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({await answer.read() for answer in answers}) == 1
    other = await api.post("/api/order/", draft(customer, star, comment="другое"), as_=customer, headers=headers)
    assert other.status == 422
    assert await app[DATABASE].value("select count(*) from orders") == 1
    assert await app[DATABASE].value("select count(*) from outbox where topic = 'mail'") == 1
