"""Refunds, chargebacks and other differences after a payout."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from mystar.earnings.keys import EARNINGS, PAYOUTS
from mystar.kit.keys import DATABASE
from tests.earnings.bench import Bench
from tests.earnings.payout_requests import at_once, refused


@at_once
async def test_a_refund_after_a_payout_becomes_a_debt_that_later_earnings_pay_off(bench: Bench) -> None:
    await bench.rules([{"name": "default", "percent": "20"}])
    order_id = await bench.completed(150_000)
    await bench.later(days=14)
    await bench.details()
    asked = await bench.payout()
    await bench.decide(asked["id"], "approve")
    await bench.decide(asked["id"], "paid", document="17")
    await bench.refund(order_id, 50_000)
    assert await bench.balance() == {"available": -40_000, "paid": 120_000}
    assert (await bench.ledger(order_id))["platform"] == 20_000
    await refused(bench, "nothing_available", "-400.00")
    await bench.completed(80_000)
    await bench.later(days=14)
    assert await bench.balance() == {"available": 24_000, "paid": 120_000}
    await refused(bench, "below_minimum", "240.00")
    await bench.on_order(order_id, "chargeback", amount="1000", bearer="creator", fee="300")
    assert await bench.balance() == {"available": -56_000, "paid": 120_000}
    assert await bench.is_sound()


@at_once
async def test_debts_after_a_payout_are_written_off_or_charged_back_to_the_kopeck(bench: Bench) -> None:
    await bench.rules([{"name": "default", "percent": "20"}])
    stars = {what: await bench.factory.star(channel="market") for what in ("written off", "charged back", "borne")}
    orders = {what: await bench.completed(150_000, star) for what, star in stars.items()}
    await bench.later(days=14)

    async def paid(what: str) -> int:
        """The creator of the bench from now on is this one, whose whole share has arrived."""
        bench.creator = stars[what]
        await bench.details()
        asked = await bench.payout()
        await bench.decide(asked["id"], "approve")
        await bench.decide(asked["id"], "paid", document="17")
        assert await bench.balance() == {"paid": 120_000}
        return orders[what]

    await bench.refund(await paid("written off"), 50_000)
    assert await bench.balance() == {"available": -40_000, "paid": 120_000}
    await bench.on_balance("write-off", reason="gone")
    assert await bench.balance() == {"paid": 120_000}
    assert (await bench.ledger())["losses"] == -40_000

    order_id = await paid("charged back")
    await bench.refund(order_id, 50_000)
    await bench.on_order(order_id, "chargeback", amount="1000", bearer="creator", fee="300")
    assert await bench.balance() == {"available": -120_000, "paid": 120_000}
    found = await bench.ledger(order_id)
    assert (found.get("platform", 0), found["losses"], found["chargebacks"]) == (0, -30_000, 100_000)

    order_id = await paid("borne")
    await bench.on_order(order_id, "chargeback", amount="1500", bearer="platform")
    assert await bench.balance() == {"paid": 120_000}
    found = await bench.ledger(order_id)
    assert (found["platform"], found["losses"]) == (30_000, -150_000)
    assert await bench.is_sound()


@at_once
async def test_a_difference_between_a_payout_and_its_entries_is_found(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    database = bench.app[DATABASE]
    await database.execute("update payout_parts set status = 'paid' where payout_id = %(id)s", id=asked["id"])
    found = {one.what for one in await bench.app[PAYOUTS].recount()}
    assert found == {"reserved", "paid", "open"}
    await database.execute("update creator_balances set available = 7")
    assert "available" in {one.what for one in await bench.app[EARNINGS].recount()}


@at_once
async def test_concurrent_operations_keep_the_ledger_balanced(bench: Bench) -> None:
    await bench.rules([{"name": "default", "percent": "20"}])
    orders = [await bench.completed(150_000) for _ in range(3)]
    await bench.details()
    bench.clock.ahead = timedelta(days=14)
    earnings, payouts = bench.app[EARNINGS], bench.app[PAYOUTS]
    await bench.reauthenticate(bench.staff)
    outcomes = await asyncio.gather(
        *(earnings.clear_due(2) for _ in range(4)),
        *(bench.api.post(f"/api/v1/orders/{one}/refund/", {"amount": "10"}, as_=bench.staff) for one in orders),
        *(earnings.charge_back(None, one, 1_000, "creator") for one in orders),
        *(earnings.adjust(None, bench.creator.id, 100, "a bonus") for _ in range(4)),
        *(bench.api.post("/api/v1/payouts/", {}, as_=bench.creator) for _ in range(4)),
        payouts.sweep(),
        return_exceptions=True,
    )
    assert not [one for one in outcomes if isinstance(one, Exception)]
    for one in orders:
        await bench.until(one, refunded=10)
    await earnings.clear_due(10)
    balance = await bench.balance()
    assert sum(balance.values()) == 3 * (120_000 - 800 - 800) + 400
    assert "pending" not in balance
    assert await bench.is_sound()
