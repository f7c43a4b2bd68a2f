"""Replay, then live: one reader per topic and process delivers what it reads to every connection that is behind.

The log is a table whose positions become visible in their order: a reader that has seen a position can read all before
it. So a connection needs nothing but the last position it was sent, and whether that came from the replay or live makes
no difference. An entry is encoded once for each encoder, not once for each connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from mystar.errors import Unavailable
from mystar.kit.realtime.connection import Connection, Encoder

log = logging.getLogger(__name__)

#: Entries of one read.
BATCH = 200
#: Seconds before the table is read again after it did not answer.
_RETRY_SECONDS = 1.0


class Entry(Protocol):
    @property
    def position(self) -> int: ...


class EventLog(Protocol):
    """Tables that keep the events of topics, each topic named by a number."""

    async def after(self, key: int, position: int, limit: int) -> Sequence[Entry]:
        """What follows the position, in order; fewer than ``limit`` when that is all."""

    async def ends(self, keys: Sequence[int]) -> Mapping[int, int]:
        """The last position of each topic; a topic without any may be left out."""


class TopicReader:
    """One topic and the connections of this process that follow it."""

    __slots__ = ("_end", "_log", "_notified", "_read_again", "_reading", "connections", "key", "position")

    def __init__(self, source: EventLog, key: int) -> None:
        self._log, self.key = source, key
        #: Those that have caught up; none of them is behind `position`.
        self.connections: dict[Connection, None] = {}
        self.position = 0
        #: The last position that the log was seen to have: what lies between has been deleted.
        self._end = 0
        #: Counts notifications.
        self._notified = 0
        self._reading: asyncio.Task[None] | None = None
        self._read_again = False

    async def add(self, connection: Connection, position: int) -> None:
        """Send what follows ``position``, then add the connection. Returns early when it is closed."""
        connection.position = position
        behind, notified = True, self._notified
        while behind and connection.is_open:
            notified, seen = self._notified, self.position if self.connections else 0
            entries = await self._log.after(self.key, connection.position, BATCH)
            for entry in entries:
                deliver((entry,), (connection,))
                await connection.drained()
            if len(entries) < BATCH:
                # Everything up to where the others were has been read, even if its last entries exist no more.
                connection.position = max(connection.position, seen)
                behind = bool(self.connections) and connection.position < self.position
        if not self.connections:
            self.position = connection.position
        self.connections[connection] = None
        if notified != self._notified:
            # Perhaps of what was committed after the last read began, when no connection was there to be sent it.
            self.wake()

    async def join(self, connection: Connection, position: int) -> None:
        """Add a connection for which ``position`` is the end of the log, as far as anything was announced."""
        if self.connections and position < self.position:
            await self.add(connection, position)
            return
        connection.position = position
        if not self.connections:
            self.position = position
        self.connections[connection] = None

    def remove(self, connection: Connection) -> None:
        self.connections.pop(connection, None)

    def offer(self, entry: Entry) -> None:
        """The entry was committed. Delivered at once if it follows the last one, else read with what lies between."""
        if self._reading is None and self.connections and entry.position == self.position + 1:
            self._notified += 1
            self._deliver((entry,))
        elif entry.position > self.position or not self.connections:
            self.wake()

    def wake(self, end: int = 0) -> None:
        """Read new entries in the background, if anything is connected.

        :param end: the last position of the log, if known.
        """
        self._notified += 1
        self._end = max(self._end, end)
        if self._reading is not None:
            self._read_again = True
        elif self.connections:
            self._reading = asyncio.create_task(self._read(), name="topic reader")

    def _deliver(self, entries: Sequence[Entry]) -> None:
        deliver(entries, tuple(self.connections))
        if entries:
            self.position = max(self.position, entries[-1].position)

    async def _read(self) -> None:
        try:
            more = True
            while more and self.connections:
                self._read_again, end = False, self._end
                try:
                    entries = await self._log.after(self.key, self.position, BATCH)
                except Unavailable as outage:
                    log.warning("cannot read a topic; retrying in %s s: %r", _RETRY_SECONDS, outage)
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                self._deliver(entries)
                if len(entries) < BATCH:
                    self.position = max(self.position, end)
                more = self._read_again or len(entries) == BATCH
        except Exception:
            log.exception("cannot read a topic; retrying at the next notification")
        finally:
            self._reading = None


def deliver(entries: Sequence[Entry], connections: Sequence[Connection]) -> None:
    """Send the entries to those connections that are behind them, each encoded once."""
    for entry in entries:
        frames: dict[Encoder, bytes | None] = {}
        for connection in connections:
            if connection.position >= entry.position:
                continue
            connection.position = entry.position
            if connection.encoder not in frames:
                frames[connection.encoder] = connection.encoder(entry)
            frame = frames[connection.encoder]
            if frame is not None:
                connection.send(frame)
