"""Orders of before there were earnings, and what the accrual costs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mystar.earnings.keys import EARNINGS
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Tx
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario

MIGRATION = Path(__file__).resolve().parents[2] / "sql" / "migrations" / "0021_earnings.sql"
TABLES = ("earning_entries", "payout_parts", "payouts", "payout_details", "creator_balances", "earnings")


async def as_before(scenario: EarningsScenario) -> None:
    """Forget everything about earnings, and import it anew as the migration does."""
    sql = MIGRATION.read_text().replace("%", "%%")
    database = scenario.app[DATABASE]
    async with database.transaction() as tx:
        await tx.execute("alter table earning_entries disable trigger all")
        for table in TABLES:
            await tx.execute(f"delete from {table}")
        await tx.execute("alter table earning_entries enable trigger all")
        await tx.execute(sql[sql.index("insert into earnings (") :])


async def test_orders_of_older_versions_are_imported_frozen_and_without_a_commission(
    scenario: EarningsScenario,
) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    paid, open_ = await scenario.completed(100_000), await scenario.place(50_000)
    await scenario.refund(paid, 30_000)
    await as_before(scenario)
    assert await scenario.balance() == {"frozen": 70_000}
    assert await scenario.ledger() == {"buyers": -70_000, "frozen": 70_000}
    assert (await scenario.order(paid, scenario.creator))["commission"] == "0.00"
    await scenario.later(days=100)
    assert await scenario.balance() == {"frozen": 70_000}
    scenario.clock.ahead *= 0
    await scenario.deliver(open_)
    await scenario.approve(open_)
    assert await scenario.balance() == {"frozen": 70_000, "pending": 50_000}
    assert await scenario.is_sound()
    await scenario.on_order(paid, "settle")
    assert await scenario.balance() == {"pending": 50_000, "paid": 70_000}
    await scenario.refund(paid, 20_000)
    assert await scenario.balance() == {"pending": 50_000, "available": -20_000, "paid": 70_000}
    assert await scenario.is_sound()


async def test_earnings_of_older_orders_clear_after_their_release(scenario: EarningsScenario) -> None:
    order_id = await scenario.completed(100_000)
    await as_before(scenario)
    await scenario.later(days=30)
    await scenario.on_order(order_id, "resume")
    assert await scenario.balance() == {"pending": 100_000}
    await scenario.later(days=14)
    assert await scenario.balance() == {"available": 100_000}
    assert await scenario.is_sound()


async def test_an_order_placed_by_older_code_has_no_commission(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(100_000)
    await scenario.app[DATABASE].execute("delete from earnings")
    await scenario.deliver(order_id)
    await scenario.approve(order_id)
    await scenario.later(days=14)
    assert await scenario.ledger() == {"buyers": -100_000, "available": 100_000}
    assert await scenario.is_sound()


async def test_a_capture_costs_two_statements(scenario: EarningsScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(150_000)
    await scenario.deliver(order_id)
    counted: Counter[str] = Counter()
    service, send = scenario.app[EARNINGS], Tx._send
    capture = service.capture

    async def count(self: Tx, statement: str, values: Any = None) -> Any:
        counted["statements"] += self is capturing
        return await send(self, statement, values)

    # Other transactions run meanwhile.
    capturing: Tx | None = None

    async def watched(tx: Tx, *arguments: Any) -> None:
        nonlocal capturing
        capturing, counted["captures"] = tx, counted["captures"] + 1
        try:
            await capture(tx, *arguments)
        finally:
            capturing = None

    monkeypatch.setattr(Tx, "_send", count)
    monkeypatch.setattr(service, "capture", watched)
    await scenario.approve(order_id)
    assert counted == {"captures": 1, "statements": 2}
