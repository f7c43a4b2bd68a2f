"""A normal client in a process of its own: reads public pages from its own address and writes how long each took.

python -m tests.attacks.normal_client http://127.0.0.1:8080
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

#: The address of the client.
ADDRESS = "127.0.0.2"
#: What it reads, and seconds between two requests.
_PAGES, _PAUSE = ("/api/v1/categories/", "/api/v1/services/", "/healthz"), 0.05


@dataclass
class Seen:
    """Seconds of its requests, and how many of them failed."""

    latencies: list[float] = field(default_factory=list)
    failures: int = 0


@contextlib.asynccontextmanager
async def watching(url: str) -> AsyncIterator[Seen]:
    """The process, from its first answer to the end of the block; what it saw is complete behind the block."""
    seen = Seen()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.attacks.normal_client", url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield seen
        # At least one answer, however slow the machine is.
        first = await process.stdout.readline()
    finally:
        process.terminate()
        written, _ = await process.communicate()
    # The last line may have been cut by the end of the process.
    whole, _, _ = (first + written).decode().rpartition("\n")
    for line in whole.splitlines():
        status, seconds = line.split()
        seen.latencies.append(float(seconds))
        seen.failures += status != "200"


async def _read(url: str) -> None:
    connector = aiohttp.TCPConnector(local_addr=(ADDRESS, 0))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
        number = 0
        while True:
            began, status = time.perf_counter(), 0
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url + _PAGES[number % len(_PAGES)]) as answer:
                    await answer.read()
                    status = answer.status
            print(status, time.perf_counter() - began, flush=True)
            number += 1
            await asyncio.sleep(_PAUSE)


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1]))
