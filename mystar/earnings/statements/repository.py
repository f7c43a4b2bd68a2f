"""Statements and their lines as rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import date, datetime

from mystar.earnings.statements.model import Chain, Holder, Line, Statement, StatementUnknown, end_of, number_of
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "statements": QUERIES.export_statements,
    },
)
_COLUMNS = tuple(one.name for one in fields(Statement))
#: Lines that are read at once.
_BATCH = 1000


class StatementRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def to_close(self, month: date, *, after: int, limit: int) -> list[int]:
        """Creators, by id behind ``after``, who have something to state for the month and no statement of it."""
        until = end_of(month)
        rows = await self._tx.all(QUERIES.to_close, month=month, until=until, after=after, limit=limit)
        return [row["creator_id"] for row in rows]

    async def first_entry_at(self, creator_id: int) -> datetime | None:
        at: datetime | None = await self._tx.value(QUERIES.first_entry_at, creator_id=creator_id)
        return at

    async def last(self, creator_id: int) -> Statement | None:
        return _maybe(await self._tx.one_or_none(QUERIES.last_statement, creator_id=creator_id))

    async def before(self, statement: Statement) -> Statement | None:
        values = {"creator_id": statement.creator_id, "month": statement.month}
        return _maybe(await self._tx.one_or_none(QUERIES.statement_before, values))

    async def add(self, creator_id: int, month: date, last: Statement | None, now: datetime) -> None:
        """State the month behind ``last``; the creator's balance is locked."""
        after, opening = (last.last_entry_id, last.closing) if last else (0, 0)
        last_entry_id: int = await self._tx.value(
            QUERIES.last_entry, creator_id=creator_id, after=after, until=end_of(month)
        )
        previous, number = last.sha256 if last else "", number_of(creator_id, month)
        chain = Chain(previous, number, opening)
        async for lines in self.lines(creator_id, after, last_entry_id):
            chain.add(lines)
        await self._tx.execute(
            QUERIES.add_statement,
            creator_id=creator_id,
            month=month,
            number=number,
            opening=opening,
            closing=chain.closing,
            after_entry_id=after,
            last_entry_id=last_entry_id,
            line_count=chain.count,
            sha256=chain.hexdigest(),
            previous_sha256=previous,
            now=now,
        )

    async def lines(self, creator_id: int, after: int, last: int) -> AsyncIterator[list[Line]]:
        """The lines between two entries, oldest first, a batch at a time."""
        while after < last:
            rows = await self._tx.all(QUERIES.lines, creator_id=creator_id, after=after, last=last, limit=_BATCH)
            if not rows:
                return
            yield [Line(**row) for row in rows]
            after = rows[-1]["entry_id"]

    async def of_creator(self, creator_id: int, *, offset: int, limit: int) -> list[Statement]:
        """Newest first."""
        rows = await self._tx.all(QUERIES.statements, creator_id=creator_id, offset=offset, limit=limit)
        return [_statement(row) for row in rows]

    async def count_of_creator(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_statements, creator_id=creator_id))

    async def get(self, statement_id: int, creator_id: int | None = None) -> Statement:
        """:raises StatementUnknown: none, or not of this creator."""
        found = _maybe(await self._tx.one_or_none(QUERIES.statement, id=statement_id, creator_id=creator_id))
        if found is None:
            raise StatementUnknown
        return found

    async def holder(self, creator_id: int) -> Holder:
        return Holder(**await self._tx.one(QUERIES.holder, creator_id=creator_id))

    async def all_after(self, statement_id: int, limit: int) -> list[Statement]:
        rows = await self._tx.all(QUERIES.all_statements, after=statement_id, limit=limit)
        return [_statement(row) for row in rows]


def _maybe(row: Row | None) -> Statement | None:
    return _statement(row) if row else None


def _statement(row: Row) -> Statement:
    return Statement(**{name: row[name] for name in _COLUMNS})
