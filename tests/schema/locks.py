"""How long others wait for a table while something is done to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import psycopg2
from psycopg2 import errors, sql

#: Seconds between two tries of one reader or writer: by so much a wait may be longer than what is measured.
_PAUSE = 0.1
#: What a writer needs: the lock that INSERT and UPDATE take on the table, and that of a row.
_WRITE = "lock table {0} in row exclusive mode; select from {0} limit 1 for no key update"
_READ = "select from {0} limit 1"


class Watch:
    """A reader and a writer for each table, each with a connection and a thread of its own.

    :param tables: those without a row are watched for their own lock only.
    """

    def __init__(self, dsn: str, tables: list[str]) -> None:
        self._dsn, self._over = dsn, threading.Event()
        self._longest: dict[str, float] = {}
        self._ready = threading.Barrier(2 * len(tables) + 1)
        self._threads = [
            threading.Thread(target=self._try, args=(table, word, statement), daemon=True)
            for table in tables
            for word, statement in (("reads", _READ), ("writes", _WRITE))
        ]

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watch]:
        """Threads run while the block does."""
        for thread in self._threads:
            thread.start()
        self._ready.wait(60)
        try:
            yield self
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def longest(self) -> tuple[float, str]:
        """Seconds, and what waited: "writes orders". Forgets them."""
        found, self._longest = self._longest, {}
        return max(((seconds, what) for what, seconds in found.items()), default=(0.0, ""))

    def _try(self, table: str, word: str, statement: str) -> None:
        tried = sql.SQL(statement).format(sql.Identifier(table))
        with contextlib.closing(psycopg2.connect(self._dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(tried)
            connection.rollback()
            self._ready.wait(60)
            while not self._over.wait(_PAUSE):
                began = time.monotonic()
                # A deadlock ends the wait, too.
                with contextlib.suppress(errors.DeadlockDetected):
                    cursor.execute(tried)
                connection.rollback()
                what, taken = f"{word} {table}", time.monotonic() - began
                self._longest[what] = max(self._longest.get(what, 0.0), taken)
