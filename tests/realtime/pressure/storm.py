"""All sockets break at once and come back while people talk on (promise T6)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from mystar.kit.background import cancel_and_wait
from tests.realtime.crowd import Talk
from tests.realtime.pressure.light_client import LightClient, Refused, open_websocket
from tests.realtime.pressure.server_under_load import PATIENCE, ServerUnderLoad, dealt, in_batches, p99, path_of
from tests.server_process import ROOT

#: Seconds between two messages of a conversation.
_PAUSE = 0.5


class _Returning:
    """A socket that comes back, each time a little later, and asks for what it missed."""

    def __init__(self, port: int, talk: Talk, token: str, refused: Counter[str]) -> None:
        self._port, self.talk, self._token, self._refused = port, talk, token, refused
        #: The number of the last message heard, and its id.
        self.heard = self._last = 0
        self.client: LightClient | None = None

    async def come(self, wait: float = 0) -> None:
        """:param wait: seconds before the first attempt."""
        await asyncio.sleep(wait)
        for attempt in itertools.count():
            try:
                self.client = await open_websocket(self._port, path_of(self.talk, self._last), self._token, self._hear)
                return
            except Refused as refused:
                self._refused[str(refused.status)] += 1
            except OSError as error:
                self._refused[type(error).__name__] += 1
            await asyncio.sleep(random.uniform(0.5, 1) * min(8, 0.5 * 2**attempt))

    def cut(self) -> None:
        assert self.client is not None
        self.client.cut()

    def _hear(self, text: bytes) -> None:
        told = orjson.loads(text)
        assert told.get("type") != "gap"
        if "number" in told:
            assert told["number"] == self.heard + 1, f"heard {told['number']} after {self.heard}"
            self.heard, self._last = told["number"], told["id"]


@dataclass(frozen=True)
class Report:
    sockets: int
    messages: int
    #: Seconds until all were back, and until all had heard everything.
    back: float
    caught_up: float
    #: Attempts, by their status or error.
    refused: Counter[str]
    #: Milliseconds of requests to the API, one after another: before, and meanwhile.
    quiet: list[float]
    meanwhile: list[float]

    def __str__(self) -> str:
        refused = ", ".join(f"{times} x {what}" for what, times in self.refused.items()) or "none"
        return (
            f"{self.sockets} sockets cut at once: all back after {self.back:.1f} s (refused meanwhile: {refused}), "
            f"caught up after {self.caught_up:.1f} s, {self.messages} messages, none lost\n"
            f"{len(self.meanwhile)} requests to the API meanwhile: {_times(self.meanwhile)} "
            f"(before: {_times(self.quiet)})"
        )


def _times(milliseconds: Sequence[float]) -> str:
    return f"median {statistics.median(milliseconds):.0f} ms, p99 {p99(milliseconds):.0f} ms"


async def storm(server: ServerUnderLoad, talks: Sequence[Talk], *, sockets: int, spread: float) -> Report:
    """:param spread: seconds within which clients try for the first time."""
    refused: Counter[str] = Counter()
    crowd = [_Returning(server.port, talk, token, refused) for talk, token in dealt(talks, sockets)]
    await in_batches([one.come() for one in crowd])
    refused.clear()
    said: Counter[int] = Counter()
    talking = asyncio.create_task(_post_on(server.url, talks, said))
    async with _asking(server.url, talks[0].tokens[0]) as quiet:
        await asyncio.sleep(4)
    async with _asking(server.url, talks[0].tokens[0]) as meanwhile:
        # It takes a moment to start.
        await asyncio.sleep(1.5)
        began = time.monotonic()
        for one in crowd:
            one.cut()
        await asyncio.gather(*(one.come(random.uniform(0, spread)) for one in crowd))
        back = time.monotonic() - began
        await cancel_and_wait(talking)
        async with asyncio.timeout(PATIENCE):
            while any(one.heard < said[one.talk.id] for one in crowd):  # noqa: ASYNC110 - they hear one by one
                await asyncio.sleep(0.05)
        caught_up = time.monotonic() - began
    for one in crowd:
        one.cut()
    return Report(len(crowd), sum(said.values()), back, caught_up, refused, quiet, meanwhile)


async def _post_on(url: str, talks: Sequence[Talk], said: Counter[int]) -> None:
    """A message in every conversation, over and over; one that was not taken is sent again."""

    async def one(session: aiohttp.ClientSession, talk: Talk) -> None:
        path = f"{url}/api/v1/conversations/{talk.id}/messages/"
        headers = {"Authorization": f"Bearer {talk.tokens[0]}"}
        await asyncio.sleep(random.uniform(0, _PAUSE))
        while True:
            body = {"message": "Сообщение", "client_id": f"{talk.id}-{said[talk.id]}"}
            async with session.post(path, json=body, headers=headers) as answer:
                assert answer.status in (200, 201, 503), await answer.text()
                said[talk.id] += answer.status != 503
            await asyncio.sleep(_PAUSE)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session, talk) for talk in talks))


@contextlib.asynccontextmanager
async def _asking(url: str, token: str) -> AsyncIterator[list[float]]:
    """Milliseconds of requests by another process, which has nothing else to do; complete when the block ends."""
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.realtime.pressure.latency_probe", url, token),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    found: list[float] = []
    try:
        yield found
        told, _ = await asking.communicate(b"")
        found += orjson.loads(told)
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
