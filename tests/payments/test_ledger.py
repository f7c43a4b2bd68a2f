"""The database keeps the books by itself, whatever the code above it thinks."""

from __future__ import annotations

import uuid

import pytest

from mystar.kit.postgres.database import ConstraintViolated, Database
from tests.subtests import as_subtests

Entry = tuple[str, str, int]


@pytest.fixture
async def payment(db: Database) -> int:
    return int(
        await db.value(
            "insert into payments (order_id, amount, description, return_url, status, held_at)"
            " values (1, 1000, '', '', 'held', now()) returning id"
        )
    )


async def enter(db: Database, payment: int, *moves: list[Entry]) -> None:
    async with db.transaction() as tx:
        for move in moves:
            move_id = uuid.uuid4()
            for reason, account, amount in move:
                await tx.execute(
                    "insert into ledger_entries (move_id, payment_id, account, amount, currency, reason)"
                    " values (%(move)s, %(payment)s, %(account)s, %(amount)s, 'RUB', %(reason)s)",
                    move=move_id,
                    payment=payment,
                    account=account,
                    amount=amount,
                    reason=reason,
                )


HOLD = [("hold", "payer", -1000), ("hold", "held", 1000)]
CAPTURE = [("capture", "held", -1000), ("capture", "creator", 1000)]
RELEASE = [("release", "held", -1000), ("release", "payer", 1000)]


def refund(amount: int) -> list[Entry]:
    return [("refund", "creator", -amount), ("refund", "payer", amount)]


async def test_balanced_moves_are_stored(db: Database, payment: int) -> None:
    await enter(db, payment, HOLD, CAPTURE, refund(400), refund(600))
    assert await db.value("select sum(amount) from ledger_entries") == 0


@as_subtests
@pytest.mark.parametrize(
    ("moves", "constraint"),
    [
        ([HOLD[:1]], "ledger_sums_to_zero"),
        ([[("hold", "payer", -1000), ("hold", "held", 999)]], "ledger_sums_to_zero"),
        ([HOLD, HOLD], "ledger_once_key"),
        ([HOLD, CAPTURE, CAPTURE], "ledger_once_key"),
        ([HOLD, CAPTURE, RELEASE], "ledger_accounts_sound"),
        ([CAPTURE], "ledger_accounts_sound"),
        ([HOLD, CAPTURE, refund(600), refund(600)], "ledger_accounts_sound"),
        ([[("hold", "payer", 0), ("hold", "held", 0)]], "ledger_entries_amount_check"),
        ([[("gift", "payer", -1), ("gift", "held", 1)]], "ledger_entries_reason_check"),
        ([[("hold", "payer", -1), ("hold", "bank", 1)]], "ledger_entries_account_check"),
    ],
)
async def test_unbalanced_duplicate_and_invalid_moves_are_refused(
    db: Database, payment: int, moves: list[list[Entry]], constraint: str
) -> None:
    with pytest.raises(ConstraintViolated) as refusal:
        await enter(db, payment, *moves)
    assert refusal.value.name == constraint
    assert await db.value("select count(*) from ledger_entries") == 0


@pytest.mark.parametrize(
    "statement",
    ["update ledger_entries set amount = amount * 2", "delete from ledger_entries", "truncate ledger_entries"],
)
async def test_ledger_entries_cannot_be_changed_or_deleted(db: Database, payment: int, statement: str) -> None:
    await enter(db, payment, HOLD)
    with pytest.raises(ConstraintViolated) as refusal:
        await db.execute(statement)
    assert refusal.value.name == "ledger_append_only"
    assert await db.value("select count(*) from ledger_entries") == 2


@pytest.mark.parametrize("status", ["pending", "held", "captured"])
async def test_an_order_is_not_paid_twice(db: Database, payment: int, status: str) -> None:
    with pytest.raises(ConstraintViolated) as refusal:
        await db.execute(
            "insert into payments (order_id, amount, description, return_url, status)"
            " values (1, 1000, '', '', %(status)s)",
            status=status,
        )
    assert refusal.value.name == "payments_open_key"
