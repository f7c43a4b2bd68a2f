"""Custom offers: what a creator proposes in a conversation, and what becomes of it (D71)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.chat.keys import CHAT, OFFERS
from mystar.chat.offers import service as offers_of_chat
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.chat.chat_client import heard, opened
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.orders.market import Market, open_market
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests


@dataclass
class Talk:
    """A conversation of the market's two people."""

    market: Market
    id: int

    async def offer(self, *, as_: Person | None = None, status: int = 201, **draft: Any) -> dict[str, Any]:
        body = {
            "service_id": self.market.service_id,
            "title": "Три ролика",
            "text": "По минуте, с субтитрами",
            "price": "1200.50",
            "delivery_days": 5,
            **draft,
        }
        path = f"/api/v1/conversations/{self.id}/offers/"
        answer = await self.market.api.post(path, body, as_=as_ or self.market.creator)
        assert answer.status == status, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def act(self, offer_id: int, action: str, body: Any = None, *, as_: Person, status: int = 200) -> Any:
        answer = await self.market.api.post(f"/api/v1/offers/{offer_id}/{action}/", body or {}, as_=as_)
        assert answer.status == status, await answer.text()
        return await answer.json()


@pytest.fixture
async def talk(app: web.Application, api: Api, factory: Factory) -> Talk:
    market = await open_market(app, api, factory)
    return Talk(market, await opened(api, market.buyer, market.creator))


async def test_an_accepted_offer_is_an_order_at_its_price_and_term_which_is_paid_like_any_other(
    talk: Talk, api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    market, buyer, creator = talk.market, talk.market.buyer, talk.market.creator
    offer = await talk.offer(modifications_price=1500)
    assert (offer["status"], offer["price"], offer["modifications_price"]) == ("pending", "1200.50", "1500.00")
    message = (await heard(api, buyer, talk.id))[0]
    assert message["offer"] == offer
    assert message["message"] == "Предложение: Три ролика — 1\N{NO-BREAK SPACE}200,50\N{NO-BREAK SPACE}₽, 5 дн.\n\n" + (
        "По минуте, с субтитрами"
    )
    wanted = {"with_modifications": True, "modifications": "Другой финал", "requirements": "Без музыки"}
    order = await talk.act(offer["id"], "accept", wanted, as_=buyer, status=201)
    assert (order["status"], order["offer_id"], order["requirements"]) == ("accepted", offer["id"], "Без музыки")
    assert (order["price"], order["total_price"]) == (1200.50, 1500)
    assert order["selected_options"] == [
        {"id": None, "name": "Доработки", "description": "Другой финал", "price": 299.50}
    ]
    day = datetime.now(UTC).date() + timedelta(days=5)
    assert abs((datetime.fromisoformat(order["delivery_date"]).date() - day).days) <= 1
    # The commission is that of the moment of the order.
    sold = await (await api.get(f"/api/v1/orders/{order['id']}/", as_=creator)).json()
    assert {"commission", "your_share"} <= sold.keys()
    shown = (await heard(api, creator, talk.id))[0]["offer"]
    assert (shown["status"], shown["order_id"]) == ("accepted", order["id"])
    kinds = {one["type"] for one in await notifications(api, creator)}
    assert "offer_accepted" in kinds
    assert "new_order" not in kinds
    assert "offer" in {one["type"] for one in await notifications(api, buyer)}
    await factory.hold(order["id"], sandbox_process)
    await market.deliver(order["id"])
    assert (await market.act(order["id"], "approve", as_=buyer))["status"] == "completed"
    panel = await api.get(f"/admin/orders/{order['id']}/", as_=await factory.staff(), language="en")
    assert "Custom offer" in await panel.text()


async def test_an_offer_makes_one_order_however_often_it_is_accepted_at_once(talk: Talk, api: Api) -> None:
    buyer = talk.market.buyer
    offer = await talk.offer()
    path = f"/api/v1/offers/{offer['id']}/accept/"
    answers = await asyncio.gather(*(api.post(path, {}, as_=buyer) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 200, 201]
    assert len({(await answer.json())["id"] for answer in answers}) == 1
    placed = await (await api.get("/api/v1/orders/", as_=buyer)).json()
    assert placed["count"] == 1
    for verb, person in (("decline", buyer), ("withdraw", talk.market.creator)):
        refusal = await talk.act(offer["id"], verb, as_=person, status=409)
        assert (refusal["code"], refusal["status"]) == ("offer_closed", "accepted")


async def test_acceptance_and_withdrawal_at_once_leave_one_of_them(talk: Talk, api: Api, app: web.Application) -> None:
    for _ in range(3):
        offer = await talk.offer()
        path = f"/api/v1/offers/{offer['id']}/"
        taken, withdrawn = await asyncio.gather(
            api.post(path + "accept/", {}, as_=talk.market.buyer),
            api.post(path + "withdraw/", {}, as_=talk.market.creator),
        )
        assert sorted((taken.status, withdrawn.status)) in ([200, 409], [201, 409])
        found = await (await api.get(path, as_=talk.market.buyer)).json()
        assert (found["status"] == "accepted") == (taken.status == 201) == (found["order_id"] is not None)


async def test_a_repeated_client_id_is_the_same_offer_and_a_repeated_ending_changes_nothing(talk: Talk) -> None:
    first = await talk.offer(client_id="k1")
    assert await talk.offer(client_id="k1", price=999, status=200) == first
    declined = await talk.act(first["id"], "decline", {"reason": "Дорого"}, as_=talk.market.buyer)
    assert (declined["status"], declined["reason"]) == ("declined", "Дорого")
    assert await talk.act(first["id"], "decline", {"reason": "Иначе"}, as_=talk.market.buyer) == declined
    refusal = await talk.act(first["id"], "accept", as_=talk.market.buyer, status=409)
    assert refusal["status"] == "declined"


@pytest.mark.one_process("set the clock of the service")
async def test_an_offer_ends_when_its_time_is_over(app: web.Application, talk: Talk, api: Api) -> None:
    buyer, offer = talk.market.buyer, await talk.offer(open_days=2)
    later = FrozenClock(datetime.now(UTC) + timedelta(days=2, seconds=1))
    app[OFFERS]._clock = later
    refusal = await talk.act(offer["id"], "accept", as_=buyer, status=409)
    assert (refusal["code"], refusal["status"]) == ("offer_closed", "expired")
    before = (await (await api.get(f"/api/v1/conversations/{talk.id}/", as_=buyer)).json())["position"]
    await app[OFFERS].expire_due()
    await app[OFFERS].expire_due()
    (change,) = await app[CHAT].after(talk.id, before)
    assert (change.kind, change.message.offer.status) == ("edited", "expired")  # type: ignore[union-attr]
    for person in (buyer, talk.market.creator):
        assert next(one["type"] for one in await notifications(api, person)) == "offer_expired"


async def test_each_party_has_its_own_actions_on_an_offer(talk: Talk, api: Api, factory: Factory) -> None:
    market, offer = talk.market, await talk.offer()
    assert (await talk.act(offer["id"], "accept", as_=market.creator, status=403))["code"] == "offer_not_yours"
    assert (await talk.act(offer["id"], "withdraw", as_=market.buyer, status=403))["code"] == "offer_not_yours"
    stranger = await factory.star(channel="market")
    for action in ("accept", "decline", "withdraw"):
        await talk.act(offer["id"], action, as_=stranger, status=404)
    # The buyer has no service to offer, and nobody offers the service of another.
    assert (await talk.offer(as_=market.buyer, status=404))["code"] == "service_unknown"
    await talk.offer(as_=stranger, status=404)
    path = f"/api/v1/conversations/{talk.id}/messages/{offer['message_id']}/"
    for answer in (
        await api.patch(path, {"message": "Даром"}, as_=market.creator),
        await api.delete(path, as_=market.creator),
    ):
        assert (answer.status, (await answer.json())["code"]) == (409, "offer_stays")
    for side, role in ((market.buyer, "buyer"), (market.creator, "creator")):
        other = "creator" if role == "buyer" else "buyer"
        for query, count in (({"role": role}, 1), ({"role": other}, 0), ({"status": "declined"}, 0), ({}, 1)):
            found = await (await api.get("/api/v1/offers/", as_=side, params=query)).json()
            assert found["count"] == count, (role, query)
    listed = await (await api.get(f"/api/v1/conversations/{talk.id}/offers/", as_=market.buyer)).json()
    assert listed["results"] == [offer]


@as_subtests
@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({"price": 0}, "price_impossible"),
        ({"price": -5}, "invalid"),
        ({"price": 350_001}, "price_outside_limits"),
        ({"price": 100, "modifications_price": 99}, "modifications_too_cheap"),
        ({"delivery_days": 0}, "invalid"),
        ({"delivery_days": 366}, "invalid"),
        ({"open_days": 31}, "invalid"),
        ({"text": "x" * 3001}, "invalid"),
    ],
)
async def test_an_offer_outside_of_its_bounds_is_refused(talk: Talk, draft: dict[str, Any], code: str) -> None:
    assert (await talk.offer(**draft, status=422))["code"] == code


async def test_open_offers_are_limited_and_a_blocked_person_gets_none(
    talk: Talk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers_of_chat, "MAX_PENDING", 2)
    first, _ = await talk.offer(), await talk.offer()
    refusal = await talk.offer(status=409)
    assert (refusal["code"], "2" in refusal["error"]) == ("too_many_offers", True)
    assert len(await heard(api, talk.market.buyer, talk.id)) == 2
    await talk.act(first["id"], "withdraw", as_=talk.market.creator)
    assert "offer_withdrawn" in {one["type"] for one in await notifications(api, talk.market.buyer)}
    await api.post(f"/api/v1/users/{talk.market.creator.id}/block/", as_=talk.market.buyer)
    assert (await talk.offer(status=403))["code"] == "blocked_by_them"


async def test_an_offer_of_a_service_that_staff_withhold_cannot_be_accepted(talk: Talk, app: web.Application) -> None:
    offer = await talk.offer()
    db: Database = app[DATABASE]
    await db.execute("update services set is_withheld = true where id = %(id)s", id=talk.market.service_id)
    await talk.act(offer["id"], "accept", as_=talk.market.buyer, status=404)
    found = await app[OFFERS].offer(actor(talk.market.buyer), offer["id"])
    assert found.status == "pending"


async def notifications(api: Api, person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await (await api.get("/api/v1/notifications/", as_=person)).json())["results"]
    return found
