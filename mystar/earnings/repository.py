"""Earnings, entries and balances as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from mystar.earnings.model import (
    OWN,
    Account,
    Balance,
    Bearer,
    Change,
    Earning,
    Entry,
    Kind,
    Mode,
    Move,
    NextClearing,
    totals,
)
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.recount import Difference
from mystar.payments.model import FeeMoment

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "earnings": QUERIES.export_earnings,
        "earning_entries": QUERIES.export_entries,
        "balance": QUERIES.export_balance,
    },
    erasures=(
        QUERIES.erase_earnings,
        QUERIES.erase_balance,
        QUERIES.erase_chargebacks,
    ),
    obstacles=QUERIES.erasure_obstacles,
)
_EARNING = tuple(one.name for one in fields(Earning))
_BALANCE = tuple(one.name for one in fields(Balance))
#: Accounts whose entries name their creator; the others are the platform's, or outside.
_OWNED = frozenset({*OWN, Account.ADJUSTMENTS})
_RECOUNTS = (
    *(QUERIES.unbalanced_moves, QUERIES.order_differences, QUERIES.unearned_orders),
    *(QUERIES.balance_differences, QUERIES.overdue),
)
#: The recount names this many differences of a kind; more say nothing more.
_MAX_DIFFERENCES = 1000


class EarningRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self,
        *,
        order_id: int,
        creator_id: int,
        mode: Mode,
        service_id: int | None,
        kind: str,
        vat_percent: int,
        keeps_commission: bool,
        deal_fee_moment: FeeMoment | None,
        price: int,
        now: datetime,
    ) -> None:
        await self._tx.enqueue(
            QUERIES.add_earning,
            order_id=order_id,
            creator_id=creator_id,
            mode=mode,
            service_id=service_id,
            kind=kind,
            vat_percent=vat_percent,
            keeps_commission=keeps_commission,
            deal_fee_moment=deal_fee_moment,
            price=price,
            now=now,
        )

    async def find(self, order_id: int) -> Earning | None:
        row = await self._tx.one_or_none(QUERIES.earning, order_id=order_id)
        return _earning(row) if row else None

    async def lock(self, order_id: int) -> Earning | None:
        """With the creator's balance, until the transaction ends."""
        row = await self._tx.one_or_none(QUERIES.lock_earning, order_id=order_id)
        return _earning(row) if row else None

    async def lock_due(self, now: datetime, batch: int) -> list[Earning]:
        return [_earning(row) for row in await self._tx.all(QUERIES.lock_due, now=now, batch=batch)]

    async def record(self, change: Change, now: datetime) -> Balance:
        """Write down an earning, which is locked, with its moves. Answers the balance after them."""
        earning = {name: getattr(change.earning, name) for name in _EARNING}
        return _balance(await self._tx.one(QUERIES.record, earning | _sides(change.moves) | {"now": now}))

    async def record_moves(self, creator_id: int, moves: Sequence[Move], now: datetime) -> Balance:
        """Write down moves that change no earning; the balance is locked."""
        values = dict.fromkeys(_EARNING) | _sides(moves) | {"creator_id": creator_id, "now": now}
        return _balance(await self._tx.one(QUERIES.record, values))

    async def open_balance(self, creator_id: int, now: datetime) -> Balance | None:
        """The balance, locked; begun if there is none yet. None: there is no such account."""
        await self._tx.execute(QUERIES.add_balance, creator_id=creator_id, now=now)
        return await self.lock_balance(creator_id)

    async def lock_balance(self, creator_id: int) -> Balance | None:
        row = await self._tx.one_or_none(QUERIES.lock_balance, creator_id=creator_id)
        return _balance(row) if row else None

    async def balance(self, creator_id: int) -> Balance:
        """Zeros for an account that has sold nothing."""
        row = await self._tx.one_or_none(QUERIES.balance, creator_id=creator_id)
        return _balance(row) if row else Balance(creator_id)

    async def stop_payouts(self, creator_id: int, reason: str | None, now: datetime) -> None:
        """:param reason: None = go on."""
        await self._tx.execute(QUERIES.stop_payouts, creator_id=creator_id, reason=reason, now=now)

    async def debts(self, before: datetime, limit: int) -> list[Balance]:
        """Balances that have been negative since before this moment, the oldest debt first."""
        return [_balance(row) for row in await self._tx.all(QUERIES.debts, before=before, limit=limit)]

    async def next_clearing(self, creator_id: int) -> NextClearing | None:
        row = await self._tx.one_or_none(QUERIES.next_clearing, creator_id=creator_id)
        return NextClearing(row["clears_at"], row["amount"]) if row else None

    async def entries(
        self,
        creator_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: str | None = None,
        offset: int,
        limit: int,
    ) -> tuple[list[Entry], int]:
        """A page of the creator's own accounts, newest first, and how many there are."""
        which: dict[str, Any] = {"creator_id": creator_id, "since": since, "until": until, "kind": kind}
        rows = await self._tx.all(QUERIES.entries, which | {"offset": offset, "limit": limit})
        known = len(rows) < limit and (rows or offset == 0)
        count = offset + len(rows) if known else int(await self._tx.value(QUERIES.count_entries, which))
        return [_entry(row) for row in rows], count

    async def of_orders(self, creator_id: int, order_ids: Sequence[int]) -> list[Earning]:
        """Of those orders, the ones that this account sold."""
        rows = await self._tx.all(QUERIES.earnings_of_orders, creator_id=creator_id, order_ids=list(order_ids))
        return [_earning(row) for row in rows]

    async def last_entry(self, creator_id: int) -> int:
        """The id of the creator's newest entry; 0 = none."""
        return int(await self._tx.value(QUERIES.last_entry, creator_id=creator_id))

    async def count_chargebacks(self, order_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_chargebacks, order_id=order_id))

    async def add_chargeback(
        self,
        order_id: int,
        *,
        amount: int,
        bearer: Bearer,
        fee: int,
        note: str,
        entered_by: int | None,
        now: datetime,
    ) -> int:
        values = {"order_id": order_id, "amount": amount, "bearer": bearer, "fee": fee, "note": note}
        return int(await self._tx.value(QUERIES.add_chargeback, values | {"entered_by": entered_by, "now": now}))

    async def differences(self, overdue_since: datetime) -> list[Difference]:
        """Where earnings and balances disagree with their entries, the frozen terms, or the payments' ledger."""
        found = []
        for query in _RECOUNTS:
            rows = await self._tx.all(query, limit=_MAX_DIFFERENCES, before=overdue_since)
            found += [Difference(**row) for row in rows]
        return found

    async def service_to_quote(self, creator_id: int, service_id: int) -> Row | None:
        """``kind`` and ``base_price`` of the creator's own service."""
        return await self._tx.one_or_none(QUERIES.service_to_quote, creator_id=creator_id, service_id=service_id)

    async def order_to_earn(self, order_id: int) -> Row | None:
        """An order with a creator; None for a studio order."""
        return await self._tx.one_or_none(QUERIES.order_to_earn, order_id=order_id)


def _sides(moves: Sequence[Move]) -> dict[str, Any]:
    """The entries of the moves, column by column, and what they change in the balance."""
    sides = [(move, side) for move in moves for side in move.sides]
    changed = totals(moves)
    return {
        "move_ids": [str(move.id) for move, _ in sides],
        "kinds": [str(move.kind) for move, _ in sides],
        "accounts": [str(side.account) for _, side in sides],
        "amounts": [side.amount for _, side in sides],
        "owners": [move.creator_id if side.account in _OWNED else None for move, side in sides],
        "orders": [move.order_id for move, _ in sides],
        "payouts": [move.payout_id for move, _ in sides],
        "parts": [move.part_id for move, _ in sides],
        "notes": [move.note for move, _ in sides],
        **{f"{account}_by": amount for account, amount in changed.items()},
    }


def _earning(row: Row) -> Earning:
    return Earning(**{name: row[name] for name in _EARNING})


def _balance(row: Row) -> Balance:
    return Balance(**{name: row[name] for name in _BALANCE})


def _entry(row: Row) -> Entry:
    at, kind, account = row["created_at"], Kind(row["kind"]), Account(row["account"])
    return Entry(row["id"], at, kind, account, row["amount"], row["order_id"], row["payout_id"], row["note"])
