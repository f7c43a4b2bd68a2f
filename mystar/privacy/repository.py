"""Exports and erasures as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from mystar.errors import MystarError
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.privacy.model import DataExport, Erasure, ErasureRequested, ExportRunning, ExportUnknown, Requester

QUERIES = queries.load(__package__)
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {
    "data_exports_waiting_key": ExportRunning,
    "erasures_open_key": ErasureRequested,
}
PERSONAL_DATA = PersonalQueries(
    exports={"data_exports": QUERIES.export_requests, "erasures": QUERIES.erasure_requests},
    erasures=(QUERIES.clear_reasons,),
)
_EXPORT = tuple(column.name for column in fields(DataExport))
_ERASURE = tuple(column.name for column in fields(Erasure))


class ExportRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, account_id: int, requester: Requester, now: datetime) -> DataExport:
        """:raises ExportRunning:"""
        values = {"account_id": account_id, "requested_by": requester.account_id, "reason": requester.reason}
        return _export(await self._tx.one(QUERIES.add_export, **values, now=now))

    async def latest(self, account_id: int) -> DataExport | None:
        row = await self._tx.one_or_none(QUERIES.latest_export, account_id=account_id)
        return _export(row) if row else None

    async def find(self, account_id: int, export_id: int) -> DataExport:
        """:raises ExportUnknown: the account has none of this id."""
        row = await self._tx.one_or_none(QUERIES.find_export, id=export_id, account_id=account_id)
        if row is None:
            raise ExportUnknown
        return _export(row)

    async def by_digest(self, digest: bytes, now: datetime) -> DataExport | None:
        row = await self._tx.one_or_none(QUERIES.export_by_digest, digest=digest, now=now)
        return _export(row) if row else None

    async def claim(self, now: datetime, lease: float) -> DataExport | None:
        """The oldest that waits and that no process builds, claimed for ``lease`` seconds."""
        row = await self._tx.one_or_none(QUERIES.claim_export, now=now, lease=lease)
        return _export(row) if row else None

    async def prolong(self, export: DataExport, now: datetime, lease: float) -> bool:
        """Whether the claim is still this process's."""
        values = {"id": export.id, "attempts": export.attempts, "now": now, "lease": lease}
        return bool(await self._tx.execute(QUERIES.prolong_claim, values))

    async def release(self, export: DataExport) -> None:
        await self._tx.execute(QUERIES.release_claim, id=export.id, attempts=export.attempts)

    async def finish(self, export: DataExport, **columns: Any) -> bool:
        """False when another process has taken the export over, or the account is gone."""
        values = {"id": export.id, "attempts": export.attempts, **columns}
        return bool(await self._tx.execute(QUERIES.finish_export, values))

    async def fail(self, export: DataExport, now: datetime) -> None:
        await self._tx.execute(QUERIES.fail_export, id=export.id, attempts=export.attempts, now=now)

    async def expire(self, *, account_id: int | None = None, before: datetime | None = None, batch: int) -> list[str]:
        """Keys of the archives that are no longer offered."""
        rows = await self._tx.all(QUERIES.expire_exports, account_id=account_id, before=before, batch=batch)
        return [row["key"] for row in rows if row["key"]]

    async def delete_all(self, account_id: int) -> list[str]:
        """Keys of their archives."""
        rows = await self._tx.all(QUERIES.delete_exports, account_id=account_id)
        return [row["key"] for row in rows if row["key"]]


class ErasureRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self, account_id: int, requester: Requester, *, now: datetime, due_at: datetime, digest: bytes
    ) -> Erasure:
        """:raises ErasureRequested:"""
        values = {"account_id": account_id, "requested_by": requester.account_id, "reason": requester.reason}
        return _erasure(await self._tx.one(QUERIES.add_erasure, **values, now=now, due_at=due_at, digest=digest))

    async def open(self, account_id: int) -> Erasure | None:
        row = await self._tx.one_or_none(QUERIES.open_erasure, account_id=account_id)
        return _erasure(row) if row else None

    async def by_digest(self, digest: bytes) -> Erasure | None:
        row = await self._tx.one_or_none(QUERIES.erasure_by_digest, digest=digest)
        return _erasure(row) if row else None

    async def withdraw(self, account_id: int, now: datetime) -> Erasure | None:
        """None when none is open."""
        row = await self._tx.one_or_none(QUERIES.withdraw_erasure, account_id=account_id, now=now)
        return _erasure(row) if row else None

    async def lock_due(self, now: datetime, erasure_id: int | None = None) -> Erasure | None:
        """One that is due, locked; None when there is none, or another process has it."""
        row = await self._tx.one_or_none(QUERIES.lock_due_erasure, now=now, id=erasure_id)
        return _erasure(row) if row else None

    async def postpone(self, erasure_id: int, due_at: datetime, blocked_by: Sequence[str]) -> None:
        await self._tx.execute(QUERIES.postpone_erasure, id=erasure_id, due_at=due_at, blocked_by=list(blocked_by))

    async def bring_forward(self, erasure_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.bring_forward, id=erasure_id, now=now)

    async def mark_erased(self, account_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.mark_erased, account_id=account_id, now=now)


def _export(row: Row) -> DataExport:
    return DataExport(**{name: row[name] for name in _EXPORT})


def _erasure(row: Row) -> Erasure:
    return Erasure(**{name: row[name] for name in _ERASURE})
