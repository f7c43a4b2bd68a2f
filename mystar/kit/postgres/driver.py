"""aiopg 1.4.0 with its defects corrected: one connection; the pool that keeps several is in `pool`.

Each correction has a test in `tests/kit/postgres/test_driver.py` that fails without it:

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
import decimal
import weakref
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import aiopg
import orjson
import psycopg2
from psycopg2 import extensions, extras

from mystar.kit.postgres.hosts import Hosts
from mystar.kit.postgres.prepared import PreparedStatements
from mystar.kit.tracing import Tracing

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


def is_address(dsn: str) -> bool:
    """Whether no unescaped sign of a password in a URL is taken for the end of it: its rest would be host or port,
    which error messages name. :raises ValueError: as `parameters`.
    """
    ports = parameters(dsn).get("port", "")
    if not all(port.isdigit() for port in ports.split(",") if port):
        return False
    _, is_url, rest = dsn.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    return not is_url or (authority.count("@") <= 1 and "@" not in path)


def is_one_host(dsn: str) -> bool:
    """Whether the DSN names a single host. :raises ValueError: as `parameters`."""
    known = parameters(dsn)
    return not any("," in known.get(name, "") for name in ("host", "hostaddr"))


async def connect(dsn: str, settings: Mapping[str, object] | None = None, *, timeout: float = 10.0) -> Connection:
    """One connection outside any pool, e.g. for LISTEN.

    :param timeout: seconds for connecting, and for each statement afterwards unless given there.
    :raises psycopg2.OperationalError: refused. :raises TimeoutError: no answer.
    :raises OSError: the host has no address.
    """
    return await connected(Hosts(parameters(dsn, settings)), timeout, timeout)


async def connected(hosts: Hosts, seconds: float, timeout: float, *, prepare: bool = False) -> Connection:
    """A connection to the first host that will do.

    :param seconds: for connecting. :param timeout: seconds for each statement afterwards.
    """
    failure: Exception | None = None
    async with aclosing(hosts.attempts(seconds)) as attempts:
        async for attempt in attempts:
            connection = Connection(None, attempt.seconds, prepare=prepare, **attempt.parameters)
            try:
                await connection
            except (psycopg2.OperationalError, TimeoutError) as error:
                # What a server says is worth more than that another one was silent.
                failure = failure if isinstance(failure, psycopg2.Error) and isinstance(error, TimeoutError) else error
                continue
            connection.patience = timeout
            return connection
    assert failure is not None
    raise failure


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
        if Tracing.tracer is None:
            return await self._run(statements, timeout)
        # Named queries by their names; never a text, which may hold values.
        name = getattr(query, "identifier", "") or query.lstrip().partition(" ")[0]
        with Tracing.tracer.span(name, "client", db__system__name="postgresql", mystar__statements=len(statements)):
            return await self._run(statements, timeout)

    async def _run(self, statements: Sequence[tuple[str, Values | None]], timeout: float | None) -> Any:
        try:
            return await self._send(self._message(statements), timeout)
        except psycopg2.errors.ReadOnlySqlTransaction:
            # The server has become a standby, behind a proxy that has not noticed: another connection may find the
            # primary, this one never will.
            self._close()
            raise
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
    def patience(self) -> float:
        """Seconds for each statement that is given no time of its own."""
        return float(self._timeout)

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._timeout = seconds

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
