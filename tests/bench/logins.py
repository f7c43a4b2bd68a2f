"""What log-ins cost others, and what they tell strangers: prints JSON.

One client reads over and over, alone and while others log in without pause: hashing must not keep it waiting
(promise S3). Then known and unknown people fail to log in, in turns: the means must not differ (promise S5).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import uvloop

CROWD = 16
WRONG = "Wrong-Word-42"


async def log_in(client: aiohttp.ClientSession, username: str, password: str, expected: int) -> None:
    async with client.post("/api/auth/token/", json={"username": username, "password": password}) as answer:
        assert answer.status == expected, await answer.text()


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


async def read_for(seconds: float, client: aiohttp.ClientSession, path: str, token: str) -> list[float]:
    """The milliseconds of every read, one after the other."""

    async def read() -> None:
        async with client.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    until, times = time.perf_counter() + seconds, []
    while time.perf_counter() < until:
        times.append(await timed(read))
    return times


async def measure(port: int, path: str, token: str, person: tuple[str, str], seconds: float, pairs: int) -> object:
    connector = aiohttp.TCPConnector(limit=CROWD + 1)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as client:
        await read_for(1, client, path, token)
        quiet = await read_for(seconds, client, path, token)
        done = 0

        async def keep_logging_in() -> None:
            nonlocal done
            while True:
                await log_in(client, *person, 200)
                done += 1

        crowd = [asyncio.ensure_future(keep_logging_in()) for _ in range(CROWD)]
        busy = await read_for(2 * seconds, client, path, token)
        for one in crowd:
            one.cancel()
        ended = await asyncio.gather(*crowd, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
        # The first log-in waits for those left in the queue, and is not counted.
        await log_in(client, "nobody", WRONG, 401)
        known, unknown = [], []
        for number in range(pairs):
            known.append(await timed(lambda: log_in(client, person[0], WRONG, 401)))
            unknown.append(await timed(lambda name=f"nobody-{number}": log_in(client, name, WRONG, 401)))  # type: ignore[misc]
    return {
        "quiet_p99": _p99(quiet),
        "busy_p99": _p99(busy),
        "kept": len(busy) / 2 / len(quiet),
        "logins_per_second": done / (2 * seconds),
        "known_mean": statistics.mean(known),
        "unknown_mean": statistics.mean(unknown),
    }


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    _, port, path, token, username, password, seconds, pairs = sys.argv
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        work = measure(int(port), path, token, (username, password), float(seconds), int(pairs))
        print(json.dumps(runner.run(work)))
