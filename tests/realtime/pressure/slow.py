"""Readers that stop reading, beside others that go on (promise T5)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import orjson

from mystar.kit.realtime.connection import CloseCode
from tests.realtime.crowd import Talk
from tests.realtime.pressure.light_client import LightClient, open_websocket
from tests.realtime.pressure.server_under_load import PATIENCE, ServerUnderLoad, in_batches, p99, path_of

#: Nearly as long as a message may be: 7 kB.
_LONG = "Очень длинное сообщение. " * 150


@dataclass
class _Circle:
    """The readers of one conversation, who hear everything in order; the first of them speaks."""

    talk: Talk
    readers: list[LightClient] = field(default_factory=list)
    #: Seconds from each word until all had heard it.
    times: list[float] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)
    _missing: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self, port: int, place: int) -> None:
        who = await open_websocket(port, path_of(self.talk), self.talk.tokens[0], lambda text: self._hear(place, text))
        self.readers.append(who)

    async def talk_until(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            self._missing, began = len(self.readers), time.perf_counter()
            self._came.clear()
            self.readers[0].say(orjson.dumps({"message": _LONG}))
            async with asyncio.timeout(PATIENCE):
                await self._came.wait()
            self.times.append(time.perf_counter() - began)

    def _hear(self, place: int, text: bytes) -> None:
        number, last = orjson.loads(text)["number"], self._numbers.get(place, 0)
        assert number == last + 1, f"conversation {self.talk.id}: heard {number} after {last}"
        self._numbers[place] = number
        self._missing -= 1
        if not self._missing:
            self._came.set()


@dataclass(frozen=True)
class Report:
    stuck: int
    readers: int
    messages: int
    #: From the first unread byte until the last client that does not read was closed.
    seconds: float
    #: Megabytes of the server before, and at most.
    before: float
    most: float
    #: 99 of 100 words were heard by all readers within so many seconds: alone, and beside those that do not read.
    alone: float
    beside: float

    def __str__(self) -> str:
        return (
            f"{self.stuck} sockets that do not read: all closed with {int(CloseCode.TOO_SLOW)} within "
            f"{self.seconds:.1f} s, memory {self.before:.1f} MB and at most {self.most - self.before:+.1f}\n"
            f"{self.readers} that do: {self.messages} messages in order, p99 {self.beside * 1000:.0f} ms "
            f"({self.alone * 1000:.0f} ms without the others)"
        )


async def slow_readers(
    server: ServerUnderLoad, talks: Sequence[Talk], *, stuck: int, readers: int, alone: float
) -> Report:
    """Long messages to readers and to sockets that stop reading, until the last of these is closed.

    :param stuck: how many, and how many ``readers``; as many in each talk. :param alone: seconds before they come.
    """
    circles = [_Circle(talk) for talk in talks]
    await in_batches(
        [circle.join(server.port, place) for circle in circles for place in range(readers // len(circles))]
    )
    await _talk(circles, asyncio.sleep(alone))
    first = [circle.times for circle in circles]
    for circle in circles:
        circle.times = []
    deaf = await in_batches(
        [
            open_websocket(server.port, path_of(talk), talk.tokens[1], narrow=True)
            for talk in talks
            for _ in range(stuck // len(talks))
        ]
    )
    for one in deaf:
        one.stop_reading()
    began = time.monotonic()
    async with server.watched() as megabytes:
        await _talk(circles, server.closed(CloseCode.TOO_SLOW, len(deaf)))
    seconds = time.monotonic() - began
    hearing = [reader for circle in circles for reader in circle.readers]
    assert not any(reader.ended.done() for reader in hearing)
    for one in [*deaf, *hearing]:
        one.cut()
    quiet, beside = ([took for times in some for took in times] for some in (first, [one.times for one in circles]))
    return Report(
        stuck=len(deaf),
        readers=len(hearing),
        messages=len(quiet) + len(beside),
        seconds=seconds,
        before=megabytes[0],
        most=max(megabytes),
        alone=p99(quiet),
        beside=p99(beside),
    )


async def _talk(circles: Sequence[_Circle], until: Awaitable[None]) -> None:
    enough = asyncio.Event()
    talking = [asyncio.create_task(circle.talk_until(enough)) for circle in circles]
    try:
        await until
    finally:
        enough.set()
        await asyncio.gather(*talking)
