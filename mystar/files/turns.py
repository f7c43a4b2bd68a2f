"""Turns of a person in all processes that share the database: rows that expire, so that a killed process keeps none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Literal, TypeVar

from mystar.errors import Unavailable
from mystar.files.repository import FileRepository
from mystar.kit.background import cancel_and_wait
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database

Result = TypeVar("Result")

#: How long a turn lasts that nothing extends. Less than an upload waits for one, so that the turns of a killed process,
#: and those that could not be ended while the database was away, make it wait and not fail.
_LEASE = timedelta(seconds=9)
#: Seconds between its extensions, and between looks for a free one.
_EXTEND_EVERY, _LOOK_EVERY = 3.0, 0.25


async def in_own_task(work: Awaitable[Result]) -> Result:
    """Do it in a task of its own, which takes no part in a transaction of this one; see `Database.lazy_transaction`."""

    async def do() -> Result:
        return await work

    return await asyncio.create_task(do())


class SharedTurns:
    """At most ``at_once`` turns of one kind for each person, in all processes."""

    def __init__(self, db: Database, clock: Clock, kind: Literal["upload", "decode"], at_once: int) -> None:
        self._db, self._clock, self._kind, self._at_once = db, clock, kind, at_once

    @asynccontextmanager
    async def turn(self, person: str) -> AsyncIterator[None]:
        """Wait until it begins. The caller bounds the time, by `asyncio.timeout`."""
        # The end of another one, in another process, sets no event here.
        while (turn_id := await in_own_task(self._begin(person))) is None:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)
        keeper = asyncio.create_task(self._extend(turn_id))
        try:
            yield
        finally:
            await cancel_and_wait(keeper)
            # One that is left because the database is away ends by itself.
            with suppress(Unavailable):
                await in_own_task(FileRepository(self._db).end_turn(turn_id))

    async def _begin(self, person: str) -> int | None:
        now = self._clock.now()
        async with self._db.transaction() as tx:
            files = FileRepository(tx)
            await files.lock_turns(self._kind, person)
            return await files.begin_turn(self._kind, person, at_once=self._at_once, now=now, until=now + _LEASE)

    async def _extend(self, turn_id: int) -> None:
        while True:
            await asyncio.sleep(_EXTEND_EVERY)
            with suppress(Unavailable):
                await FileRepository(self._db).extend_turn(turn_id, self._clock.now() + _LEASE)
