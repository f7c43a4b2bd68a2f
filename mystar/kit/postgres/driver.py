"""aiopg 1.4.0 with its defects corrected: one connection, and the pool that keeps several.

Each correction has a test in `tests/kit/test_driver.py` that fails without it:

1. aiopg asks ``select()`` whether a socket is open. From descriptor 1024 on that raises, the error is lost and *every*
   failing statement hangs until its timeout. The state of the connection is read instead.
2. A statement cancelled by the server (``statement_timeout``, ``pg_cancel_backend``) arrives as `CancelledError`, which
   cancels the task. Here it is raised as the database error it is.
3. ``aiopg.Pool`` does not wake a waiter when a broken connection is released, and connects while holding its lock, so
   that one slow connect delays every task. This pool counts free places with a semaphore.
4. A refused connect leaves a closed descriptor in the event loop; on uvloop the next connect that is given the same
   number fails with "UVPoll closed". On any loop, libpq that tries the next address has a new socket which is not
   watched. While connecting, the socket is registered anew after every step and removed at the end.
"""

from __future__ import annotations

import asyncio
import collections
import decimal
import socket
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import aiopg
import orjson
import psycopg2
from psycopg2 import extensions, extras

from mystar.kit.postgres.prepared import PreparedStatements

#: Values of one statement: by name for ``%(name)s``, by place for ``%s``.
Values = Mapping[str, Any] | Sequence[Any]

_BYTEA = 17
_BYTEA_ARRAY = 1001


class Jsonb(extras.Json):  # type: ignore[misc]
    """Adapts a dictionary to ``jsonb``. Decimals become text, UUIDs and times ISO text."""

    def dumps(self, obj: Any) -> str:
        return orjson.dumps(obj, default=_plain).decode()

    def getquoted(self) -> bytes:
        quoted: bytes = super().getquoted()
        return quoted + b"::jsonb"


def _plain(value: object) -> str:
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _bytes(value: Any, cursor: Any) -> bytes | None:
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


# psycopg2 adapts Python's types globally; PostgreSQL's types are registered with each connection.
extensions.register_adapter(dict, Jsonb)
extras.register_uuid()
_BYTES = extensions.new_type((_BYTEA,), "BYTES", _bytes)
_BYTES_ARRAY = extensions.new_array_type((_BYTEA_ARRAY,), "BYTES[]", _BYTES)


def parameters(dsn: str, settings: Mapping[str, object] | None = None) -> dict[str, str]:
    """Connection parameters of a DSN, URL or ``key=value``.

    :param settings: server settings of the session, e.g. ``statement_timeout``; those in the DSN's own
        ``options`` win.
    :raises ValueError: without quoting the DSN, which may hold a password.
    """
    try:
        found: dict[str, str] = extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        raise ValueError("The database address is neither a postgresql:// URL nor key=value pairs") from None
    options = [f"-c {name}={value}" for name, value in (settings or {}).items()]
    if options:
        found["options"] = " ".join([*options, found.get("options", "")]).strip()
    found.setdefault("application_name", "mystar")
    found["client_encoding"] = "UTF8"
    return found


async def connect(dsn: str, settings: Mapping[str, object] | None = None, *, timeout: float = 10.0) -> Connection:
    """One connection outside any pool, e.g. for LISTEN.

    :param timeout: seconds for connecting, and for each statement afterwards unless given there.
    :raises psycopg2.OperationalError: refused. :raises TimeoutError: no answer.
    :raises OSError: the host has no address.
    """
    return await _connected(parameters(dsn, settings), timeout)


async def _connected(known: dict[str, str], timeout: float, *, prepare: bool = False) -> Connection:
    connection = Connection(None, timeout, prepare=prepare, **await _resolved(known))
    await connection
    return connection


async def _resolved(known: dict[str, str]) -> dict[str, str]:
    """The parameters with the address of the host: libpq would resolve it itself and block the event loop meanwhile."""
    host = known.get("host", "")
    if not host or host.startswith(("/", "@")) or "," in host or "hostaddr" in known:
        return known
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    return {**known, "hostaddr": ",".join(addresses), "host": ",".join([host] * len(addresses))}


class Connection(aiopg.Connection):
    """An aiopg connection without its defects, and with `run`, the only way statements are sent.

    aiopg's cursors and transactions are not used: their rollback on a dead connection hides the first error.
    """

    def __init__(self, dsn: str | None, timeout: float, *, prepare: bool = False, **kwargs: Any) -> None:
        self._prepared = PreparedStatements() if prepare else None
        self._connecting = True
        self._reading = True
        super().__init__(dsn, timeout, enable_json=False, enable_hstore=False, enable_uuid=False, **kwargs)

    async def run(
        self,
        query: str,
        values: Values | None = None,
        *,
        before: Sequence[tuple[str, Values | None]] = (),
        timeout: float | None = None,
    ) -> Any:
        """Send one statement and return the raw psycopg2 cursor that holds its whole result.

        :param before: statements that are sent in the same message, before the query; their results are dropped.
        :param timeout: seconds; afterwards the connection is closed, since its state is unknown.
        """
        statements = [*before, (query, values)]
        try:
            return await self._send(self._message(statements), timeout)
        except psycopg2.Error as error:
            if self._prepared is None or not self._prepared.failed(error):
                raise
            begins = statements[0][0].startswith("begin")
            if not begins and not self.idle:
                raise
        # A prepared statement was stale, and nothing else has been done: try again.
        if begins:
            await self._send("rollback", timeout)
        return await self._send(self._message(statements), timeout)

    def _message(self, statements: Sequence[tuple[str, Values | None]]) -> str:
        """The statements with their values, as one message."""
        cursor, prepared = self._conn.cursor(), self._prepared
        texts = []
        for query, values in statements:
            text = query if prepared is None else prepared.statement(query, values)
            texts.append(text if values is None else cursor.mogrify(text, values).decode())
        # On lines of their own, since a query may end with a comment.
        return "\n; ".join(texts)

    async def _send(self, message: str, timeout: float | None) -> Any:
        waiter = self._create_waiter("run")
        self._last_usage = self._loop.time()
        try:
            cursor = self._conn.cursor()
            cursor.execute(message)
        except BaseException:
            self._waiter = None
            raise
        await self._poll(waiter, self._timeout if timeout is None else timeout)
        if self._prepared is not None:
            self._prepared.succeeded()
        return cursor

    @property
    def idle(self) -> bool:
        """Alive, and outside any transaction."""
        return not self._conn.closed and self.transaction_status == extensions.TRANSACTION_STATUS_IDLE

    @property
    def transaction_status(self) -> int:
        return int(self._conn.info.transaction_status)

    # What follows replaces aiopg's own methods.

    async def _connect(self) -> Connection:
        try:
            await self._poll(self._waiter, self._timeout)
        except BaseException:
            self._close()
            raise
        self._connecting = False
        extras.register_default_json(self._conn, loads=orjson.loads)
        extras.register_default_jsonb(self._conn, loads=orjson.loads)
        extensions.register_type(_BYTES, self._conn)
        extensions.register_type(_BYTES_ARRAY, self._conn)
        return self

    async def _poll(self, waiter: asyncio.Future[None] | None, timeout: float) -> None:
        assert waiter is not None
        assert waiter is self._waiter
        self._ready(self._weakref)
        alarm = self._loop.call_later(timeout, _expire, waiter)
        try:
            await waiter
        except (asyncio.CancelledError, TimeoutError):
            # The state of the protocol is unknown now.
            self._close()
            raise
        finally:
            alarm.cancel()
            self._waiter = None

    @staticmethod
    def _ready(weak: weakref.ref[Any]) -> None:
        """Called by the event loop when the socket can be read or written."""
        self: Connection | None = weak()
        if self is None or self._conn.closed == 1:
            return
        try:
            state = self._conn.poll()
            if self._waiter is None and state == extensions.POLL_OK:
                # A server that ends a session sends a last message and closes. Both may be here, and libpq reads one at
                # a time; the pool must not lend the connection in between.
                state = self._conn.poll()
        except psycopg2.Error as error:
            self._fail(error)
            return
        while self._conn.notifies:
            self._notifies.put_nowait(self._conn.notifies.pop(0))
        if state not in (extensions.POLL_OK, extensions.POLL_READ, extensions.POLL_WRITE):
            self._fail(psycopg2.OperationalError(f"libpq answered {state} to a poll"))
            return
        self._watch(state)
        if state == extensions.POLL_OK and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: psycopg2.Error) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        if self._connecting or self._conn.closed:
            self._close()

    def _watch(self, state: int) -> None:
        """Register with the event loop what libpq waits for."""
        if self._connecting:
            # The socket may have been replaced since, even under the same number.
            self._forget()
            self._fileno = self._conn.fileno()
        assert self._fileno is not None
        reads, writes = state != extensions.POLL_WRITE or not self._connecting, state == extensions.POLL_WRITE
        if reads and not self._reading:
            self._loop.add_reader(self._fileno, self._ready, self._weakref)
        if writes and not self._writing:
            self._loop.add_writer(self._fileno, self._ready, self._weakref)
        if self._writing and not writes:
            self._loop.remove_writer(self._fileno)
        self._reading, self._writing = reads, writes

    def _forget(self) -> None:
        fileno, self._fileno = self._fileno, None
        if fileno is None or self._loop.is_closed():
            return
        if self._writing:
            self._loop.remove_writer(fileno)
        if self._reading:
            self._loop.remove_reader(fileno)
        self._reading = self._writing = False

    def _close(self) -> None:
        self._forget()
        super()._close()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError("The database did not answer in time"))


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
        self._parameters = parameters(dsn, settings)
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
            while self.size < size:
                self._free.append(await self._connect())

    async def acquire(self) -> Connection:
        """An open connection.

        :raises TimeoutError: none became free in time, or the server does not answer.
        :raises psycopg2.OperationalError: the server refuses.
        """
        async with asyncio.timeout(self._acquire_timeout):
            self.waiting += 1
            try:
                await self._places.acquire()
            finally:
                self.waiting -= 1
            try:
                if self._closed:
                    raise psycopg2.InterfaceError("The pool is closed")
                connection = self._take() or await self._connect()
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

    async def _connect(self) -> Connection:
        return await _connected(self._parameters, self._answer_timeout, prepare=self._prepare)
