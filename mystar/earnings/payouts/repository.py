"""Payouts and their parts as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from mystar.earnings.payouts.model import OPEN, Approver, Part, Payout, PayoutUnknown, Status
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.recount import Difference

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "payouts": QUERIES.export_payouts,
    },
    erasures=(QUERIES.erase_approvals,),
    obstacles=QUERIES.erasure_obstacles,
)
_PART = tuple(one.name for one in fields(Part))
_PAYOUT = tuple(one.name for one in fields(Payout) if one.name != "parts")
_MAX_DIFFERENCES = 1000


class PayoutRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def count_open(self) -> list[Row]:
        """Payouts that reserve money, by status; for metrics."""
        return await self._tx.all(QUERIES.count_open_payouts, statuses=[str(one) for one in OPEN])

    async def add(
        self,
        creator_id: int,
        amounts: Sequence[int],
        *,
        details_id: int,
        provider: str,
        status: Status,
        requested_by: int | None,
        now: datetime,
    ) -> int:
        """A payout in parts; its id."""
        payout_id: int = await self._tx.value(
            QUERIES.add_payout,
            creator_id=creator_id,
            details_id=details_id,
            provider=provider,
            amount=sum(amounts),
            status=str(status),
            requested_by=requested_by,
            now=now,
        )
        await self._tx.execute(
            QUERIES.add_parts, payout_id=payout_id, amounts=list(amounts), status=str(status), now=now
        )
        return payout_id

    async def get(self, payout_id: int, creator_id: int | None = None) -> Payout:
        """:raises PayoutUnknown: none, or another creator's."""
        found = await self._payouts(id=payout_id, creator_id=creator_id, limit=1)
        if not found:
            raise PayoutUnknown
        return found[0]

    async def creator_of(self, payout_id: int) -> int:
        """:raises PayoutUnknown:"""
        creator_id = await self._tx.value(QUERIES.creator_of, id=payout_id)
        if creator_id is None:
            raise PayoutUnknown
        return int(creator_id)

    async def lock(self, payout_id: int) -> Payout:
        """:raises PayoutUnknown:"""
        await self._tx.value(QUERIES.lock_payout, id=payout_id)
        return await self.get(payout_id)

    async def of_creator(self, creator_id: int, *, offset: int, limit: int) -> list[Payout]:
        return await self._payouts(creator_id=creator_id, offset=offset, limit=limit)

    async def count_of_creator(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_payouts, creator_id=creator_id))

    async def with_status(self, status: Status, limit: int) -> list[Payout]:
        return await self._payouts(status=str(status), limit=limit)

    async def set_status(self, payout_id: int, status: Status, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_status, id=payout_id, status=str(status), is_open=status in OPEN, now=now)

    async def set_part(
        self,
        part_id: int,
        status: Status,
        now: datetime,
        *,
        reason: str | None = None,
        provider_id: str | None = None,
        check_at: datetime | None = None,
    ) -> None:
        await self._tx.execute(
            QUERIES.set_part,
            id=part_id,
            status=str(status),
            is_open=status in OPEN,
            reason=reason,
            provider_id=provider_id,
            check_at=check_at,
            now=now,
        )

    async def set_approval(self, payout_id: int, by: Approver, now: datetime) -> None:
        """The first approval, or the second."""
        await self._tx.execute(QUERIES.set_approval, id=payout_id, account_id=by.account_id, name=by.name, now=now)

    async def set_document(self, payout_id: int, document: str, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_document, id=payout_id, document=document, now=now)

    async def set_exported(self, payout_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_exported, id=payout_id, now=now)

    async def open_status(self, creator_id: int) -> Status | None:
        """Of the creator's payout that is on its way."""
        status = await self._tx.value(QUERIES.open_status, creator_id=creator_id)
        return Status(status) if status else None

    async def is_active(self, creator_id: int) -> bool:
        """Whether the account is not blocked."""
        return bool(await self._tx.value(QUERIES.is_active, id=creator_id))

    async def set_by_hand(self, creator_id: int, by_hand: bool, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_by_hand, creator_id=creator_id, by_hand=by_hand, now=now)

    async def to_sweep(self, minimum: int, now: datetime, *, after: int, limit: int) -> list[int]:
        """Creators, by id behind ``after``, who seem ready for a payout."""
        rows = await self._tx.all(QUERIES.to_sweep, minimum=minimum, now=now, after=after, limit=limit)
        return [row["creator_id"] for row in rows]

    async def last_sweep(self) -> date | None:
        """The day of the schedule's last one."""
        row = await self._tx.one_or_none(QUERIES.last_sweep)
        return row["period"] if row else None

    async def add_sweep(self, period: date | None, requested: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.add_sweep, period=period, requested=requested, now=now)

    async def differences(self, unknown_since: datetime) -> list[Difference]:
        found = []
        for query in (QUERIES.payout_differences, QUERIES.stopped_and_sending, QUERIES.long_unknown):
            rows = await self._tx.all(query, limit=_MAX_DIFFERENCES, before=unknown_since)
            found += [Difference(**row) for row in rows]
        return found

    async def _payouts(
        self,
        *,
        id: int | None = None,
        creator_id: int | None = None,
        status: str | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[Payout]:
        which: dict[str, Any] = {"id": id, "creator_id": creator_id, "status": status}
        rows = await self._tx.all(QUERIES.payouts, which | {"offset": offset, "limit": limit})
        parts = defaultdict(list)
        for row in await self._tx.all(QUERIES.parts, payout_ids=[row["id"] for row in rows]) if rows else []:
            parts[row["payout_id"]].append(_part(row))
        return [_payout(row, tuple(parts[row["id"]])) for row in rows]


def _payout(row: Row, parts: tuple[Part, ...]) -> Payout:
    values = {name: row[name] for name in _PAYOUT}
    return Payout(**values | {"status": Status(row["status"])}, parts=parts)


def _part(row: Row) -> Part:
    values = {name: row[name] for name in _PART}
    return Part(**values | {"status": Status(row["status"])})
