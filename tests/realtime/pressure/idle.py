"""Sockets that only listen, and some of which died without a word (promise T7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.realtime.crowd import Talk
from tests.realtime.pressure.light_client import open_websocket
from tests.realtime.pressure.server_under_load import PATIENCE, ServerUnderLoad, dealt, in_batches, path_of

#: Seconds of computing that are measured: two heartbeats.
_LOOK = 60.0


@dataclass(frozen=True)
class Report:
    sockets: int
    dead: int
    #: Until the last dead one was found.
    seconds: float
    #: Of one core: without any sockets, and with all of them.
    empty: float
    full: float
    megabytes: float

    def __str__(self) -> str:
        return (
            f"{self.sockets} idle sockets: {self.full:.2%} of one core, heartbeats included ({self.empty:.2%} without "
            f"any), {self.megabytes:.0f} MB more\n{self.dead} dead ones: all found within {self.seconds:.1f} s"
        )


async def idle(server: ServerUnderLoad, talks: Sequence[Talk], *, sockets: int, dead: int) -> Report:
    empty, before = await _share(server, _LOOK / 3), server.megabytes
    places = list(dealt(talks, sockets))
    everybody = await in_batches([open_websocket(server.port, path_of(talk), token) for talk, token in places])
    await asyncio.sleep(2)
    megabytes, full = server.megabytes - before, await _share(server, _LOOK)
    gone, began = everybody[:dead], time.monotonic()
    for one in gone:
        # The clients answer no more and close nothing.
        one.stop_reading()
    async with asyncio.timeout(PATIENCE):
        while (await server.sockets())[0] > sockets - dead:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.5)
    seconds = time.monotonic() - began
    assert not any(one.ended.done() for one in everybody[dead:])
    for one in everybody:
        one.cut()
    return Report(sockets, dead, seconds, empty, full, megabytes)


async def _share(server: ServerUnderLoad, seconds: float) -> float:
    """Of one core, over so many seconds."""
    before, began = server.computed, time.monotonic()
    await asyncio.sleep(seconds)
    return (server.computed - before) / (time.monotonic() - began)
