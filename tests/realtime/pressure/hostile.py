"""Malformed and hostile frames (promise T11)."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from tests.realtime.crowd import Talk
from tests.realtime.pressure.light_client import frame, open_websocket
from tests.realtime.pressure.server_under_load import ServerUnderLoad, in_batches, path_of

_BOMB = zlib.compress(bytes(10_000_000))[2:-4]
#: Frames that end every connection.
_LAST = frame(0x83, b"")
#: Sorts of frames, each sent by connections of their own until they are closed.
_SORTS: dict[str, Callable[[random.Random], bytes]] = {
    "noise": lambda dice: dice.randbytes(dice.randrange(1, 200)),
    "no UTF-8": lambda dice: frame(0x81, b"\xff\xfe" + dice.randbytes(20)),
    "a bomb": lambda _: frame(0xC1, _BOMB),
    "too long": lambda _: frame(0x81, b"x" * 70_000),
    "endless parts": lambda dice: frame(0x01 if dice.random() < 0.01 else 0x00, b"x" * 1000),
    "no JSON": lambda dice: frame(0x81, b"{" * dice.randrange(1, 2000)),
    "deep JSON": lambda _: frame(0x81, b"[" * 10_000 + b"]" * 10_000),
    "wrong JSON": lambda dice: frame(
        0x81, b'{"message": %d, "type": [%d]}' % (dice.getrandbits(60), dice.getrandbits(9))
    ),
    "bytes": lambda dice: frame(0x82, dice.randbytes(100)),
    "pings": lambda dice: frame(0x89, dice.randbytes(100)),
    "strange opcodes": lambda dice: frame(0x80 | dice.choice((3, 4, 7, 11, 15)), b"x"),
}


@dataclass(frozen=True)
class Report:
    frames: int
    connections: int
    codes: Counter[int]
    #: Megabytes of the server after the first tenth of them, and after all.
    before: float
    after: float

    def __str__(self) -> str:
        codes = ", ".join(f"{times} x {code}" for code, times in sorted(self.codes.items()))
        return (
            f"{self.frames} hostile frames over {self.connections} connections, closed with: {codes}\n"
            f"memory {self.before:.1f} MB after the first tenth, {self.after - self.before:+.1f} MB after all; "
            f"a well-behaved client was served all the time"
        )


async def hostile(server: ServerUnderLoad, talks: Sequence[Talk], *, frames: int, each: int, seed: int) -> Report:
    """As many frames of every sort, ``each`` of them in one breath on every connection. AssertionError when one that
    behaves is not answered."""
    dice, codes = random.Random(seed), Counter[int]()
    sorts = [sort for _ in range(max(1, frames // each // len(_SORTS))) for sort in _SORTS]
    talk, before = talks[0], server.megabytes
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    good = await open_websocket(server.port, path_of(talk), talk.tokens[1], heard.put_nowait)

    async def attack(sort: str) -> int:
        connection = await open_websocket(server.port, path_of(talk), talk.tokens[0])
        connection.transport.writelines([*(_SORTS[sort](dice) for _ in range(each)), _LAST])
        # Some noise announces more than will ever come; some was hung up on already.
        with suppress(OSError):
            connection.transport.write_eof()
        async with asyncio.timeout(30):
            return await connection.ended

    for start in range(0, len(sorts), 2 * len(_SORTS)):
        codes.update(await in_batches([attack(sort) for sort in sorts[start : start + 2 * len(_SORTS)]]))
        good.say(orjson.dumps({"message": f"ещё здесь {start}"}))
        async with asyncio.timeout(30):
            assert orjson.loads(await heard.get())["message"] == f"ещё здесь {start}"
        if start <= len(sorts) // 10:
            before = server.megabytes
    good.cut()
    return Report(len(sorts) * each, len(sorts), codes, before, server.megabytes)
