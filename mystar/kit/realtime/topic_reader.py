"""Replay, then live: one reader per topic and process hands what it reads to every socket that is behind.

The log is a table whose positions become visible in their order: who has seen a position can read all before it. So a
socket needs nothing but the last position it was given, and whether it was given it from the replay or live is the
same. An entry is put into words once for each way of speaking, not once for each socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mystar.errors import Unavailable
from mystar.kit.realtime.connection import Peer

log = logging.getLogger(__name__)

#: Entries of one read.
BATCH = 200
#: Seconds before the table is asked again after it did not answer.
_PAUSE = 1.0


class Entry(Protocol):
    @property
    def position(self) -> int: ...


class Log(Protocol):
    """Tables that remember what happened to topics, each named by a number."""

    async def after(self, key: int, position: int, limit: int) -> Sequence[Entry]:
        """What follows the position, in order; fewer than ``limit`` when that is all."""

    async def ends(self, keys: Sequence[int]) -> Mapping[int, int]:
        """The last position of each topic; a topic without any may be left out."""


class Feed:
    """One topic, as the sockets of this process see it."""

    def __init__(self, source: Log, key: int) -> None:
        self._log, self.key = source, key
        #: Those that have caught up; nobody here is behind `position`.
        self.peers: dict[Peer, None] = {}
        self.position = 0
        #: Where the log was seen to end: what lies between is gone.
        self._end = 0
        #: Grows with everything that is told us.
        self._told = 0
        self._reading: asyncio.Task[None] | None = None
        self._again = False

    async def join(self, peer: Peer, position: int) -> None:
        """Give the peer what follows ``position``, then what comes. Returns early when the peer has gone."""
        peer.position = position
        behind = True
        while behind and peer.is_open:
            told, seen = self._told, self.position if self.peers else 0
            entries = await self._log.after(self.key, peer.position, BATCH)
            for entry in entries:
                _hand((entry,), (peer,))
                await peer.drained()
            if len(entries) < BATCH:
                # Everything up to where the others were has been read, even if its last entries exist no more.
                peer.position = max(peer.position, seen)
                behind = bool(self.peers) and peer.position < self.position
        if not self.peers:
            self.position = peer.position
        self.peers[peer] = None
        if told != self._told:
            # Perhaps of what was committed after the last look began, when nobody was there to be given it.
            self.wake()

    def leave(self, peer: Peer) -> None:
        self.peers.pop(peer, None)

    def offer(self, entry: Entry) -> None:
        """Something was committed. Passed on at once if nothing lies between, else read with what does."""
        if self._reading is None and self.peers and entry.position == self.position + 1:
            self._told += 1
            self._hand((entry,))
        elif entry.position > self.position or not self.peers:
            self.wake()

    def wake(self, end: int = 0) -> None:
        """There is news. Reads it in the background, if anybody listens. :param end: where the log ends, if known."""
        self._told += 1
        self._end = max(self._end, end)
        if self._reading is not None:
            self._again = True
        elif self.peers:
            self._reading = asyncio.create_task(self._read(), name="feed")

    def _hand(self, entries: Sequence[Entry]) -> None:
        _hand(entries, tuple(self.peers))
        if entries:
            self.position = max(self.position, entries[-1].position)

    async def _read(self) -> None:
        try:
            more = True
            while more and self.peers:
                self._again, end = False, self._end
                try:
                    entries = await self._log.after(self.key, self.position, BATCH)
                except Unavailable as outage:
                    log.warning("a feed cannot be read, next try in %s s: %r", _PAUSE, outage)
                    await asyncio.sleep(_PAUSE)
                    continue
                self._hand(entries)
                if len(entries) < BATCH:
                    self.position = max(self.position, end)
                more = self._again or len(entries) == BATCH
        except Exception:
            log.exception("a feed cannot be read; the next news will try again")
        finally:
            self._reading = None


def _hand(entries: Sequence[Entry], peers: Sequence[Peer]) -> None:
    for entry in entries:
        said: dict[Any, bytes | None] = {}
        for peer in peers:
            if peer.position >= entry.position:
                continue
            peer.position = entry.position
            if peer.speak not in said:
                said[peer.speak] = peer.speak(entry)
            frame = said[peer.speak]
            if frame is not None:
                peer.send(frame)
