"""Who is connected to this process, to what, and how news finds them.

Domains publish facts; their listeners tell the hub "there is news of this topic", here at once and in the other
processes by a note on the bus. Notes may be lost, and whoever should have sent one may have been killed between its
commit and its note: so every few seconds the hub asks the logs themselves whether somebody is behind.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import islice

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from mystar.kit.realtime.connection import Closing, Peer
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.realtime.topic_reader import Entry, Feed, Log
from mystar.kit.web.http import dumps

log = logging.getLogger(__name__)

HUB: web.AppKey[Hub] = web.AppKey("hub")

#: Topics whose ends are asked for in one query.
_AT_ONCE = 1000
#: Codes of the protocol, and ours.
_COUNTED = {1000, 1002, 1007, 1009, *Closing}
#: Seconds over which the sockets of a process that goes away come back.
_LONGEST_SPREAD = 10.0


class Hub:
    """The open sockets of this process.

    :param registry: where they are counted.
    :param sweep_seconds: between questions to the logs while the bus works.
    """

    def __init__(self, bus: Bus, registry: CollectorRegistry, *, sweep_seconds: float) -> None:
        self.bus = bus
        self._logs: dict[str, Log] = {}
        self._feeds: dict[tuple[str, int], Feed] = {}
        #: How many sockets, caught up or not, hold a feed.
        self._users: dict[Feed, int] = {}
        self._peers: dict[int, dict[Peer, None]] = defaultdict(dict)
        self._sweeping = asyncio.Lock()
        self._seconds, self._swept_at = sweep_seconds, time.monotonic()
        self._sweeps: set[asyncio.Task[None]] = set()
        self._open = Gauge("mystar_sockets_open", "Open WebSockets", registry=registry)
        self._closed = Counter("mystar_sockets_closed_total", "Closed WebSockets", ["code"], registry=registry)
        bus.on_gap(self._look_everywhere)

    # Topics

    def serve(self, kind: str, source: Log) -> None:
        """Topics of this kind are read from this log."""
        self._logs[kind] = source
        self.bus.on(kind, lambda key: self._wake(kind, int(key)))

    def news(self, kind: str, key: int, entry: Entry | None = None) -> None:
        """Something was committed.

        :param entry: the thing itself, if the positions of this log have no gaps where nothing is missing.
        """
        feed = self._feeds.get((kind, key))
        if feed is not None:
            if entry is None:
                feed.wake()
            else:
                feed.offer(entry)
        self.bus.say(kind, key)

    @asynccontextmanager
    async def following(self, peer: Peer, kind: str, key: int, position: int) -> AsyncIterator[None]:
        """The peer is given what follows the position, then, inside the block, what comes."""
        feed = self._feeds.get((kind, key))
        if feed is None:
            feed = self._feeds[kind, key] = Feed(self._logs[kind], key)
        self._users[feed] = self._users.get(feed, 0) + 1
        try:
            await feed.join(peer, position)
            yield
        finally:
            feed.leave(peer)
            self._users[feed] -= 1
            if not self._users[feed]:
                del self._users[feed], self._feeds[kind, key]

    def listeners(self, kind: str, key: int) -> Iterator[Peer]:
        """Those here who hear of the topic now."""
        feed = self._feeds.get((kind, key))
        return iter(tuple(feed.peers) if feed is not None else ())

    # People

    def enter(self, peer: Peer) -> None:
        self._peers[peer.account_id][peer] = None
        self._open.inc()

    def leave(self, peer: Peer) -> None:
        mine = self._peers[peer.account_id]
        del mine[peer]
        if not mine:
            del self._peers[peer.account_id]
        self._open.dec()
        code = peer.gone or peer.socket.close_code or Closing.ABNORMAL
        # Clients choose their codes from thousands.
        self._closed.labels(int(code) if code in _COUNTED else "other").inc()

    def sockets_of(self, account_id: int) -> int:
        return len(self._peers.get(account_id, ()))

    def hang_up(self, account_id: int, session_id: uuid.UUID | None, code: Closing) -> None:
        """Close the sockets of one session, or of all sessions of the account."""
        for peer in tuple(self._peers.get(account_id, ())):
            if session_id in (None, peer.session_id):
                peer.hang_up(code)

    async def close(self, *, patience: float = 5.0) -> None:
        """Say to everybody that this process goes away, and wait a little until they are gone.

        Each is told when to come back, not all at the same moment, so that whoever serves next is not overrun.
        """
        everybody = [peer for peers in self._peers.values() for peer in peers]
        spread = min(_LONGEST_SPREAD, max(1.0, len(everybody) / 100))
        for peer in everybody:
            peer.hang_up(Closing.GOING_AWAY, dumps({"reconnect_in": round(random.uniform(0, spread), 1)}).decode())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._peers:  # noqa: ASYNC110 - they leave one by one
                    await asyncio.sleep(0.02)

    def sessions(self) -> dict[uuid.UUID, int]:
        """The sessions that have a socket open here, and whose they are."""
        return {peer.session_id: account for account, peers in self._peers.items() for peer in peers}

    # Safety

    async def tick(self) -> None:
        """To be called twice a second: sweeps now and then, and every second while nothing can be heard."""
        pause = self._seconds if self.bus.connected else min(self._seconds, 1.0)
        if time.monotonic() - self._swept_at >= pause:
            await self.sweep()

    async def sweep(self) -> None:
        """Wake every feed that is behind its log."""
        async with self._sweeping:
            self._swept_at = time.monotonic()
            for kind, source in self._logs.items():
                keys = iter([key for (of, key), feed in self._feeds.items() if of == kind and feed.peers])
                while batch := list(islice(keys, _AT_ONCE)):
                    self._compare(kind, await source.ends(batch))

    def _compare(self, kind: str, ends: Mapping[int, int]) -> None:
        for key, end in ends.items():
            feed = self._feeds.get((kind, key))
            if feed is not None and feed.position < end:
                feed.wake(end)

    def _wake(self, kind: str, key: int) -> None:
        feed = self._feeds.get((kind, key))
        if feed is not None:
            feed.wake()

    def _look_everywhere(self) -> None:
        task = asyncio.create_task(self._sweep_anyhow(), name="sweep after a gap")
        self._sweeps.add(task)
        task.add_done_callback(self._sweeps.discard)

    async def _sweep_anyhow(self) -> None:
        try:
            await self.sweep()
        except Exception:
            log.warning("the logs cannot be asked for news; the next sweep will", exc_info=True)
