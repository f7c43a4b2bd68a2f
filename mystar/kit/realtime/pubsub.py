"""How the processes of one service tell each other that something has changed.

A message is a topic and a few ids, such as ``chat:17``: where to look, never the data itself. The tables are the log
(law 8), so a message may arrive twice, late or, when the connection breaks, not at all: subscribers are told when some
may have been lost, and read the tables.

Messages are sent in batches, outside of any write transaction: NOTIFY inside them would queue every commit behind one
lock.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from mystar.kit.background import cancel_and_wait, wait_for_event

log = logging.getLogger(__name__)

Subscriber = Callable[..., None]

#: Bytes of one packet; PostgreSQL takes 7,999 (NOTIFY, "Notes").
PACKET_BYTES = 7_900
#: Messages kept while the connection is broken; beyond that a gap is published instead.
_MAX_WAITING = 10_000
#: Seconds between heartbeats, seconds of silence after which messages may be missing, and after which the connection
#: counts as broken.
_HEARTBEAT_SECONDS, _DOUBT_SECONDS, _BROKEN_SECONDS = 0.2, 0.5, 12.0
_CONNECT_SECONDS = 10.0
#: Seconds over which packets that are sent and that come back are compared.
_COMPARE_SECONDS = 5.0
_MIN_RETRY_SECONDS, _MAX_RETRY_SECONDS = 0.1, 3.0
#: The topic of a gap: anything may have changed.
_EVERYTHING = "*"


class PubSubConnection(Protocol):
    """An open connection: what one process sends, all of them receive, the sender too."""

    async def send(self, packet: str) -> None: ...

    async def receive(self) -> str: ...

    async def close(self) -> None: ...


class PubSubBackend(Protocol):
    async def connect(self) -> PubSubConnection:
        """May raise anything when it cannot."""


class Bus:
    """Publishes messages to the other processes and receives theirs.

    :param backend: what joins the processes; None: there are no others.
    :param registry: where it is shown whether it works.
    """

    def __init__(self, backend: PubSubBackend | None = None, registry: CollectorRegistry | None = None) -> None:
        self._backend = backend
        self._name = secrets.token_hex(4)
        self._subscribers: dict[str, list[Subscriber]] = defaultdict(list)
        self._gap_subscribers: list[Callable[[], None]] = []
        #: In the order of publishing, each once.
        self._waiting: dict[str, None] = {}
        self._published = asyncio.Event()
        self._up = asyncio.Event()
        self._received_at = 0.0
        #: Packets sent, and how many of them came back, since the connection was opened.
        self._sent = self._heard = 0
        up = Gauge("mystar_bus_connected", "Whether messages of other processes arrive", registry=registry)
        up.set_function(lambda: self.connected)
        self._losses = Counter("mystar_bus_losses_total", "Broken connections of the bus", registry=registry)
        self._lost = Counter("mystar_bus_lost_packets_total", "Own packets that did not come back", registry=registry)

    @property
    def connected(self) -> bool:
        """Whether messages of other processes arrive now, as far as can be known. True when there are no others."""
        if self._backend is None:
            return True
        return self._up.is_set() and time.monotonic() - self._received_at < _DOUBT_SECONDS

    def subscribe(self, topic: str, subscriber: Subscriber) -> None:
        """Receive the messages of other processes on this topic; the subscriber is given the ids, as texts."""
        self._subscribers[topic].append(subscriber)

    def on_gap(self, subscriber: Callable[[], None]) -> None:
        """Call the subscriber when messages may have been lost."""
        self._gap_subscribers.append(subscriber)

    def publish(self, topic: str, *ids: object) -> None:
        """Send to the other processes, soon. Never waits, never fails; call it after the commit."""
        if self._backend is None:
            return
        message = ":".join((topic, *map(str, ids)))
        if len(self._waiting) >= _MAX_WAITING:
            self._waiting = {_EVERYTHING: None}
        # A message that still waits has not been received yet: once is enough.
        self._waiting.setdefault(message)
        self._published.set()

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """A cleanup context of the application."""
        if self._backend is None:
            yield
            return
        task = asyncio.create_task(self._keep_connected(self._backend), name="bus")
        # Clients that are served from the first moment shall miss nothing; a bus that is down must not prevent serving.
        await wait_for_event(self._up, 2)
        yield
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self._waiting and self._up.is_set():  # noqa: ASYNC110 - nothing signals an empty queue
                    await asyncio.sleep(0.01)
        await cancel_and_wait(task)

    async def flush(self) -> None:
        """Send what waits, for a process in which the bus is not `running`, such as a command. Never fails."""
        if self._backend is None or not self._waiting:
            return
        try:
            async with asyncio.timeout(_CONNECT_SECONDS), _connected(self._backend) as connection:
                for packet, messages in _packets(self._name, list(self._waiting)):
                    await connection.send(packet)
                    for message in messages:
                        self._waiting.pop(message, None)
        except Exception as error:
            log.warning("the other processes are not told; they will look for themselves: %r", error)

    async def _keep_connected(self, backend: PubSubBackend) -> None:
        pause = _MIN_RETRY_SECONDS
        while True:
            try:
                async with _connected(backend) as connection:
                    self._received_at = time.monotonic()
                    self._up.set()
                    # Between two connections, or before the first, others may have published.
                    self._report_gap()
                    pause = _MIN_RETRY_SECONDS
                    await self._exchange(connection)
            except Exception as error:
                self._losses.inc()
                log.warning("the bus is down; retrying in %.1f s: %r", pause, error)
            finally:
                self._up.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_RETRY_SECONDS)

    async def _exchange(self, connection: PubSubConnection) -> None:
        """Send and receive until the connection breaks."""
        # Not a task group: it would rather raise what breaks than that it was cancelled at the same moment.
        ways = (self._receive, self._send, self._compare)
        tasks = [asyncio.create_task(way(connection), name=f"bus{way.__name__}") for way in ways]
        try:
            broken, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(*tasks)
        for task in broken:
            task.result()

    async def _receive(self, connection: PubSubConnection) -> None:
        while True:
            # Own packets come back, too: silence means that the connection is cut, whatever the sockets say.
            async with asyncio.timeout(_BROKEN_SECONDS):
                packet = await connection.receive()
            self._received_at = time.monotonic()
            sender, *messages = packet.split(" ")
            if sender == self._name:
                self._heard += 1
            else:
                for message in messages:
                    self._dispatch(message)

    async def _send(self, connection: PubSubConnection) -> None:
        while True:
            await wait_for_event(self._published, _HEARTBEAT_SECONDS)
            self._published.clear()
            batch = list(self._waiting)
            for packet, messages in _packets(self._name, batch):
                await connection.send(packet)
                self._sent += 1
                # Only now: what a broken connection did not take is sent again over the next one.
                for message in messages:
                    self._waiting.pop(message, None)

    async def _compare(self, _connection: PubSubConnection) -> None:
        """Say when own packets do not come back: then those of others do not arrive, either."""
        while True:
            sent, heard = self._sent, self._heard
            await asyncio.sleep(_COMPARE_SECONDS)
            sent, heard = self._sent - sent, self._heard - heard
            if heard < sent / 2:
                self._lost.inc(sent - heard)
                log.warning(
                    "the bus receives %s of its %s packets, so messages arrive late: MYSTAR_BUS__URL must be the "
                    "address of the server itself, not of a pooler such as PgBouncer",
                    heard,
                    sent,
                )

    def _dispatch(self, message: str) -> None:
        topic, *ids = message.split(":")
        if topic == _EVERYTHING:
            self._report_gap()
        for subscriber in self._subscribers.get(topic, ()):
            try:
                subscriber(*ids)
            except Exception:
                # A process of another version may publish what this one does not know.
                log.exception("cannot handle the message %r", message)

    def _report_gap(self) -> None:
        for subscriber in self._gap_subscribers:
            subscriber()


def _packets(sender: str, messages: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The packets that carry the messages, and which messages each carries; a name alone is a heartbeat."""
    packets: list[tuple[str, list[str]]] = []
    packet: str = sender
    carried: list[str] = []
    for message in messages:
        if len(packet) + 1 + len(message) > PACKET_BYTES:
            packets.append((packet, carried))
            packet, carried = sender, []
        packet += " " + message
        carried.append(message)
    return [*packets, (packet, carried)]


@asynccontextmanager
async def _connected(backend: PubSubBackend) -> AsyncIterator[PubSubConnection]:
    async with asyncio.timeout(_CONNECT_SECONDS):
        connection = await backend.connect()
    try:
        yield connection
    finally:
        with suppress(Exception):
            await connection.close()
