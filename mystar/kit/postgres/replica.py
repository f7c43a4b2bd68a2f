"""A streaming standby for reads that may be a moment old.

How old a standby is, is not known from its clock: `pg_last_xact_replay_timestamp` stands still while nothing is
written. So the primary is asked for the end of its log several times a second, and the standby for how far it has
replayed. What it has replayed up to where the log ended at some moment is everything that was committed before that.
"""

from __future__ import annotations

import collections
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg2
from prometheus_client import CollectorRegistry, Counter, Gauge

from mystar.errors import Unavailable
from mystar.kit.postgres.driver import Values
from mystar.kit.postgres.pool import Pool
from mystar.kit.postgres.queryable import Queryable, Result

log = logging.getLogger(__name__)

#: Seconds between two measurements, and how many positions of the primary are remembered: for a minute.
PAUSE, _REMEMBERED = 0.2, 300
_WRITTEN = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_REPLAYED = "select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() - '0/0'::pg_lsn end"
_is_age_allowed: ContextVar[bool] = ContextVar("mystar_may_be_old", default=False)


@contextmanager
def may_be_old() -> Iterator[None]:
    """Single statements of the block may be answered by the replica of their database, if it has one (D83)."""
    before = _is_age_allowed.set(True)
    try:
        yield
    finally:
        _is_age_allowed.reset(before)


def is_age_allowed() -> bool:
    return _is_age_allowed.get()


class Replica:
    """:param max_age: seconds that an answer may be old; older ones come from the primary."""

    def __init__(self, pool: Pool, max_age: float, registry: CollectorRegistry) -> None:
        self.pool = pool
        self._max_age = max_age
        #: The moment before which everything that was committed is here; monotonic seconds.
        self._as_of = -math.inf
        #: Where the log of the primary ended, and when that was asked.
        self._positions: collections.deque[tuple[float, int]] = collections.deque(maxlen=_REMEMBERED)
        #: How far it had replayed when it was ahead of the primary.
        self._strayed_at: int | None = None
        self._is_used: bool | None = None
        reads = Counter(
            "mystar_database_replica_reads_total", "Reads that may be old", ["answered_by"], registry=registry
        )
        self._replica_reads, self._primary_reads = reads.labels("replica"), reads.labels("primary")
        Gauge(
            "mystar_database_replica_age_seconds", "How old an answer of the replica may be", registry=registry
        ).set_function(self._age)

    async def measure(self, primary: Queryable) -> None:
        """Find out how old the standby is; run every `PAUSE` seconds."""
        reason = ""
        try:
            replayed = await self._standby_position()
            if replayed is None:
                reason = "it is not a standby"
            asked = time.monotonic()
            self._positions.append((asked, int(await primary.value(_WRITTEN))))
            if replayed is not None:
                reason = self._place(replayed)
        except (psycopg2.Error, OSError, Unavailable) as error:
            reason = str(error).strip() or "it does not answer"
        if reason:
            self._as_of = -math.inf
        self._note(reason or f"it is further behind than {self._max_age} s")

    async def run(self, query: str, values: Values, read: Callable[[Any], Result]) -> tuple[bool, Result | None]:
        """Whether the standby has answered, and its answer. Otherwise the primary is to be asked.

        :raises psycopg2.errors.QueryCanceled: the statement took too long, as it would there.
        """
        if self._age() > self._max_age:
            self._primary_reads.inc()
            return False, None
        try:
            connection = await self.pool.acquire()
            try:
                answer = read(await connection.run(query, values))
            finally:
                self.pool.release(connection)
        except psycopg2.errors.QueryCanceled:
            raise
        except (psycopg2.Error, OSError) as error:
            log.info("the replica has not answered a query: %s", str(error).strip() or "timed out")
            # Not used again until it has been measured.
            self._as_of = -math.inf
            self._primary_reads.inc()
            return False, None
        self._replica_reads.inc()
        return True, answer

    async def _standby_position(self) -> int | None:
        """How far the log is replayed, in bytes; None = the server is not a standby."""
        connection = await self.pool.acquire()
        try:
            (replayed,) = (await connection.run(_REPLAYED)).fetchone()
        finally:
            self.pool.release(connection)
        return None if replayed is None else int(replayed)

    def _place(self, replayed: int) -> str:
        """:returns: why the standby cannot be used, or nothing."""
        if replayed > self._positions[-1][1]:
            # The end of the log was read later, so after a failover it follows a primary of before. It has nothing of
            # what the new one has written at these places, also when the new one has passed it.
            self._strayed_at = replayed
        if replayed == self._strayed_at:
            self._positions.clear()
            return "it is ahead of the primary: it follows another one"
        for asked, written in reversed(self._positions):
            if written <= replayed:
                self._as_of = max(self._as_of, asked)
                break
        return ""

    def _age(self) -> float:
        """Seconds; infinite when it is not known."""
        return time.monotonic() - self._as_of

    def _note(self, reason: str) -> None:
        """Log when the standby begins or ceases to answer."""
        is_used = self._age() <= self._max_age
        if is_used and self._is_used is not True:
            log.info("the replica answers lists that may be old")
        elif not is_used and self._is_used is not False:
            log.warning("the primary answers all lists, the replica none: %s", reason)
        self._is_used = is_used
