"""Payout details as rows."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from mystar.earnings.details.model import Details, Kind
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "payout_details": QUERIES.export_details,
    },
    erasures=(QUERIES.erase_details,),
)
_COLUMNS = tuple(one.name for one in fields(Details))


class DetailsRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def current(self, creator_id: int) -> Details | None:
        return _maybe(await self._tx.one_or_none(QUERIES.current, creator_id=creator_id))

    async def get(self, details_id: int) -> Details | None:
        """Current ones or earlier ones."""
        return _maybe(await self._tx.one_or_none(QUERIES.details, id=details_id))

    async def replace(self, creator_id: int, now: datetime) -> Details | None:
        """End the current details; returns them."""
        return _maybe(await self._tx.one_or_none(QUERIES.replace, creator_id=creator_id, now=now))

    async def add(
        self,
        creator_id: int,
        kind: Kind,
        *,
        sealed: bytes,
        mask: str,
        fingerprint: str,
        usable_at: datetime,
        email: str | None,
        now: datetime,
    ) -> Details:
        row = await self._tx.one(
            QUERIES.add_details,
            creator_id=creator_id,
            kind=kind,
            sealed=sealed,
            mask=mask,
            fingerprint=fingerprint,
            usable_at=usable_at,
            email=email,
            now=now,
        )
        return _details(row)

    async def set_confirmed(self, details_id: int, at: datetime | None) -> None:
        await self._tx.execute(QUERIES.set_confirmed, id=details_id, at=at)

    async def shared_with(self, details: Details) -> list[int]:
        """Other creators with the same details, at most a hundred."""
        rows = await self._tx.all(QUERIES.shared_with, fingerprint=details.fingerprint, creator_id=details.creator_id)
        return [row["creator_id"] for row in rows]

    async def has_open_payout(self, creator_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.has_open_payout, creator_id=creator_id))


def _maybe(row: Row | None) -> Details | None:
    return _details(row) if row else None


def _details(row: Row) -> Details:
    return Details(**{name: row[name] for name in _COLUMNS} | {"sealed": bytes(row["sealed"])})
