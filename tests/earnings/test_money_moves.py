"""Refunds, disputes, the clearance, debts and chargebacks: where the money of an order goes, to the kopeck."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from mystar.earnings.keys import EARNINGS
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario


@pytest.fixture
async def twenty(scenario: EarningsScenario) -> EarningsScenario:
    await scenario.rules(TWENTY_PER_CENT)
    return scenario


async def test_a_full_refund_while_clearing_leaves_a_zero_balance(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    await twenty.refund(order_id)
    assert await twenty.ledger(order_id) == {}
    assert await twenty.balance() == {}
    assert await twenty.is_sound()


async def test_partial_refunds_add_up_to_the_commission(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(100_001)
    left = {"pending": 80_001, "platform": 20_000}
    for amount, platform, creator in ((33_334, 6_667, 26_667), (33_334, 6_666, 26_668)):
        await twenty.refund(order_id, amount)
        left = {"pending": left["pending"] - creator, "platform": left["platform"] - platform}
        found = await twenty.ledger(order_id)
        assert {account: found[account] for account in left} == left
    await twenty.refund(order_id)
    assert await twenty.ledger(order_id) == {}


async def test_a_partial_refund_of_a_rounded_commission(scenario: EarningsScenario) -> None:
    await scenario.rules([{"name": "default", "percent": "30"}])
    order_id = await scenario.completed(645)
    await scenario.refund(order_id, 100)
    assert await scenario.ledger(order_id) == {"buyers": -545, "pending": 381, "platform": 164}


async def test_a_partial_refund_of_a_minimum_commission(scenario: EarningsScenario) -> None:
    await scenario.rules([{"name": "default", "percent": "10", "min": "50.00"}])
    order_id = await scenario.completed(20_000)
    await scenario.refund(order_id, 5_000)
    assert await scenario.ledger(order_id) == {"buyers": -15_000, "pending": 11_250, "platform": 3_750}


@pytest.mark.parametrize("further_settings", [{"EARNINGS__COMMISSION_ON_REFUND": "kept"}], indirect=True)
async def test_a_kept_commission_is_paid_by_the_creator(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(100_000)
    await twenty.refund(order_id)
    assert await twenty.ledger(order_id) == {"available": -20_000, "platform": 20_000}
    assert await twenty.balance() == {"available": -20_000}
    assert await twenty.is_sound()


async def test_a_share_clears_fourteen_days_after_the_completion_and_not_a_second_earlier(
    twenty: EarningsScenario,
) -> None:
    order_id = await twenty.completed(150_000)
    overview = await twenty.read("/api/v1/earnings/")
    order = await twenty.order(order_id, twenty.creator)
    assert overview["next_clearing"] == {"at": order["clears_at"], "amount": "1200.00"}
    completed, clears = (datetime.fromisoformat(order[name]) for name in ("completed_at", "clears_at"))
    assert (clears - completed).days == 14
    await twenty.later(seconds=(clears - twenty.clock.now()).total_seconds() - 1)
    assert await twenty.balance() == {"pending": 120_000}
    await twenty.later(seconds=1)
    assert await twenty.balance() == {"available": 120_000}
    assert (await twenty.read("/api/v1/earnings/"))["next_clearing"] is None
    assert await twenty.is_sound()


async def test_a_dispute_freezes_the_share_and_the_clock_starts_at_its_end(twenty: EarningsScenario) -> None:
    order_id = await twenty.place(200_000)
    await twenty.deliver(order_id)
    await twenty.act(order_id, "dispute", {"reason": "Не то"}, as_=twenty.buyer)
    await twenty.act(order_id, "capture", as_=twenty.staff)
    await twenty.until(order_id, money="captured")
    assert await twenty.balance() == {"frozen": 160_000}
    await twenty.refund(order_id, 60_000)
    assert await twenty.ledger(order_id) == {"buyers": -140_000, "frozen": 112_000, "platform": 28_000}
    await twenty.later(days=3)
    await twenty.approve(order_id, twenty.staff)
    assert await twenty.balance() == {"pending": 112_000}
    await twenty.later(days=13)
    assert await twenty.balance() == {"pending": 112_000}
    await twenty.later(days=1)
    assert await twenty.balance() == {"available": 112_000}
    assert await twenty.is_sound()


async def test_a_stop_by_the_staff_pauses_the_clock(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    before = datetime.fromisoformat((await twenty.order(order_id, twenty.creator))["clears_at"])
    await twenty.on_order(order_id, "stop", reason="a complaint")
    assert await twenty.balance() == {"frozen": 120_000}
    await twenty.later(days=20)
    assert await twenty.balance() == {"frozen": 120_000}
    await twenty.on_order(order_id, "resume")
    after = datetime.fromisoformat((await twenty.order(order_id, twenty.creator))["clears_at"])
    assert round((after - before).total_seconds() / 86_400) == 20
    await twenty.later(days=14)
    assert await twenty.balance() == {"available": 120_000}


@pytest.mark.parametrize("further_settings", [{"PAYOUTS__COOLDOWN_DAYS": "0"}], indirect=True)
async def test_a_share_that_is_available_is_frozen_as_far_as_it_is_still_there(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    await twenty.later(days=14)
    await twenty.details()
    await twenty.on_order(order_id, "stop", reason="a complaint")
    assert await twenty.balance() == {"frozen": 120_000}
    assert (await twenty.payout(status=409))["code"] == "nothing_available"
    await twenty.refund(order_id, 50_000)
    assert await twenty.ledger(order_id) == {"buyers": -100_000, "frozen": 80_000, "platform": 20_000}
    await twenty.later(days=30)
    assert await twenty.balance() == {"frozen": 80_000}
    await twenty.on_order(order_id, "resume")
    assert await twenty.balance() == {"available": 80_000}

    await twenty.earned(-50_000, "as if a part had been paid")
    await twenty.on_order(order_id, "stop", reason="another complaint")
    assert await twenty.balance() == {"frozen": 30_000}
    await twenty.on_order(order_id, "stop", reason="the same, in other words")
    await twenty.refund(order_id)
    assert await twenty.balance() == {"available": -50_000}
    await twenty.on_order(order_id, "resume")
    assert "earning_cleared" in await twenty.on_order(order_id, "stop", 409, reason="nothing is left")
    lines = (await twenty.read("/api/v1/earnings/entries/?kind=freeze"))["results"]
    assert [(one["account"], one["amount"]) for one in lines] == [
        *[("frozen", "300.00"), ("available", "-300.00")],
        *[("frozen", "1200.00"), ("available", "-1200.00")],
    ]
    assert await twenty.is_sound()


@pytest.mark.parametrize("further_settings", [{"EARNINGS__CLEARANCE_DAYS": "0"}], indirect=True)
async def test_a_clearance_of_no_days_ends_at_once(twenty: EarningsScenario) -> None:
    await twenty.completed(150_000)
    assert await twenty.balance() == {"available": 120_000}


async def test_a_refund_after_the_clearance_becomes_a_debt_and_the_next_earning_pays_it_off(
    twenty: EarningsScenario,
) -> None:
    order_id = await twenty.completed(150_000)
    await twenty.later(days=14)
    await twenty.earned(-120_000, "as if it had been paid")
    await twenty.refund(order_id, 50_000)
    assert await twenty.balance() == {"available": -40_000}
    assert (await twenty.ledger(order_id))["platform"] == 20_000
    await twenty.completed(80_000)
    await twenty.later(days=14)
    assert await twenty.balance() == {"available": 24_000}
    assert await twenty.is_sound()


async def test_a_debt_is_listed_when_it_is_old_and_can_be_written_off(twenty: EarningsScenario) -> None:
    earnings, creator_id = twenty.app[EARNINGS], twenty.creator.id
    await twenty.earned(-40_000, "a fine")
    await twenty.later(days=59)
    assert await earnings.debts() == []
    await twenty.later(days=2)
    assert [(one.creator_id, one.available) for one in await earnings.debts()] == [(creator_id, -40_000)]
    await twenty.on_balance("write-off", reason="gone")
    assert await twenty.balance() == {}
    assert await twenty.ledger() == {"adjustments": 40_000, "losses": -40_000}
    assert await earnings.debts() == []
    assert "no_debt" in await twenty.on_balance("write-off", 409, reason="again")


async def test_a_chargeback_is_not_deducted_twice(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    await twenty.later(days=14)
    await twenty.earned(-120_000, "as if it had been paid")
    await twenty.refund(order_id, 50_000)
    assert "1\N{NO-BREAK SPACE}000" in await twenty.on_order(
        order_id, "chargeback", 422, amount="1000.01", bearer="creator"
    )
    await twenty.on_order(order_id, "chargeback", amount="1000", bearer="creator", fee="300")
    assert await twenty.balance() == {"available": -120_000}
    expected = {"buyers": -100_000, "available": 0, "chargebacks": 100_000, "fees": 30_000, "losses": -30_000}
    assert await twenty.ledger(order_id) == {name: amount for name, amount in expected.items() if amount}
    await twenty.on_order(order_id, "chargeback", 422, amount="0.01", bearer="platform")
    assert await twenty.is_sound()


async def test_a_chargeback_that_is_entered_twice_at_once_counts_once(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    entered = await asyncio.gather(
        *(twenty.app[EARNINGS].charge_back(None, order_id, 10_000, "creator", seen=0) for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in entered) == ["Conflict", "Conflict", "Earning"]
    assert await twenty.balance() == {"pending": 112_000}


async def test_the_platform_bears_a_chargeback(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    await twenty.later(days=14)
    await twenty.on_order(order_id, "chargeback", amount="1500", bearer="platform")
    assert await twenty.balance() == {"available": 120_000}
    found = await twenty.ledger(order_id)
    assert (found["platform"], found["losses"], found["chargebacks"]) == (30_000, -150_000, 150_000)
    assert await twenty.is_sound()


async def test_unknown_accounts_and_orders_are_refused(twenty: EarningsScenario) -> None:
    order_id = await twenty.completed(150_000)
    assert "earning_unknown" in await twenty.on_order(10**9, "chargeback", 404, amount="1", bearer="creator")
    await twenty.panel(f"earnings/{10**9}/adjust", status=404, amount="1", direction="bonus", reason="unknown")
    assert "earning_not_from_before" in await twenty.on_order(order_id, "settle", 409)


async def test_the_lines_of_an_account_add_up_to_its_balance(twenty: EarningsScenario) -> None:
    first = await twenty.completed(150_000)
    await twenty.later(days=14)
    # So that the second one is not due, however long the rest takes.
    twenty.clock.ahead -= timedelta(hours=1)
    await twenty.completed(80_000)
    await twenty.refund(first, 50_000)
    await twenty.earned(1_050, "a bonus")
    page = await twenty.read("/api/v1/earnings/entries/?page_size=100")
    sums: dict[str, float] = {}
    for entry in page["results"]:
        sums[entry["account"]] = round(sums.get(entry["account"], 0) + float(entry["amount"]), 2)
    assert sums == {"pending": 640.00, "available": 810.50}
    assert page["count"] == len(page["results"]) == 6
    assert page["results"][0] == {
        **page["results"][0],
        **{"kind": "adjustment", "account": "available", "amount": "10.50", "order_id": None, "note": "a bonus"},
    }
    refunds = await twenty.read("/api/v1/earnings/entries/?kind=refund")
    assert [(one["amount"], one["order_id"]) for one in refunds["results"]] == [("-400.00", first)]
    today = twenty.clock.now().date().isoformat()
    assert (await twenty.read(f"/api/v1/earnings/entries/?from={today}T00:00:00&to=2090-01-01"))["count"] >= 3
    assert (await twenty.read("/api/v1/earnings/entries/?to=2020-01-01"))["count"] == 0
    for query in ("kind=gift", "from=yesterday", "page=0"):
        answer = await twenty.api.get(f"/api/v1/earnings/entries/?{query}", as_=twenty.creator)
        assert answer.status == 422
