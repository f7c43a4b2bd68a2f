"""PostgreSQL for services: single statements, or a transaction.

    row = await db.one(QUERIES.some_row, id=1)

    async with db.transaction() as tx:
        await tx.execute(QUERIES.change_it, id=1)
        await tx.publish(Changed(1))

Rows are dictionaries. Dictionaries go in and out as ``jsonb`` and lists as arrays, times are aware and in UTC,
``bytea`` is `bytes`. A literal per cent sign in a statement is written ``%%``.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from psycopg2 import extensions

from mystar.errors import Unavailable
from mystar.kit.events import Events
from mystar.kit.postgres.driver import Connection, Values
from mystar.kit.postgres.errors import (
    Constraints,
    ConstraintViolated,
    NoRow,
    Retry,
    TransactionBroken,
    translate_errors,
)
from mystar.kit.postgres.lazy_transaction import LazyTransaction, Precondition, lazy_transaction_of, only_reads
from mystar.kit.postgres.pool import Pool
from mystar.kit.postgres.queryable import Queryable, Result, Row
from mystar.kit.postgres.replica import Replica, is_age_allowed
from mystar.kit.postgres.session import SESSION, refusal_explained, require_settings

__all__ = [
    "ConstraintViolated",
    "Database",
    "NoRow",
    "Queryable",
    "Retry",
    "Row",
    "TransactionBroken",
    "Tx",
    "assert_no_transaction",
    "in_transaction",
]

log = logging.getLogger(__name__)

_NOTHING_FAILED = (extensions.TRANSACTION_STATUS_IDLE, extensions.TRANSACTION_STATUS_INTRANS)
_ISOLATION = (None, "read committed", "repeatable read", "serializable")
#: The innermost open transaction. A task started inside inherits the value, hence `_own_transaction`.
_current: ContextVar[Tx | None] = ContextVar("mystar_transaction", default=None)


def _own_transaction() -> Tx | None:
    tx = _current.get()
    return tx if tx is not None and tx.open and tx.owner is asyncio.current_task() else None


def in_transaction() -> bool:
    """Whether this task has one open."""
    return _own_transaction() is not None


def assert_no_transaction(what: str) -> None:
    """Refuse to wait for a third party inside a transaction (law 6).

    :raises RuntimeError: this task has one open.
    """
    if _own_transaction() is not None:
        raise RuntimeError(f"{what} inside a transaction would hold a connection and its locks while it waits")


class Tx(Queryable):
    """An open transaction. Bound to one connection: one statement at a time, no `gather` over it."""

    def __init__(self, database: Database, connection: Connection, *, shared: bool) -> None:
        self.database = database
        self.shared = shared
        self.owner = asyncio.current_task()
        self._connection: Connection | None = connection
        self._followers: list[Callable[[], Awaitable[None]]] = []
        self._savepoints = 0
        #: What is sent in one message with the next statement, from ``begin`` on.
        self._pending: list[tuple[str, Values | None]] = []
        self._enqueued = self._begun = False
        #: The SQL error after which PostgreSQL refuses further statements.
        self._failed_with: BaseException | None = None

    @property
    def open(self) -> bool:
        return self._connection is not None

    def after_commit(self, follower: Callable[[], Awaitable[None]]) -> None:
        """Call ``follower`` once everything here is committed; not at all when it, or its savepoint, is rolled back."""
        self._followers.append(follower)

    async def publish(self, event: object) -> None:
        """Call the event's listeners: those that share the transaction now, the others after its commit."""
        for listener in self.database.events.transaction_listeners(event):
            await listener(self, event)
        for follower in self.database.events.commit_listeners(event):
            self.after_commit(partial(follower, event))

    async def enqueue(self, query: str, values: Values | None = None, /, **named: Any) -> None:
        self._pending.append((query, named if values is None else values))
        self._enqueued = True

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Tx]:
        """A part that can fail alone: an exception rolls the block back and is raised again."""
        self._savepoints += 1
        name, followers = f"s{self._savepoints}", len(self._followers)
        begin: tuple[str, None] = (f"savepoint {name}", None)
        await self._mark(begin)
        try:
            yield self
            if self._begun:
                self._check()
            await self._mark((f"release savepoint {name}", None))
        except BaseException:
            del self._followers[followers:]
            self._failed_with, self._enqueued = None, False
            if begin in self._pending:
                del self._pending[self._pending.index(begin) :]
            else:
                self._pending.clear()
                await self._quietly(f"rollback to savepoint {name}; release savepoint {name}")
            raise

    async def _mark(self, statement: tuple[str, None]) -> None:
        """Begin or release a savepoint with the next statement, or now if an enqueued statement must come before."""
        if self._enqueued:
            await self._send(statement[0])
        else:
            self._pending.append(statement)

    # From here on for this module only.

    def _begin(self, isolation: str | None, readonly: bool) -> None:
        """Begin with the first statement, in the same message, which saves a round trip."""
        level = f" isolation level {isolation}" if isolation else ""
        self._pending.append((f"begin{level}{' read only' if readonly else ''}", None))

    async def _commit(self) -> list[Callable[[], Awaitable[None]]]:
        """Returns what is to be called after the commit."""
        if self._begun:
            self._check()
        if self._begun or self._enqueued:
            await self._send("commit")
        return self._followers

    async def _rollback(self) -> None:
        if self._begun:
            await self._quietly("rollback")

    def _end(self) -> None:
        """Refuse further statements."""
        self._connection = self._failed_with = None

    async def _run(self, query: str, values: Values, read: Callable[[Any], Result]) -> Result:
        return read(await self._send(query, values))

    async def _send(self, statement: str, values: Values | None = None) -> Any:
        if self._connection is None:
            raise RuntimeError("This transaction has ended")
        before, self._pending = self._pending, []
        enqueued, self._enqueued = self._enqueued, False
        try:
            with translate_errors(self.database.constraints):
                cursor = await self._connection.run(statement, values, before=before)
            self._begun = True
            return cursor
        except TransactionBroken as refused:
            raise refused from self._failed_with
        except Exception as error:
            self._failed_with = error
            if self._connection.transaction_status in _NOTHING_FAILED:
                # The message was never sent, since its values could not be converted.
                self._pending, self._enqueued = before, enqueued
            else:
                self._begun = True
            raise

    async def _quietly(self, statement: str) -> None:
        """Run a rollback. On a lost connection the server has rolled back, and that error must not hide the first."""
        assert self._connection is not None
        try:
            await self._connection.run(statement, timeout=5)
        except Exception:
            log.debug("%r failed", statement, exc_info=True)
            self._connection.close()
        except BaseException:
            self._connection.close()
            raise

    def _check(self) -> None:
        """Refuse to commit after an SQL error that was swallowed: PostgreSQL would silently roll back."""
        assert self._connection is not None
        if self._connection.closed:
            raise Unavailable(retry_after=5) from self._failed_with
        if self._connection.transaction_status != extensions.TRANSACTION_STATUS_INTRANS:
            raise TransactionBroken("An SQL error inside the transaction was swallowed") from self._failed_with


class Database(Queryable):
    """The connection pool. A statement run directly is a transaction of its own."""

    def __init__(self, pool: Pool, constraints: Constraints, events: Events) -> None:
        self.pool = pool
        self.constraints = constraints
        self.events = events
        #: Answers what `replica.may_be_old`.
        self.replica: Replica | None = None

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        statement_timeout_ms: int = 30_000,
        acquire_timeout: float = 10.0,
        prepare: bool = True,
        constraints: Constraints | None = None,
        events: Events | None = None,
    ) -> Database:
        """Open ``min_size`` connections.

        :param statement_timeout_ms: enforced by the server; the client gives up five seconds later.
        :param acquire_timeout: seconds to wait for a free connection.
        :param prepare: whether queries that ask for it are prepared (see `prepared`).
        :param constraints: what a violated constraint of this name means.
        :raises Unavailable: the server cannot be reached. :raises ValueError: the DSN cannot be parsed.
        :raises SessionSettingsLost: a pooler drops the settings of sessions.
        """
        pool = Pool(
            dsn,
            {**SESSION, "statement_timeout": statement_timeout_ms},
            max_size=max_size,
            acquire_timeout=acquire_timeout,
            answer_timeout=statement_timeout_ms / 1000 + 5,
            prepare=prepare,
        )
        database = cls(pool, constraints or {}, events or Events())
        try:
            with translate_errors(), refusal_explained(statement_timeout_ms):
                await pool.fill(min_size)
            await require_settings(database, statement_timeout_ms, prepare=prepare)
        except BaseException:
            await pool.close()
            raise
        return database

    async def close(self) -> None:
        """Wait for the connections in use, ten seconds at most, then close them all."""
        await self.pool.close()
        if self.replica is not None:
            await self.replica.pool.close()

    @asynccontextmanager
    async def transaction(self, isolation: str | None = None, readonly: bool = False) -> AsyncIterator[Tx]:
        """A transaction. Inside `shared` it is a savepoint of the outer transaction.

        :param isolation: "repeatable read" or "serializable" instead of the server's default.
        :raises TransactionBroken: an SQL error was swallowed inside.
        :raises Retry: a deadlock or a serialization failure.
        :raises RuntimeError: this task has an open transaction, which should be passed along.
        """
        if isolation not in _ISOLATION:
            raise ValueError(f"Unknown isolation level: {isolation}")
        outer = self._joined() if readonly else await self._outer()
        if outer is None:
            async with self._begin(isolation, readonly, shared=False) as tx:
                yield tx
        else:
            if isolation:
                raise RuntimeError(f"The isolation of an open transaction cannot become {isolation}")
            async with outer.savepoint():
                yield outer

    @asynccontextmanager
    async def shared(self, isolation: str | None = None) -> AsyncIterator[Tx]:
        """A transaction that all statements of this task join until the block ends."""
        async with self._begin(isolation, False, shared=True) as tx:
            yield tx

    def lazy_transaction(self, precondition: Precondition, isolation: str | None = None) -> LazyTransaction:
        """Like `shared`, but begins with the first change and runs ``precondition`` before it."""
        return LazyTransaction(self, lambda: self._begin(isolation, False, shared=True), precondition)

    async def retrying(self, work: Callable[[Tx], Awaitable[Result]], isolation: str | None = None) -> Result:
        """Run ``work`` in a transaction, up to three times after deadlocks and serialization failures.

        Effects of ``work`` outside the database are repeated as well.
        """
        tries_left = 1 if self._joined() or lazy_transaction_of(self) else 3
        while True:
            tries_left -= 1
            try:
                async with self.transaction(isolation) as tx:
                    return await work(tx)
            except Retry:
                if not tries_left:
                    raise
            # A random pause, so that two losers do not meet again.
            await asyncio.sleep(random.uniform(0.005, 0.05))

    async def announce(self, event: object) -> None:
        """Tell the listeners after a commit of what a single statement has changed; those inside are not called."""
        callbacks = [partial(listener, event) for listener in self.events.commit_listeners(event)]
        outer = self._joined()
        if outer is None:
            await _call(callbacks)
        else:
            for callback in callbacks:
                outer.after_commit(callback)

    async def _run(self, query: str, values: Values, read: Callable[[Any], Result]) -> Result:
        outer = self._joined() if only_reads(query) else await self._outer()
        if outer is not None:
            # A failed single statement must not break the transaction that it joins.
            async with outer.savepoint():
                return await outer._run(query, values, read)
        if self.replica is not None and is_age_allowed():
            with translate_errors(self.constraints):
                is_answered, answer = await self.replica.run(query, values, read)
            if is_answered:
                return cast(Result, answer)
        connection = await self._acquire()
        try:
            with translate_errors(self.constraints):
                cursor = await connection.run(query, values)
            return read(cursor)
        finally:
            self.pool.release(connection)

    async def _outer(self) -> Tx | None:
        """The transaction that a change joins, if any. Begins the task's lazy transaction."""
        lazy = lazy_transaction_of(self)
        if lazy is not None and not lazy.checking:
            return await lazy.tx()
        return self._joined()

    def _joined(self) -> Tx | None:
        """This task's shared transaction, if any. A second connection of one task could deadlock with the first."""
        tx = _own_transaction()
        if tx is None or tx.database is not self:
            return None
        if not tx.shared:
            raise RuntimeError("This task has a transaction open: use its tx")
        return tx

    @asynccontextmanager
    async def _begin(self, isolation: str | None, readonly: bool, *, shared: bool) -> AsyncIterator[Tx]:
        if self._joined() is not None:
            raise RuntimeError("A shared transaction is open already")
        connection = await self._acquire()
        tx = Tx(self, connection, shared=shared)
        before = _current.get()
        _current.set(tx)
        try:
            tx._begin(isolation, readonly)
            yield tx
            callbacks = await tx._commit()
        except BaseException:
            await tx._rollback()
            raise
        finally:
            tx._end()
            _current.set(before)
            self.pool.release(connection)
        await _call(callbacks)

    async def _acquire(self) -> Connection:
        with translate_errors(self.constraints):
            return await self.pool.acquire()


async def _call(callbacks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """After a commit, which an error cannot undo any more: it is logged."""
    for callback in callbacks:
        try:
            await callback()
        except Unavailable as outage:
            log.warning("%r was not possible after the commit: %r", callback, outage.__cause__ or outage)
        except Exception:
            log.exception("%r failed after the commit", callback)
