"""A transaction that begins with the first change, and that all later statements of its task join.

    async with db.lazy_transaction(precondition) as lazy:
        await something_that_waits_and_then_writes()

Before the first change no connection is held: a single ``select`` runs by itself, and the task may wait for third
parties (law 6). The first change begins the transaction, runs ``precondition`` inside it and is executed after that.
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

#: Runs inside the transaction before the first change; raises when the change must not happen.
Precondition = Callable[["Tx"], Awaitable[None]]
_SELECT = re.compile(r"\s*(--[^\n]*\n\s*)*\(?\s*select\b", re.IGNORECASE)

_current: ContextVar[LazyTransaction | None] = ContextVar("mystar_lazy_transaction", default=None)


def lazy_transaction_of(database: Database) -> LazyTransaction | None:
    """That of the current task, if any. A task started inside inherits the variable, but does not take part."""
    lazy = _current.get()
    return lazy if lazy and lazy.database is database and lazy.owner is asyncio.current_task() else None


def only_reads(statement: str) -> bool:
    """Whether the statement begins with ``select``, after comments and a bracket. Nothing else is checked.

    A ``select`` with a side effect, such as ``nextval``, ``pg_notify`` or ``for update``, counts as a read here and
    must be run in an explicit transaction. ``with`` counts as a change, since it may contain one.
    """
    return _SELECT.match(statement) is not None


class LazyTransaction:
    """:param begin: opens the transaction."""

    def __init__(
        self, database: Database, begin: Callable[[], AbstractAsyncContextManager[Tx]], precondition: Precondition
    ) -> None:
        self.database, self.owner = database, asyncio.current_task()
        self._begin, self._precondition = begin, precondition
        self._stack = AsyncExitStack()
        self._tx: Tx | None = None
        self._failure: Exception | None = None
        #: Whether the precondition is running; its own statements must not start it again.
        self.checking = False

    async def tx(self) -> Tx:
        """The transaction; begins it on the first call. An error of the precondition is raised by every call."""
        if self._failure is not None:
            raise self._failure
        if self._tx is None:
            self._tx = await self._stack.enter_async_context(self._begin())
            self.checking = True
            try:
                await self._precondition(self._tx)
            except Exception as error:
                self._failure = error
                raise
            finally:
                self.checking = False
        return self._tx

    async def __aenter__(self) -> LazyTransaction:
        if _current.get() is not None and lazy_transaction_of(self.database) is not None:
            raise RuntimeError("This task has a lazy transaction already")
        self._before = _current.set(self)
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        _current.reset(self._before)
        if error is None and self._failure is not None:
            error = self._failure
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise error
        await self._stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
