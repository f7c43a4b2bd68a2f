"""Edits and actions of an order through the market dialect, until it is over."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.kit.postgres.database import Database
from tests.factory import Factory, Person, picture
from tests.files.uploading import form
from tests.orders.market import OPTIONS, PRICE, Market, action_names, in_days
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests


async def test_the_buyer_edits_an_order_until_the_first_delivery(market: Market, db: Database) -> None:
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
async def test_an_invalid_edit_is_refused(market: Market, body: dict[str, Any]) -> None:
    order = await market.place()
    answer = await market.api.patch(f"/api/v1/orders/{order['id']}/", body, as_=market.buyer)
    assert answer.status == 422


async def test_pictures_of_the_parties_have_absolute_addresses(market: Market) -> None:
    faces = {}
    for who in (market.buyer, market.creator):
        answer = await market.api.post("/api/upload/avatar/", data=form(image=("me.jpg", picture())), as_=who)
        faces[who.id] = market.api.url + (await answer.json())["image"]
    order = await market.place()
    assert order["buyer"]["avatar"] == faces[market.buyer.id]
    assert order["creator"]["avatar"] == order["service"]["creator"]["avatar"] == faces[market.creator.id]
    assert (await market.read(order["id"]))["timeline_events"][0]["actor"]["avatar"] == faces[market.buyer.id]


async def test_an_order_is_completed_over_http(market: Market, sandbox_process: SandboxProcess) -> None:
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
    assert action_names(done) == ["review"]
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


async def test_cancelling_answers_with_the_documented_fields(market: Market) -> None:
    order = await market.place()
    cancelled = await market.act(order["id"], "cancel_order", {"reason": "Передумали"}, as_=market.buyer)
    assert (cancelled["id"], cancelled["status"]) == (order["id"], "cancelled")
    assert cancelled["cancellation_reason"] == "Передумали"
    assert cancelled["cancelled_at"]


async def test_an_action_at_the_wrong_time_is_refused_with_the_allowed_ones(market: Market) -> None:
    order = await market.place()
    refusal = await market.act(order["id"], "approve", as_=market.buyer, status=409)
    assert refusal["status"] == "pending"
    assert [action["name"] for action in refusal["allowed_actions"]] == ["pay", "cancel"]
    assert refusal["code"] == "order_wrong_time"
    assert {"error", "detail"} <= refusal.keys()


async def test_an_action_of_the_wrong_party_is_forbidden(market: Market) -> None:
    order_id = (await market.place())["id"]
    for action, person in (("approve", market.creator), ("accept", market.buyer), ("pay", market.creator)):
        assert (await market.act(order_id, action, as_=person, status=403))["code"] == "order_not_yours"
    await market.act(order_id, "refund", {"amount": 1}, as_=market.buyer, status=403)
    await market.act(order_id, "deliveries", {"message": "Вот"}, as_=market.buyer, status=403)


async def test_empty_deliveries_and_files_of_others_are_refused(market: Market) -> None:
    order_id = (await market.place())["id"]
    await market.act(order_id, "deliveries", {}, as_=market.creator, status=422)
    foreign = await market.file(market.buyer)
    await market.act(order_id, "deliveries", {"file_ids": [foreign]}, as_=market.creator, status=404)
    await market.act(order_id, "deliveries", {"file_ids": "all"}, as_=market.creator, status=422)
    assert (await market.read(order_id))["deliveries"] == []


async def test_an_older_client_delivers_at_the_top_level_address(market: Market) -> None:
    order_id = (await market.place())["id"]
    body = {"order": order_id, "message": "Готово"}
    answer = await market.api.post("/api/deliveries/", body, as_=market.creator)
    assert answer.status == 201
    assert (await market.act(order_id, "complete_order", as_=market.buyer))["status"] == "completed"
    assert (await market.api.post("/api/deliveries/", {"message": "x"}, as_=market.creator)).status == 422


async def test_the_video_of_an_unpaid_greeting_is_hidden_from_its_buyer(market: Market) -> None:
    order_id = await market.factory.order(market.buyer, market.creator)
    await market.deliver(order_id, file_ids=[await market.file(market.creator)])
    (shown,) = (await market.read(order_id))["deliveries"]
    assert [file["url"] for file in shown["files"]] == [None]
    (own,) = (await market.read(order_id, market.creator))["deliveries"]
    assert own["files"][0]["url"]


async def test_staff_read_an_order_and_settle_its_dispute(market: Market, person_of_staff: Person) -> None:
    order_id = (await market.place())["id"]
    await market.deliver(order_id)
    await market.act(order_id, "dispute", {"reason": "Не то"}, as_=market.buyer)
    seen = await market.read(order_id, person_of_staff)
    assert (seen["status"], action_names(seen)) == ("disputed", ["approve", "cancel"])
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
