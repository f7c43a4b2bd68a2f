"""A pool of connections to PostgreSQL."""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Callable, Mapping

import psycopg2

from mystar.kit.postgres.driver import Connection, connected, parameters
from mystar.kit.postgres.hosts import Hosts


class Pool:
    """At most ``max_size`` connections, opened when needed, each used by one task at a time.

    :param settings: server settings of every session.
    :param acquire_timeout: seconds to wait for a free place and, if need be, for the connect.
    :param answer_timeout: seconds without an answer after which a connection is closed.
    :param recycle: seconds after which an unused connection is replaced.
    :param prepare: whether queries that ask for it are prepared (see `prepared`).
    """

    def __init__(
        self,
        dsn: str,
        settings: Mapping[str, object],
        *,
        max_size: int,
        acquire_timeout: float,
        answer_timeout: float,
        recycle: float = 600.0,
        prepare: bool = True,
    ) -> None:
        self.max_size = max_size
        self.waiting = 0
        #: Called with the seconds that a task waited for a place.
        self.observe_wait: Callable[[float], None] = lambda _seconds: None
        self._hosts = Hosts(parameters(dsn, settings))
        self._acquire_timeout = acquire_timeout
        self._answer_timeout = answer_timeout
        self._recycle = recycle
        self._prepare = prepare
        self._places = asyncio.Semaphore(max_size)
        self._free: collections.deque[Connection] = collections.deque()
        self._used: set[Connection] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """Open connections, used or free."""
        return len(self._free) + len(self._used)

    @property
    def free(self) -> int:
        return len(self._free)

    async def fill(self, size: int) -> None:
        """Open connections until there are ``size``. Raises as `acquire` does."""
        async with asyncio.timeout(self._acquire_timeout):
            began = time.monotonic()
            while self.size < size:
                self._free.append(await self._connect(began))

    async def acquire(self) -> Connection:
        """An open connection.

        :raises TimeoutError: none became free in time, or the server does not answer.
        :raises psycopg2.OperationalError: the server refuses.
        """
        if not self._closed and not self._places.locked() and (free := self._take()) is not None:
            # Does not wait, so it needs no alarm.
            await self._places.acquire()
            self._used.add(free)
            return free
        async with asyncio.timeout(self._acquire_timeout):
            began = time.monotonic()
            self.waiting += 1
            try:
                await self._places.acquire()
            finally:
                self.waiting -= 1
                self.observe_wait(time.monotonic() - began)
            try:
                if self._closed:
                    raise psycopg2.InterfaceError("The pool is closed")
                connection = self._take() or await self._connect(began)
            except BaseException:
                self._places.release()
                raise
        self._used.add(connection)
        return connection

    def release(self, connection: Connection) -> None:
        """Return a connection; one that is broken or inside a transaction is closed. Always wakes a waiter."""
        self._used.remove(connection)
        if self._closed or not connection.idle:
            connection.close()
        else:
            self._free.append(connection)
        self._places.release()

    async def close(self, *, patience: float = 10.0) -> None:
        """Close the free connections now and the others when they are released.

        :param patience: seconds after which connections still in use are closed, too.
        """
        self._closed = True
        while self._free:
            self._free.pop().close()
        taken = 0
        try:
            async with asyncio.timeout(patience):
                while taken < self.max_size:
                    await self._places.acquire()
                    taken += 1
        except TimeoutError:
            for connection in self._used:
                connection.close()
        finally:
            # Later calls of `acquire` are refused, and must not wait for a place.
            for _ in range(taken):
                self._places.release()

    def _take(self) -> Connection | None:
        """The most recently used connection, so that the others grow old and are closed."""
        now = asyncio.get_running_loop().time()
        while self._free and now - self._free[0].last_usage > self._recycle:
            self._free.popleft().close()
        while self._free:
            connection = self._free.pop()
            if connection.idle:
                return connection
            connection.close()
        return None

    async def _connect(self, began: float) -> Connection:
        # A little less than the caller waits, so that the last host fails by itself and is remembered.
        left = self._acquire_timeout * 0.95 - (time.monotonic() - began)
        return await connected(self._hosts, left, self._answer_timeout, prepare=self._prepare)
