"""The open WebSockets of this process, the topics they follow, and how new entries reach them.

Listeners of events notify the hub that a topic has new entries: at once in this process, and in the others by a message
on the bus. Messages may be lost, and the process that should have published one may have been killed between its commit
and its message: so every few seconds the hub compares its readers with the ends of the logs.
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

from mystar.errors import Unavailable
from mystar.kit.realtime.connection import CloseCode, Connection
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.realtime.topic_reader import Entry, EventLog, TopicReader
from mystar.kit.web.http import dumps

log = logging.getLogger(__name__)

HUB: web.AppKey[Hub] = web.AppKey("hub")

#: Topics whose ends are read in one query.
_BATCH = 1000
#: Codes of the protocol and of this service; all others are counted as "other".
_COUNTED = {1000, 1002, 1007, 1009, *CloseCode}
#: Counters of announcements; topics that share one cost each other a read.
_COUNTERS = 4096
#: Seconds over which the clients of a process that goes away are told to come back.
_MAX_RECONNECT_SECONDS = 10.0


class Hub:
    """The open WebSockets of this process.

    :param registry: where they are counted.
    :param sweep_seconds: between comparisons with the logs while the bus works.
    """

    def __init__(self, bus: Bus, registry: CollectorRegistry, *, sweep_seconds: float) -> None:
        self.bus = bus
        self._logs: dict[str, EventLog] = {}
        self._readers: dict[tuple[str, int], TopicReader] = {}
        #: How many connections, caught up or not, hold a reader.
        self._subscriptions: dict[TopicReader, int] = {}
        self._connections: dict[int, dict[Connection, None]] = defaultdict(dict)
        self._announced, self._gaps = [0] * _COUNTERS, 0
        self._sweeping = asyncio.Lock()
        self._sweep_seconds, self._swept_at = sweep_seconds, time.monotonic()
        self._sweeps: set[asyncio.Task[None]] = set()
        #: Whether the process goes away: no WebSocket is opened any more.
        self.leaving = False
        self._open = Gauge("mystar_sockets_open", "Open WebSockets", registry=registry)
        self._closed = Counter("mystar_sockets_closed_total", "Closed WebSockets", ["code"], registry=registry)
        bus.on_gap(self._sweep_soon)

    # Topics

    def register_topic(self, kind: str, source: EventLog) -> None:
        """Read topics of this kind from this log."""
        self._logs[kind] = source
        self.bus.subscribe(kind, lambda key: self._wake(kind, int(key)))

    def notify(self, kind: str, key: int, entry: Entry | None = None) -> None:
        """Tell the readers of the topic, in all processes, that something was committed.

        :param entry: what was committed, if the positions of this log have no gaps where nothing is missing.
        """
        self._announced[hash((kind, key)) % _COUNTERS] += 1
        reader = self._readers.get((kind, key))
        if reader is not None:
            if entry is None:
                reader.wake()
            else:
                reader.offer(entry)
        self.bus.publish(kind, key)

    def announced(self, kind: str, key: int) -> int:
        """Changes with every announcement of the topic, and when one may have been lost.

        To be asked for before the end of the topic is read, see `subscribe`.
        """
        return self._announced[hash((kind, key)) % _COUNTERS] + self._gaps

    @asynccontextmanager
    async def subscribe(
        self, connection: Connection, kind: str, key: int, position: int, announced: int | None = None
    ) -> AsyncIterator[None]:
        """Send the connection what follows the position, then, inside the block, what is committed.

        :param announced: of the topic, before its end was read, if ``position`` is this end. If nothing was announced
            since, there is nothing to read; what no message has announced is found by the next sweep, as always.
        """
        reader = self._readers.get((kind, key))
        if reader is None:
            reader = self._readers[kind, key] = TopicReader(self._logs[kind], key)
        self._subscriptions[reader] = self._subscriptions.get(reader, 0) + 1
        try:
            if announced == self.announced(kind, key):
                await reader.join(connection, position)
            else:
                await reader.add(connection, position)
            yield
        finally:
            reader.remove(connection)
            self._subscriptions[reader] -= 1
            if not self._subscriptions[reader]:
                del self._subscriptions[reader], self._readers[kind, key]

    def subscribers(self, kind: str, key: int) -> Iterator[Connection]:
        """The connections of this process that follow the topic and have caught up."""
        reader = self._readers.get((kind, key))
        return iter(tuple(reader.connections) if reader is not None else ())

    # Connections

    def register(self, connection: Connection) -> None:
        self._connections[connection.account_id][connection] = None
        self._open.inc()

    def unregister(self, connection: Connection) -> None:
        of_account = self._connections[connection.account_id]
        del of_account[connection]
        if not of_account:
            del self._connections[connection.account_id]
        self._open.dec()
        code = connection.close_code or connection.socket.close_code or CloseCode.ABNORMAL
        # Clients choose their codes from thousands.
        self._closed.labels(int(code) if code in _COUNTED else "other").inc()

    def connection_count(self, account_id: int) -> int:
        return len(self._connections.get(account_id, ()))

    def close_connections(self, account_id: int, session_id: uuid.UUID | None, code: CloseCode) -> None:
        """Close the WebSockets of one session, or with None of all sessions of the account."""
        for connection in tuple(self._connections.get(account_id, ())):
            if session_id in (None, connection.session_id):
                connection.close(code)

    async def close(self, *, seconds: float = 5.0) -> None:
        """Close all WebSockets because the process goes away, and wait up to ``seconds`` for them.

        From now on handshakes are refused, and those that have begun end with the close frame.
        Each client is told when to come back, not all at the same moment, so that the next process is not overrun.
        """
        self.leaving = True
        everything = [connection for of_account in self._connections.values() for connection in of_account]
        spread = min(_MAX_RECONNECT_SECONDS, max(1.0, len(everything) / 100))
        for connection in everything:
            reason = dumps({"reconnect_in": round(random.uniform(0, spread), 1)}).decode()
            connection.close(CloseCode.GOING_AWAY, reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._connections:  # noqa: ASYNC110 - they are unregistered one by one
                    await asyncio.sleep(0.02)

    def sessions(self) -> dict[uuid.UUID, int]:
        """The sessions that have a WebSocket open in this process, with their accounts."""
        return {one.session_id: account for account, found in self._connections.items() for one in found}

    # Safety

    async def tick(self) -> None:
        """Sweep when it is time: every ``sweep_seconds``, every second while the bus is down. Call twice a second."""
        pause = self._sweep_seconds if self.bus.connected else min(self._sweep_seconds, 1.0)
        if time.monotonic() - self._swept_at >= pause:
            await self.sweep()

    async def sweep(self) -> None:
        """Wake every reader that is behind its log."""
        async with self._sweeping:
            self._swept_at = time.monotonic()
            for kind, source in self._logs.items():
                keys = iter([key for (of, key), reader in self._readers.items() if of == kind and reader.connections])
                while batch := list(islice(keys, _BATCH)):
                    self._wake_behind(kind, await source.ends(batch))

    def _wake_behind(self, kind: str, ends: Mapping[int, int]) -> None:
        for key, end in ends.items():
            reader = self._readers.get((kind, key))
            if reader is not None and reader.position < end:
                reader.wake(end)

    def _wake(self, kind: str, key: int) -> None:
        self._announced[hash((kind, key)) % _COUNTERS] += 1
        reader = self._readers.get((kind, key))
        if reader is not None:
            reader.wake()

    def _sweep_soon(self) -> None:
        # Those who subscribe from now on, and have read the end of their topic before, come too late for the sweep.
        self._gaps += 1
        task = asyncio.create_task(self._sweep_or_warn(), name="sweep after a gap")
        self._sweeps.add(task)
        task.add_done_callback(self._sweeps.discard)

    async def _sweep_or_warn(self) -> None:
        try:
            await self.sweep()
        except Unavailable:
            # The cause is logged already.
            log.warning("cannot read the event tables; retrying at the next sweep")
        except Exception:
            log.warning("cannot read the event tables; retrying at the next sweep", exc_info=True)
