"""Staff give money back, all of it or parts: the order, its history and its parties know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.accounts.keys import ACCOUNTS
from mystar.app import broken_invariants
from mystar.errors import Conflict
from mystar.kit.keys import DATABASE
from mystar.kit.money import kopecks, rubles_number
from mystar.kit.web.http import dumps
from mystar.orders.keys import ORDERS
from mystar.orders.model import ChosenOption, Kind, Money, Role, Status
from mystar.orders.placing import total_price
from mystar.orders.state_machine import allowed_actions
from mystar.payments.keys import PAYMENTS
from tests.factory import Person, actor
from tests.orders.market import PRICE, Market
from tests.orders.order_factory import an_order
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually


@pytest.fixture
async def staff(market: Market) -> Person:
    return await market.factory.staff("operator")


@pytest.fixture
async def order_id(market: Market, sandbox_process: SandboxProcess) -> int:
    """Completed and paid."""
    order_id: int = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox_process)
    await market.deliver(order_id)
    await market.app[ORDERS].approve(actor(market.buyer), order_id)
    await until(market, order_id, money="captured")
    return order_id


async def until(market: Market, order_id: int, **values: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        order = await market.read(order_id)
        return order if values.items() <= order.items() else None

    found = await eventually(look)
    assert found is not None
    return found


async def test_a_partial_refund_that_was_chosen_before_another_one_is_refused(
    market: Market, staff: Person, order_id: int
) -> None:
    """As by a second click, however late it reaches the order."""
    by = await market.app[ACCOUNTS].authenticate(staff.token)
    await market.app[ORDERS].refund(by, order_id, 10_000, seen=0)
    await until(market, order_id, refunded=100)
    with pytest.raises(Conflict):
        await market.app[ORDERS].refund(by, order_id, 10_000, seen=0)
    await market.app[ORDERS].refund(by, order_id, 10_000, seen=1)
    await until(market, order_id, refunded=200)


async def test_partial_refunds_and_the_remainder_refund_the_whole(market: Market, staff: Person, order_id: int) -> None:
    for amount, refunded in (("100.50", 100.5), (200, 300.5)):
        await market.act(order_id, "refund", {"amount": amount, "reason": "Скидка"}, as_=staff)
        order = await until(market, order_id, refunded=refunded)
        assert (order["money"], order["status"]) == ("captured", "completed")
    await market.act(order_id, "refund", {"reason": "Всё вернуть"}, as_=staff)
    order = await until(market, order_id, money="refunded")
    assert order["refunded"] == PRICE / 100
    refunds = [event for event in order["timeline_events"] if "refund" in event["action"]]
    assert [(event["action"], event["role"], event["amount"], event["reason"]) for event in refunds] == [
        ("refund_part", "staff", 100.5, "Скидка"),
        ("money_partly_refunded", "system", 100.5, None),
        ("refund_part", "staff", 200, "Скидка"),
        ("money_partly_refunded", "system", 200, None),
        ("refund", "staff", None, "Всё вернуть"),
        ("money_refunded", "system", None, None),
    ]
    told = await market.app[DATABASE].all(
        "select kind from notifications where account_id = %(id)s order by id", id=market.buyer.id
    )
    assert [row["kind"] for row in told][-3:] == ["money_partly_returned", "money_partly_returned", "money_returned"]
    acts = "select actor_id, details from audit_entries where act = 'order_decided' order by id"
    assert [(row["actor_id"], row["details"]) for row in await market.app[DATABASE].all(acts)] == [
        (staff.id, {"money": "refund_part", "amount": "100.50"}),
        (staff.id, {"money": "refund_part", "amount": "200.00"}),
        (staff.id, {"money": "refund", "amount": None}),
    ]
    assert await broken_invariants(market.app) == []
    assert [one for one in await market.app[PAYMENTS].reconcile() if one.payment_id] == []


@as_subtests
@pytest.mark.parametrize("amount", ["1000.01", 0, -1, "much", 0.001])
async def test_a_refund_above_the_captured_amount_or_invalid_is_refused(
    market: Market, staff: Person, order_id: int, amount: Any
) -> None:
    refusal = await market.act(order_id, "refund", {"amount": amount}, as_=staff, status=422)
    assert "amount" in refusal["errors"]
    assert (await market.read(order_id))["refunded"] == 0


async def test_an_uncaptured_payment_is_not_refunded(market: Market, staff: Person) -> None:
    order_id = (await market.place())["id"]
    for body in ({}, {"amount": 1}):
        refusal = await market.act(order_id, "refund", body, as_=staff, status=409)
        assert "allowed_actions" in refusal


async def test_viewers_and_parties_cannot_refund(market: Market, order_id: int) -> None:
    viewer = await market.factory.staff("viewer")
    for person in (viewer, market.buyer, market.creator):
        await market.act(order_id, "refund", {}, as_=person, status=403)


async def test_a_dispute_settled_for_the_buyer_refunds_the_remainder(
    market: Market, staff: Person, sandbox_process: SandboxProcess
) -> None:
    order_id = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox_process)
    await market.deliver(order_id)
    await market.act(order_id, "dispute", {"reason": "Не то"}, as_=market.buyer)
    await market.act(order_id, "capture", as_=staff)
    await until(market, order_id, money="captured")
    await market.act(order_id, "refund", {"amount": 400}, as_=staff)
    await until(market, order_id, refunded=400)
    seen = await market.read(order_id, staff)
    (cancel,) = [action for action in seen["allowed_actions"] if action["name"] == "cancel"]
    assert cancel["money"] == {"move": "refund", "amount": "600.00"}
    await market.act(order_id, "cancel", {"reason": "Покупатель прав"}, as_=staff)
    order = await until(market, order_id, money="refunded")
    assert (order["status"], order["refunded"]) == ("cancelled", 1000)


@given(st.integers(1, 10**11), st.lists(st.integers(0, 10**10), max_size=50))
def test_the_shown_amounts_add_up(price: int, prices: list[int]) -> None:
    """Promise M12, short: kopecks inside, two places outside, and nothing lost in between."""
    options = [ChosenOption(place, f"{place}", "", price) for place, price in enumerate(prices)]
    total = total_price(price, options)
    prices = (price, *(option.price for option in options))
    shown = [kopecks(dumps(rubles_number(amount)).decode()) for amount in prices]
    assert sum(shown) == total == kopecks(dumps(rubles_number(total)).decode())


@given(st.integers(1, 10**11), st.fractions(0, 1))
def test_cancelling_a_dispute_shows_the_remainder_as_refund(price: int, share: Any) -> None:
    refunded = int(price * share)
    order = an_order(Kind.SERVICE, Status.DISPUTED, Money.CAPTURED, price=price, total_price=price, refunded=refunded)
    moves = {one.name.value: one.money for one in allowed_actions(order, Role.STAFF)}
    assert moves["cancel"] is not None
    assert moves["cancel"].amount + refunded == price
    assert moves["approve"] is None, "it is taken already"
