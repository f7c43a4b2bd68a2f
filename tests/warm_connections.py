"""Connections of the service that outlive a test, for the next test on the same database.

A new connection costs its server 15 ms: a process is forked, which reads the catalogs of everything it is asked for.
What a test leaves in a session is discarded, and sessions in which something may still go on are closed.
"""

from __future__ import annotations

import contextlib
import select
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2 import extensions

from mystar.kit.postgres import driver

#: So many with the same parameters are kept; an application has two or three.
_KEPT = 4
#: Seconds that a server may take to discard what a session holds.
_PATIENCE = 1.0
#: The parameters with which a connection was opened.
_Key = frozenset[tuple[str, Any]]


class WarmConnections:
    """The sessions that tests have closed, by the parameters with which they were opened."""

    def __init__(self) -> None:
        self.database: str | None = None
        self._closed: list[tuple[_Key, extensions.connection]] = []
        self._ready: defaultdict[_Key, list[extensions.connection]] = defaultdict(list)

    def take(self, key: _Key) -> extensions.connection | None:
        ready = self._ready[key]
        while ready:
            connection = ready.pop()
            if _is_alive(connection):
                return connection
            connection.close()
        return None

    def keep(self, key: _Key, connection: extensions.connection) -> bool:
        """Whether it is kept, which its owner then must not use any more. What it held, such as locks, is let go."""
        kept = ("dbname", self.database) in key and _is_idle(connection) and _has_discarded_all(connection)
        if kept:
            self._closed.append((key, connection))
        return kept

    def make_ready(self) -> None:
        """What the test has closed may be taken from now on, as if it were new."""
        while self._closed:
            key, connection = self._closed.pop()
            if _is_alive(connection) and len(self._ready[key]) < _KEPT:
                connection.notifies.clear()
                self._ready[key].append(connection)
            else:
                connection.close()

    def processes(self) -> list[int]:
        """The server's processes of the sessions that may be taken."""
        return [connection.info.backend_pid for ready in self._ready.values() for connection in ready]

    def close(self) -> None:
        """Close all, for instance because the database is dropped."""
        for connection in [
            *(one for _, one in self._closed),
            *(one for ready in self._ready.values() for one in ready),
        ]:
            connection.close()
        self._closed.clear()
        self._ready.clear()


def _is_idle(connection: extensions.connection) -> bool:
    return (
        not connection.closed
        and not connection.isexecuting()
        and bool(connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE)
    )


def _has_discarded_all(connection: extensions.connection) -> bool:
    """Whether the session is like a new one. Its server may be gone, or silent."""
    with contextlib.suppress(psycopg2.OperationalError):
        cursor = connection.cursor()
        cursor.execute("discard all")
        while (state := connection.poll()) != extensions.POLL_OK:
            written = [connection] if state == extensions.POLL_WRITE else []
            if not any(select.select([connection], written, [], _PATIENCE)):
                return False
        return True
    return False


def _is_alive(connection: extensions.connection) -> bool:
    """Whether the server has not ended it, of which libpq reads a message at a time."""
    with contextlib.suppress(psycopg2.Error):
        connection.poll()
        connection.poll()
    return not connection.closed


@contextlib.contextmanager
def used_by_the_service(warm: WarmConnections, closed: extensions.connection) -> Iterator[None]:
    """Meanwhile the service's connections to the database are taken from there, and kept there.

    :param closed: what an owner sees that has closed its connection.
    """

    class Connection(driver.Connection):
        def __init__(self, dsn: str | None, timeout: float, *, prepare: bool = False, **parameters: Any) -> None:
            self._key = frozenset(parameters.items())
            taken = warm.take(self._key)
            if taken is not None:
                # To be connected is to wait for the end of this; psycopg2 itself forgets the cursor.
                self._cursor = taken.cursor()
                self._cursor.execute("select")
                parameters["connection_factory"] = lambda _dsn, _asynchronous: taken
            super().__init__(dsn, timeout, prepare=prepare, **parameters)

        def _close(self) -> None:
            if warm.keep(self._key, self._conn):
                self._conn = closed
            super()._close()

    fresh = driver.Connection
    driver.Connection = Connection  # type: ignore[misc]
    try:
        yield
    finally:
        driver.Connection = fresh  # type: ignore[misc]
