"""Orders of before there were earnings, and what the accrual costs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mystar.earnings.keys import EARNINGS
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Tx
from tests.earnings.bench import TWENTY_PER_CENT, Bench

MIGRATION = Path(__file__).resolve().parents[2] / "sql" / "migrations" / "0021_earnings.sql"
TABLES = ("earning_entries", "payout_parts", "payouts", "payout_details", "creator_balances", "earnings")


async def as_before(bench: Bench) -> None:
    """Forget everything about earnings, and import it anew as the migration does."""
    sql = MIGRATION.read_text().replace("%", "%%")
    database = bench.app[DATABASE]
    async with database.transaction() as tx:
        await tx.execute("alter table earning_entries disable trigger all")
        for table in TABLES:
            await tx.execute(f"delete from {table}")
        await tx.execute("alter table earning_entries enable trigger all")
        await tx.execute(sql[sql.index("insert into earnings (") :])


async def test_orders_of_older_versions_are_imported_frozen_and_without_a_commission(bench: Bench) -> None:
    await bench.rules(TWENTY_PER_CENT)
    paid, open_ = await bench.completed(100_000), await bench.place(50_000)
    await bench.refund(paid, 30_000)
    await as_before(bench)
    assert await bench.balance() == {"frozen": 70_000}
    assert await bench.ledger() == {"buyers": -70_000, "frozen": 70_000}
    assert (await bench.order(paid, bench.creator))["commission"] == "0.00"
    await bench.later(days=100)
    assert await bench.balance() == {"frozen": 70_000}
    bench.clock.ahead *= 0
    await bench.deliver(open_)
    await bench.approve(open_)
    assert await bench.balance() == {"frozen": 70_000, "pending": 50_000}
    assert await bench.is_sound()
    await bench.on_order(paid, "settle")
    assert await bench.balance() == {"pending": 50_000, "paid": 70_000}
    await bench.refund(paid, 20_000)
    assert await bench.balance() == {"pending": 50_000, "available": -20_000, "paid": 70_000}
    assert await bench.is_sound()


async def test_earnings_of_older_orders_clear_after_their_release(bench: Bench) -> None:
    order_id = await bench.completed(100_000)
    await as_before(bench)
    await bench.later(days=30)
    await bench.on_order(order_id, "resume")
    assert await bench.balance() == {"pending": 100_000}
    await bench.later(days=14)
    assert await bench.balance() == {"available": 100_000}
    assert await bench.is_sound()


async def test_an_order_placed_by_older_code_has_no_commission(bench: Bench) -> None:
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.place(100_000)
    await bench.app[DATABASE].execute("delete from earnings")
    await bench.deliver(order_id)
    await bench.approve(order_id)
    await bench.later(days=14)
    assert await bench.ledger() == {"buyers": -100_000, "available": 100_000}
    assert await bench.is_sound()


async def test_a_capture_costs_two_statements(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.place(150_000)
    await bench.deliver(order_id)
    counted: Counter[str] = Counter()
    service, send = bench.app[EARNINGS], Tx._send
    capture = service.capture

    async def count(self: Tx, statement: str, values: Any = None) -> Any:
        counted["statements"] += inside
        return await send(self, statement, values)

    inside = 0

    async def watched(*arguments: Any) -> None:
        nonlocal inside
        inside, counted["captures"] = 1, counted["captures"] + 1
        try:
            await capture(*arguments)
        finally:
            inside = 0

    monkeypatch.setattr(Tx, "_send", count)
    monkeypatch.setattr(service, "capture", watched)
    await bench.approve(order_id)
    assert counted == {"captures": 1, "statements": 2}
