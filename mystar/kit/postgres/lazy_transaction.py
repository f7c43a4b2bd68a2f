"""A transaction that whatever a task does with the database joins, and that begins only when something is changed.

    async with db.joint(opening) as joint:
        await something_that_waits_and_then_writes()

Until the first change nothing is held: a single ``select`` runs by itself, and the task may wait for others as if there
were no transaction to come (law 6). With the first change ``opening`` is run, inside, before it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mystar.kit.postgres.database import Database, Tx

#: What it has to find in order before anything is changed; raises when it is not.
Opening = Callable[["Tx"], Awaitable[None]]
_ONLY_READS = re.compile(r"\s*(--[^\n]*\n\s*)*\(?\s*select\b", re.IGNORECASE)

_current: ContextVar[Joint | None] = ContextVar("mystar_joint", default=None)


def joint_of(database: Database) -> Joint | None:
    """This task's, if any. A task started inside inherits the value, and has none of its own."""
    joint = _current.get()
    return joint if joint and joint.database is database and joint.owner is asyncio.current_task() else None


def only_reads(statement: str) -> bool:
    """Whether it certainly changes nothing. ``with`` may, further on."""
    return _ONLY_READS.match(statement) is not None


class Joint:
    """:param begin: opens the transaction."""

    def __init__(
        self, database: Database, begin: Callable[[], AbstractAsyncContextManager[Tx]], opening: Opening
    ) -> None:
        self.database, self.owner = database, asyncio.current_task()
        self._begin, self._opening = begin, opening
        self._stack = AsyncExitStack()
        self._tx: Tx | None = None
        self._refusal: Exception | None = None
        #: Whether what runs now is the opening itself.
        self.opening = False

    async def tx(self) -> Tx:
        """The transaction, begun if it is not yet. What its opening raised it raises again, whoever swallowed it."""
        if self._refusal is not None:
            raise self._refusal
        if self._tx is None:
            self._tx = await self._stack.enter_async_context(self._begin())
            self.opening = True
            try:
                await self._opening(self._tx)
            except Exception as error:
                self._refusal = error
                raise
            finally:
                self.opening = False
        return self._tx

    async def __aenter__(self) -> Joint:
        if _current.get() is not None and joint_of(self.database) is not None:
            raise RuntimeError("A joint transaction is expected already")
        self._before = _current.set(self)
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        _current.reset(self._before)
        if error is None and self._refusal is not None:
            error = self._refusal
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise error
        await self._stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
