"""The audit log as rows."""

from __future__ import annotations

from dataclasses import asdict

from mystar.audit.model import Entry, Filters, Head, Note
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row

QUERIES = queries.load(__package__)


class AuditRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def lock_head(self) -> Head | None:
        """Of a chain that nobody else is writing to, until the end of the transaction; None when all are taken."""
        row = await self._tx.one_or_none(QUERIES.lock_head)
        return _head(row) if row else None

    async def add(self, head: Head, note: Note) -> None:
        """``head`` as it is with the note."""
        values = {"chain": head.chain, "number": head.length, "hash": head.hash, "seal": head.seal}
        await self._tx.execute(
            QUERIES.add_entry,
            {
                **values,
                "at": note.at,
                "act": note.act,
                "actor_id": note.actor_id,
                "subject": note.subject,
                "address": note.address,
                "details": dict(note.details),
            },
        )

    async def heads(self) -> list[Head]:
        return [_head(row) for row in await self._tx.all(QUERIES.heads)]

    async def after(self, chain: int, number: int, limit: int) -> list[Entry]:
        """The rows behind the numbered one, in order."""
        rows = await self._tx.all(QUERIES.entries_after, chain=chain, number=number, limit=limit)
        return [_entry(row) for row in rows]

    async def stray(self) -> Row | None:
        """``id, chain, number`` of a row in a chain that does not exist."""
        return await self._tx.one_or_none(QUERIES.strays)

    async def entries(self, filters: Filters, limit: int, offset: int) -> list[Entry]:
        """The newest first."""
        values = {**asdict(filters), "limit": limit, "offset": offset}
        return [_entry(row) for row in await self._tx.all(QUERIES.entries, values)]

    async def count(self, filters: Filters) -> int:
        count: int = await self._tx.value(QUERIES.count_entries, asdict(filters))
        return count


def _head(row: Row) -> Head:
    return Head(row["chain"], row["length"], bytes(row["hash"]), row["seal"])


def _entry(row: Row) -> Entry:
    note = Note(row["at"], row["act"], row["actor_id"], row["subject"], row["address"], row["details"])
    return Entry(row["id"], row["chain"], row["number"], note, bytes(row["hash"]))
