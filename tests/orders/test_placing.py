"""Orders through the market dialect's door: docs/dialects/market.md#orders, D20–D25."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.factory import Factory, Person, picture
from tests.files.uploading import form
from tests.orders.market import OPTIONS, PRICE, Market, add_service
from tests.sandbox_process import SandboxProcess
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


@pytest.fixture
def db(app: web.Application) -> Database:
    return app[DATABASE]


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def names(order: dict[str, Any]) -> list[str]:
    return [action["name"] for action in order["allowed_actions"]]


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
    assert names(order) == ["pay", "cancel"]


async def test_the_price_and_the_options_are_frozen(market: Market, db: Database) -> None:
    order = await market.place(selected_option_ids=[market.options[0]])
    await db.execute("update services set base_price = 7")
    await db.execute("update service_options set price = 7, name = 'x', retired_at = now()")
    read = await market.read(order["id"])
    assert (read["price"], read["total_price"]) == (1000, 1200)
    assert read["selected_options"] == order["selected_options"]
    assert await db.value("select price + 20000 = total_price from orders")


async def test_an_option_is_bought_once_however_often_it_is_named(market: Market) -> None:
    order = await market.place(selected_option_ids=[market.options[0]] * 3)
    assert order["total_price"] == 1200


async def test_who_names_no_date_gets_the_service_s_own(market: Market) -> None:
    assert (await market.place())["delivery_date"] in (in_days(6), in_days(7), in_days(8))


async def test_the_price_with_modifications_is_the_whole_price(market: Market) -> None:
    draft = {"service": market.service_id, "with_modifications": True, "modifications_description": "Другой финал"}
    answer = await market.api.post("/api/orders/", draft, as_=market.buyer)
    assert answer.status == 201
    order = await answer.json()
    assert order["total_price"] == 1150
    assert order["selected_options"] == [{"id": None, "name": "Доработки", "description": "Другой финал", "price": 150}]


async def test_changes_that_nobody_sells_are_refused(market: Market, db: Database) -> None:
    await db.execute("update services set modifications_price = null")
    draft = {"service": market.service_id, "with_modifications": True}
    answer = await market.api.post("/api/orders/", draft, as_=market.buyer)
    assert answer.status == 422
    assert "with_modifications" in (await answer.json())["errors"]


async def test_a_greeting_that_is_ordered_here_is_a_greeting_everywhere(
    market: Market, db: Database, factory: Factory
) -> None:
    greeting = await db.value("select id from services where kind = 'greeting'")
    order = await market.place(service_id=greeting, requirements="С днём рождения, мама!")
    assert (order["kind"], order["price"]) == ("greeting", 15000)
    listed = await market.api.get("/api/order/list/", params={"is_star": "true"}, as_=market.creator)
    assert [(one["id"], one["comment"]) for one in await listed.json()] == [(order["id"], "С днём рождения, мама!")]


async def test_a_greeting_of_the_other_dialect_is_read_here(market: Market) -> None:
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
async def test_bad_input_is_refused_by_field(market: Market, draft: dict[str, Any], field: str) -> None:
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


async def test_nobody_buys_from_himself(market: Market) -> None:
    answer = await market.api.post("/api/v1/orders/", {"service_id": market.service_id}, as_=market.creator)
    assert (answer.status, (await answer.json())["code"]) == (422, "own_service")


async def test_a_hidden_service_is_not_there(market: Market) -> None:
    hidden, _ = await add_service(market.app, market.creator, listed=False)
    for service_id in (hidden, 10**9):
        answer = await market.api.post("/api/v1/orders/", {"service_id": service_id}, as_=market.buyer)
        assert answer.status == 404


async def test_a_guest_orders_nothing(market: Market) -> None:
    answer = await market.api.post("/api/v1/orders/", {"service_id": market.service_id})
    assert answer.status == 401


async def test_a_client_sets_neither_price_nor_party_nor_state(market: Market, db: Database) -> None:
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


async def test_both_parties_find_the_order_and_nobody_else(market: Market) -> None:
    first, second = await market.place(), await market.place()
    stranger = await market.factory.person()
    for person, found in (
        (market.buyer, [second["id"], first["id"]]),
        (market.creator, [second["id"], first["id"]]),
        (stranger, []),
    ):
        page = await (await market.api.get("/api/v1/orders/", as_=person)).json()
        assert page["count"] == len(found)
        assert [order["id"] for order in page["results"]] == found
    for role, count in (("buyer", 2), ("creator", 0)):
        page = await (await market.api.get("/api/v1/orders/", params={"role": role}, as_=market.buyer)).json()
        assert page["count"] == count


async def test_who_buys_and_sells_has_one_list(market: Market, app: web.Application) -> None:
    other = await market.factory.star()
    service_id, _ = await add_service(app, other)
    sold = await market.place()
    answer = await market.api.post("/api/v1/orders/", {"service_id": service_id}, as_=market.creator)
    bought = await answer.json()
    page = await (await market.api.get("/api/v1/orders/", as_=market.creator)).json()
    assert [order["id"] for order in page["results"]] == [bought["id"], sold["id"]]


async def test_a_list_is_filtered_by_what_is_shown(market: Market, db: Database) -> None:
    plain, paid, done = [(await market.place())["id"] for _ in range(3)]
    await db.execute("update orders set money = 'held' where id = %(id)s", id=paid)
    await db.execute("update orders set status = 'cancelled' where id = %(id)s", id=done)
    for status, found in (("pending", plain), ("paid", paid), ("cancelled", done), ("canceled", done)):
        page = await (await market.api.get("/api/v1/orders/", params={"status": status}, as_=market.buyer)).json()
        assert [order["id"] for order in page["results"]] == [found], status
    bad = await market.api.get("/api/v1/orders/", params={"status": "lost"}, as_=market.buyer)
    assert bad.status == 422


async def test_pages_lead_to_each_other_and_end(market: Market) -> None:
    placed = [(await market.place())["id"] for _ in range(3)]
    page = await (await market.api.get("/api/v1/orders/", params={"page_size": 2}, as_=market.buyer)).json()
    assert (page["count"], page["previous"], len(page["results"])) == (3, None, 2)
    last = await (await market.api.get(page["next"], as_=market.buyer)).json()
    assert (last["count"], last["next"], [order["id"] for order in last["results"]]) == (3, None, placed[:1])
    beyond = await market.api.get("/api/v1/orders/", params={"page": 3, "page_size": 2}, as_=market.buyer)
    assert beyond.status == 404


# One order


async def test_a_stranger_and_a_guest_find_nothing(market: Market) -> None:
    order = await market.place()
    stranger = await market.factory.star()
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "deliveries/"),
        *(("POST", f"{verb}/") for verb in ("pay", "accept", "reject", "deliveries", "approve", "cancel")),
        *(("POST", f"{verb}/") for verb in ("request-revision", "dispute", "capture", "refund", "complete_order")),
    ):
        body = {"requirements": "x", "message": "x"}
        url = f"/api/v1/orders/{order['id']}/{path}"
        options = {} if method == "GET" else {"json": body}
        assert (await market.api.request(method, url, as_=stranger, **options)).status == 404, (method, path)
        assert (await market.api.request(method, url, **options)).status == 401, (method, path)


async def test_the_buyer_edits_until_something_is_delivered(market: Market, db: Database) -> None:
    order = await market.place()
    url = f"/api/v1/orders/{order['id']}/"
    answer = await market.api.patch(
        url, {"requirements": "Три минуты", "delivery_date": in_days(30), "status": "completed"}, as_=market.buyer
    )
    assert answer.status == 200
    edited = await answer.json()
    assert (edited["requirements"], edited["delivery_date"]) == ("Три минуты", in_days(30))
    assert edited["status"] == "pending"
    assert [event["action"] for event in edited["timeline_events"]] == ["place", "edit"]
    news = await db.all("select kind, account_id from notifications where kind = 'order_edited'")
    assert news == [{"kind": "order_edited", "account_id": market.creator.id}]
    assert (await market.api.patch(url, {"requirements": "x"}, as_=market.creator)).status == 403
    await market.deliver(order["id"])
    late = await market.api.patch(url, {"requirements": "x"}, as_=market.buyer)
    assert late.status == 409
    # A status set by the client is ignored.
    assert (await market.api.patch(url, {"status": "delivered"}, as_=market.creator)).status == 200


@as_subtests
@pytest.mark.parametrize("body", [{"delivery_date": "2020-01-01"}, {"delivery_date": None}, {"requirements": 5 * [1]}])
async def test_a_bad_edit_is_refused(market: Market, body: dict[str, Any]) -> None:
    order = await market.place()
    answer = await market.api.patch(f"/api/v1/orders/{order['id']}/", body, as_=market.buyer)
    assert answer.status == 422


async def test_pictures_of_people_have_whole_addresses(market: Market) -> None:
    faces = {}
    for who in (market.buyer, market.creator):
        answer = await market.api.post("/api/upload/avatar/", data=form(image=("me.jpg", picture())), as_=who)
        faces[who.id] = market.api.url + (await answer.json())["image"]
    order = await market.place()
    assert order["buyer"]["avatar"] == faces[market.buyer.id]
    assert order["creator"]["avatar"] == order["service"]["creator"]["avatar"] == faces[market.creator.id]
    assert (await market.read(order["id"]))["timeline_events"][0]["actor"]["avatar"] == faces[market.buyer.id]


async def test_the_whole_life_through_http(market: Market, sandbox_process: SandboxProcess) -> None:
    order_id = (await market.place(selected_option_ids=market.options))["id"]
    link = (await market.act(order_id, "pay", as_=market.buyer))["link"]
    assert "sig=" in link
    await market.factory.hold(order_id, sandbox_process)
    assert (await market.read(order_id))["status"] == "paid"
    assert (await market.act(order_id, "accept", as_=market.creator))["status"] == "paid"
    file_id = await market.file(market.creator)
    delivery = await market.deliver(order_id, file_ids=[file_id])
    assert {"id", "order_id", "files", "message", "created_by", "created_at"} <= delivery.keys()
    assert (delivery["number"], delivery["created_by"], delivery["order_id"]) == (1, market.creator.id, order_id)
    (file,) = delivery["files"]
    assert file["url"].startswith(f"{market.api.url}/media/")
    assert (await market.api.get(file["url"])).status == 200
    await market.act(order_id, "request-revision", {"reason": "Громче"}, as_=market.buyer)
    assert (await market.deliver(order_id, message="Громче"))["number"] == 2
    done = await market.act(order_id, "approve", as_=market.buyer)
    assert done["status"] == "completed"
    assert done["completed_at"]
    assert names(done) == ["review"]
    detail = await market.read(order_id)
    assert [one["number"] for one in detail["deliveries"]] == [2, 1]
    assert detail["paid_at"] is not None
    (payment,) = detail["payments"]
    assert (payment["amount"], payment["status"]) == ((PRICE + sum(OPTIONS)) / 100, "captured")
    actions = [event["action"] for event in detail["timeline_events"]]
    assert actions[:5] == ["place", "pay", "money_held", "accept", "deliver"]
    assert detail["timeline_events"][5]["reason"] == "Громче"
    page = await (await market.api.get(f"/api/v1/orders/{order_id}/deliveries/", as_=market.buyer)).json()
    assert (page["count"], [one["number"] for one in page["results"]]) == (2, [2, 1])


async def test_cancelling_answers_with_the_seed_s_words(market: Market) -> None:
    order = await market.place()
    cancelled = await market.act(order["id"], "cancel_order", {"reason": "Передумали"}, as_=market.buyer)
    assert (cancelled["id"], cancelled["status"]) == (order["id"], "cancelled")
    assert cancelled["cancellation_reason"] == "Передумали"
    assert cancelled["cancelled_at"]


async def test_the_right_party_at_the_wrong_time_learns_what_it_may_do(market: Market) -> None:
    order = await market.place()
    refusal = await market.act(order["id"], "approve", as_=market.buyer, status=409)
    assert refusal["status"] == "pending"
    assert [action["name"] for action in refusal["allowed_actions"]] == ["pay", "cancel"]
    assert refusal["code"] == "order_wrong_time"
    assert {"error", "detail"} <= refusal.keys()


async def test_the_wrong_party_is_refused_for_good(market: Market) -> None:
    order_id = (await market.place())["id"]
    for action, person in (("approve", market.creator), ("accept", market.buyer), ("pay", market.creator)):
        assert (await market.act(order_id, action, as_=person, status=403))["code"] == "order_not_yours"
    await market.act(order_id, "refund", {"amount": 1}, as_=market.buyer, status=403)
    await market.act(order_id, "deliveries", {"message": "Вот"}, as_=market.buyer, status=403)


async def test_nothing_and_other_people_s_files_are_not_delivered(market: Market) -> None:
    order_id = (await market.place())["id"]
    await market.act(order_id, "deliveries", {}, as_=market.creator, status=422)
    foreign = await market.file(market.buyer)
    await market.act(order_id, "deliveries", {"file_ids": [foreign]}, as_=market.creator, status=404)
    await market.act(order_id, "deliveries", {"file_ids": "all"}, as_=market.creator, status=422)
    assert (await market.read(order_id))["deliveries"] == []


async def test_an_older_client_delivers_by_the_top_level_address(market: Market) -> None:
    order_id = (await market.place())["id"]
    body = {"order": order_id, "message": "Готово"}
    answer = await market.api.post("/api/deliveries/", body, as_=market.creator)
    assert answer.status == 201
    assert (await market.act(order_id, "complete_order", as_=market.buyer))["status"] == "completed"
    assert (await market.api.post("/api/deliveries/", {"message": "x"}, as_=market.creator)).status == 422


async def test_an_unpaid_greeting_stays_closed_to_its_buyer(market: Market) -> None:
    order_id = await market.factory.order(market.buyer, market.creator)
    await market.deliver(order_id, file_ids=[await market.file(market.creator)])
    (shown,) = (await market.read(order_id))["deliveries"]
    assert [file["url"] for file in shown["files"]] == [None]
    (own,) = (await market.read(order_id, market.creator))["deliveries"]
    assert own["files"][0]["url"]


async def test_the_number_of_queries_does_not_grow_with_the_page(
    market: Market, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    run = Database._run

    async def counting(self: Database, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return await run(self, *arguments)

    monkeypatch.setattr(Database, "_run", counting)
    counts = []
    for _ in range(2):
        for _ in range(3):
            await market.place(selected_option_ids=market.options)
        tries = []
        # What runs in the background asks, too, but not every time.
        for _ in range(5):
            asked = 0
            assert (await market.api.get("/api/v1/orders/", as_=market.buyer)).status == 200
            tries.append(asked)
        counts.append(min(tries))
    assert counts[0] == counts[1] <= 4


async def test_dates_are_days(market: Market) -> None:
    order = await market.place(delivery_date=in_days(3))
    assert date.fromisoformat(order["delivery_date"])


async def test_staff_read_and_settle(market: Market, person_of_staff: Person) -> None:
    order_id = (await market.place())["id"]
    await market.deliver(order_id)
    await market.act(order_id, "dispute", {"reason": "Не то"}, as_=market.buyer)
    seen = await market.read(order_id, person_of_staff)
    assert (seen["status"], names(seen)) == ("disputed", ["approve", "cancel"])
    await market.act(order_id, "approve", as_=market.buyer, status=409)
    settled = await market.act(order_id, "cancel", {"reason": "Покупатель прав"}, as_=person_of_staff)
    assert settled["status"] == "cancelled"


@pytest.fixture
async def person_of_staff(factory: Factory) -> Person:
    return await factory.staff("operator")


async def test_an_order_to_the_studio_is_read_by_its_owner(market: Market) -> None:
    answer = await market.api.post(
        "/api/orders/orders/", {"title": "Афиша", "description": "Три медведя на велосипеде"}, as_=market.buyer
    )
    assert answer.status == 201, await answer.text()
    order_id = (await answer.json())["id"]
    order = await market.read(order_id)
    assert (order["kind"], order["status"], order["requirements"]) == ("studio", "new", "Три медведя на велосипеде")
    assert (order["service"], order["creator"], order["allowed_actions"]) == (None, None, [])
    page = await (await market.api.get("/api/v1/orders/", params={"status": "new"}, as_=market.buyer)).json()
    assert [one["id"] for one in page["results"]] == [order_id]
    for verb in ("pay", "cancel"):
        await market.act(order_id, verb, as_=market.buyer, status=403)
    assert (await market.api.get(f"/api/v1/orders/{order_id}/", as_=market.creator)).status == 404
