"""Close months, read statements, and prove that none has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date

from mystar.accounts.model import Actor
from mystar.earnings.repository import EarningRepository
from mystar.earnings.statements.model import (
    Chain,
    Holder,
    Line,
    Statement,
    month_after,
    month_before,
    month_of,
    number_of,
)
from mystar.earnings.statements.repository import StatementRepository
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import Page, PageRequest

_BATCH = 200


class StatementService:
    """A month is stated once, soon after its end; what is entered later goes into the next one."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        #: Held while a document is drawn: one at a time leaves the processor to requests.
        self.drawing = asyncio.Semaphore(1)
        #: The last month that this process knows to be closed for everybody.
        self._closed: date | None = None

    async def close_months(self) -> int:
        """State every month that is over; returns how many statements were added."""
        month, added, after = month_before(month_of(self._clock.now())), 0, 0
        if self._closed == month:
            return 0
        while found := await StatementRepository(self._db).to_close(month, after=after, limit=_BATCH):
            for creator_id in found:
                added += await self._close(creator_id, month)
            after = found[-1]
        self._closed = month
        return added

    async def of_creator(self, creator_id: int, page: PageRequest) -> Page[Statement]:
        """Newest first."""
        statements = StatementRepository(self._db)
        rows = await statements.of_creator(creator_id, offset=page.offset, limit=page.size)
        return Page(rows, await statements.count_of_creator(creator_id))

    async def get(self, actor: Actor, statement_id: int) -> Statement:
        """:raises StatementUnknown: none, or another account's."""
        return await StatementRepository(self._db).get(statement_id, actor.id)

    async def for_staff(self, statement_id: int) -> Statement:
        """Of whatever creator. :raises StatementUnknown:"""
        return await StatementRepository(self._db).get(statement_id)

    async def holder(self, statement: Statement) -> Holder:
        """Whom it is for."""
        return await StatementRepository(self._db).holder(statement.creator_id)

    def lines(self, statement: Statement) -> AsyncIterator[list[Line]]:
        """Oldest first, a batch at a time."""
        return StatementRepository(self._db).lines(
            statement.creator_id, statement.after_entry_id, statement.last_entry_id
        )

    async def recount(self) -> list[Difference]:
        """Statements that are not what was closed, or do not continue the one before."""
        found: list[Difference] = []
        statements, after = StatementRepository(self._db), 0
        while batch := await statements.all_after(after, _BATCH):
            for statement in batch:
                found += await self._differences(statements, statement)
            after = batch[-1].id
        return found

    async def _close(self, creator_id: int, month: date) -> int:
        """All months of the creator up to this one; returns how many."""
        async with self._db.transaction() as tx:
            await EarningRepository(tx).lock_balance(creator_id)
            statements, added = StatementRepository(tx), 0
            last = await statements.last(creator_id)
            first_at = await statements.first_entry_at(creator_id)
            following = month_after(last.month) if last else month_of(first_at) if first_at else month
            while following <= month:
                await statements.add(creator_id, following, last, self._clock.now())
                last, added = await statements.last(creator_id), added + 1
                following = month_after(following)
        return added

    async def _differences(self, statements: StatementRepository, statement: Statement) -> list[Difference]:
        before = await statements.before(statement)
        chain = Chain(statement.previous_sha256, number_of(statement.creator_id, statement.month), statement.opening)
        async for lines in self.lines(statement):
            chain.add(lines)
        facts = (
            ("sha256", statement.sha256, chain.hexdigest()),
            ("closing", statement.closing, chain.closing),
            ("opening", statement.opening, before.closing if before else 0),
            ("first entry", statement.after_entry_id, before.last_entry_id if before else 0),
            ("previous sha256", statement.previous_sha256, before.sha256 if before else ""),
        )
        return [
            Difference("statement", what, statement.id, stored, counted)
            for what, stored, counted in facts
            if stored != counted
        ]
