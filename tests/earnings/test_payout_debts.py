"""Refunds, chargebacks and other differences after a payout."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mystar.earnings.keys import EARNINGS, PAYOUTS
from mystar.kit.keys import DATABASE
from mystar.payments.model import RefundUnderWay
from tests.earnings.payout_requests import at_once, refused
from tests.earnings.scenario import EarningsScenario


@at_once
async def test_a_refund_after_a_payout_becomes_a_debt_that_later_earnings_pay_off(scenario: EarningsScenario) -> None:
    await scenario.rules([{"name": "default", "percent": "20"}])
    order_id = await scenario.completed(150_000)
    await scenario.later(days=14)
    await scenario.details()
    asked = await scenario.payout()
    await scenario.decide(asked["id"], "approve")
    await scenario.decide(asked["id"], "paid", document="17")
    await scenario.refund(order_id, 50_000)
    assert await scenario.balance() == {"available": -40_000, "paid": 120_000}
    assert (await scenario.ledger(order_id))["platform"] == 20_000
    await refused(scenario, "nothing_available", "-400.00")
    await scenario.completed(80_000)
    await scenario.later(days=14)
    assert await scenario.balance() == {"available": 24_000, "paid": 120_000}
    await refused(scenario, "below_minimum", "240.00")
    await scenario.on_order(order_id, "chargeback", amount="1000", bearer="creator", fee="300")
    assert await scenario.balance() == {"available": -56_000, "paid": 120_000}
    assert await scenario.is_sound()


@at_once
async def test_debts_after_a_payout_are_written_off_or_charged_back_to_the_kopeck(scenario: EarningsScenario) -> None:
    await scenario.rules([{"name": "default", "percent": "20"}])
    stars = {what: await scenario.factory.star(channel="market") for what in ("written off", "charged back", "borne")}
    orders = {what: await scenario.completed(150_000, star) for what, star in stars.items()}
    await scenario.later(days=14)

    async def paid(what: str) -> int:
        """The creator of the scenario from now on is this one, whose whole share has arrived."""
        scenario.creator = stars[what]
        await scenario.details()
        asked = await scenario.payout()
        await scenario.decide(asked["id"], "approve")
        await scenario.decide(asked["id"], "paid", document="17")
        assert await scenario.balance() == {"paid": 120_000}
        return orders[what]

    await scenario.refund(await paid("written off"), 50_000)
    assert await scenario.balance() == {"available": -40_000, "paid": 120_000}
    await scenario.on_balance("write-off", reason="gone")
    assert await scenario.balance() == {"paid": 120_000}
    assert (await scenario.ledger())["losses"] == -40_000

    order_id = await paid("charged back")
    await scenario.refund(order_id, 50_000)
    await scenario.on_order(order_id, "chargeback", amount="1000", bearer="creator", fee="300")
    assert await scenario.balance() == {"available": -120_000, "paid": 120_000}
    found = await scenario.ledger(order_id)
    assert (found.get("platform", 0), found["losses"], found["chargebacks"]) == (0, -30_000, 100_000)

    order_id = await paid("borne")
    await scenario.on_order(order_id, "chargeback", amount="1500", bearer="platform")
    assert await scenario.balance() == {"paid": 120_000}
    found = await scenario.ledger(order_id)
    assert (found["platform"], found["losses"]) == (30_000, -150_000)
    assert await scenario.is_sound()


@at_once
async def test_a_difference_between_a_payout_and_its_entries_is_found(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    database = scenario.app[DATABASE]
    await database.execute("update payout_parts set status = 'paid' where payout_id = %(id)s", id=asked["id"])
    found = {one.what for one in await scenario.app[PAYOUTS].recount()}
    assert found == {"reserved", "paid", "open"}
    await database.execute("update creator_balances set available = 7")
    assert "available" in {one.what for one in await scenario.app[EARNINGS].recount()}


@at_once
async def test_concurrent_operations_keep_the_ledger_balanced(scenario: EarningsScenario) -> None:
    await scenario.rules([{"name": "default", "percent": "20"}])
    orders = [await scenario.completed(150_000) for _ in range(3)]
    disputed = [await scenario.completed(150_000) for _ in range(3)]
    await scenario.details()
    scenario.clock.ahead = timedelta(days=14)
    earnings, payouts = scenario.app[EARNINGS], scenario.app[PAYOUTS]
    await scenario.reauthenticate(scenario.staff)
    outcomes = await asyncio.gather(
        *(earnings.clear_due(2) for _ in range(4)),
        *(scenario.api.post(f"/api/v1/orders/{one}/refund/", {"amount": "10"}, as_=scenario.staff) for one in orders),
        *(earnings.charge_back(None, one, 1_000, "creator") for one in disputed),
        *(earnings.adjust(None, scenario.creator.id, 100, "a bonus") for _ in range(4)),
        *(scenario.api.post("/api/v1/payouts/", {}, as_=scenario.creator) for _ in range(4)),
        payouts.sweep(),
        return_exceptions=True,
    )
    assert not [one for one in outcomes if isinstance(one, Exception)]
    for one in orders:
        await scenario.until(one, refunded=10)
    await earnings.clear_due(10)
    balance = await scenario.balance()
    assert sum(balance.values()) == 6 * (120_000 - 800) + 400
    assert "pending" not in balance
    assert await scenario.is_sound()


@at_once
async def test_what_a_bank_took_back_is_not_refunded_again(scenario: EarningsScenario) -> None:
    order_id, whole = await scenario.completed(150_000), await scenario.completed(150_000)
    await scenario.on_order(order_id, "chargeback", amount="1000", bearer="platform")
    path = f"/api/v1/orders/{order_id}/refund/"
    await scenario.reauthenticate(scenario.staff)
    too_much = await scenario.api.post(path, {"amount": "500.01"}, as_=scenario.staff)
    assert (too_much.status, (await too_much.json())["code"]) == (422, "refund_too_much")
    # All that is left: the bank's part is not among it.
    assert (await scenario.api.post(path, {}, as_=scenario.staff)).status == 200
    await scenario.until(order_id, refunded=500)
    assert (await scenario.ledger(order_id))["chargebacks"] == 100_000
    # Nothing is left, and no call is made to the provider.
    await scenario.on_order(whole, "chargeback", amount="1500", bearer="platform")
    await scenario.api.post(f"/api/v1/orders/{whole}/refund/", {}, as_=scenario.staff)
    await asyncio.sleep(0)
    assert await scenario.app[DATABASE].all("select from outbox where topic = 'payments' and done_at is null") == []
    assert (await scenario.ledger(whole)).get("buyers", 0) == -150_000
    assert await scenario.is_sound()


@at_once
async def test_a_chargeback_waits_for_a_refund_that_is_under_way(scenario: EarningsScenario) -> None:
    order_id = await scenario.completed(150_000)
    await scenario.app[DATABASE].execute("update payments set refunding = 100, refunds = 1")
    with pytest.raises(RefundUnderWay):
        await scenario.app[EARNINGS].charge_back(None, order_id, 1_000, "platform")
