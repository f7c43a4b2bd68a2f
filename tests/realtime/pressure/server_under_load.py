"""The server that is put under pressure, and what all sorts of pressure have in common."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from mystar.kit.background import cancel_and_wait
from mystar.kit.realtime.connection import CloseCode
from tests.realtime.crowd import Talk

T = TypeVar("T")
#: Seconds after which whatever is waited for will not come.
PATIENCE = 120.0
#: Handshakes at a time, where it is not their number that matters.
_AT_ONCE = 50


@dataclass(frozen=True)
class ServerUnderLoad:
    """A process that serves on this port."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def megabytes(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def computed(self) -> float:
        """Seconds of one core, so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def sockets(self) -> tuple[int, Counter[str]]:
        """How many are open, and how many were closed with which code."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            told = await answer.text()
        codes = re.findall(r'^mystar_sockets_closed_total\{code="(\w+)"\} (\S+)', told, re.MULTILINE)
        (number,) = re.findall(r"^mystar_sockets_open (\S+)", told, re.MULTILINE)
        return int(float(number)), Counter({code: int(float(times)) for code, times in codes})

    async def closed(self, code: CloseCode, number: int) -> None:
        """Until so many were closed with this code."""
        async with asyncio.timeout(PATIENCE):
            while (await self.sockets())[1][str(int(code))] < number:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.2)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[list[float]]:
        """Its megabytes, again and again, as long as the block lasts."""
        seen = [self.megabytes]

        async def look() -> None:
            while True:
                await asyncio.sleep(0.05)
                seen.append(self.megabytes)

        looking = asyncio.create_task(look())
        try:
            yield seen
        finally:
            await cancel_and_wait(looking)


def path_of(talk: Talk, after: int | None = None) -> str:
    return f"/ws/conversations/{talk.id}/" + ("" if after is None else f"?after={after}")


def dealt(talks: Sequence[Talk], number: int) -> Iterator[tuple[Talk, str]]:
    """So many places, the same number in each talk and for both of its people, each with its token."""
    for place in range(number):
        talk = talks[place % len(talks)]
        yield talk, talk.tokens[place // len(talks) % 2]


async def in_batches(coming: Sequence[Awaitable[T]]) -> list[T]:
    done: list[T] = []
    for start in range(0, len(coming), _AT_ONCE):
        done += await asyncio.gather(*coming[start : start + _AT_ONCE])
    return done


def p99(numbers: Sequence[float]) -> float:
    return sorted(numbers)[int(len(numbers) * 0.99)] if numbers else 0.0
