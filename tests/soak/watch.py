"""What is measured meanwhile, and its bounds."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg2

_EVERY = 5.0
#: The first part of a run, in which caches fill, counts for nothing.
_WARM_UP = 0.34


@dataclass(frozen=True)
class Sample:
    """``at`` in seconds, ``memory`` in MB: the resident set of the service. ``dead``: dead rows of every hundred."""

    at: float
    memory: float
    descriptors: int
    threads: int
    tasks: int
    dead: float


@dataclass(frozen=True)
class Bounds:
    """Beyond which a run has failed.

    :param slope: MB an hour. :param dead: dead rows of every hundred, at the end.
    """

    slope: float
    descriptors: int = 30
    tasks: int = 30
    dead: float = 60.0


class Watch:
    """Looks at one service, at most until its task is cancelled."""

    def __init__(self, pid: int, url: str, dsn: str) -> None:
        self._pid, self._url, self._dsn = pid, url, dsn
        self.samples: list[Sample] = []

    async def run(self) -> None:
        async with aiohttp.ClientSession(self._url) as session:
            while True:
                self.samples.append(await self._look(session))
                await asyncio.sleep(_EVERY)

    async def _look(self, session: aiohttp.ClientSession) -> Sample:
        async with session.get("/metrics") as answer:
            metrics = await answer.text()
        tasks = re.search(r"^mystar_event_loop_tasks (\S+)$", metrics, re.MULTILINE)
        status = await asyncio.to_thread(Path(f"/proc/{self._pid}/status").read_text)
        return Sample(
            time.monotonic(),
            int(status.partition("VmRSS:")[2].split()[0]) / 1024,
            len(os.listdir(f"/proc/{self._pid}/fd")),
            int(status.partition("Threads:")[2].split()[0]),
            int(float(tasks[1])) if tasks else 0,
            await asyncio.to_thread(dead_rows, self._dsn),
        )


def dead_rows(dsn: str) -> float:
    """Of every hundred rows in all tables."""
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "select coalesce(100.0 * sum(n_dead_tup) / nullif(sum(n_live_tup + n_dead_tup), 0), 0)::float"
                " from pg_stat_user_tables"
            )
            return float(cursor.fetchone()[0])
    finally:
        connection.close()


def slope(samples: Sequence[Sample]) -> float:
    """MB an hour, by least squares over what follows the warm-up."""
    steady = samples[int(len(samples) * _WARM_UP) :]
    if len(steady) < 2:
        return 0.0
    hours = [(look.at - steady[0].at) / 3600 for look in steady]
    middle, memory = sum(hours) / len(hours), sum(look.memory for look in steady) / len(steady)
    spread = sum((hour - middle) ** 2 for hour in hours)
    together = sum((hour - middle) * (look.memory - memory) for hour, look in zip(hours, steady, strict=True))
    return together / spread if spread else 0.0


def violations(samples: Sequence[Sample], bounds: Bounds) -> Iterator[str]:
    """What has grown too much."""
    steady = samples[int(len(samples) * _WARM_UP) :]
    first, last = steady[0], steady[-1]
    if (grown := slope(samples)) > bounds.slope:
        yield f"memory grows by {grown:.0f} MB an hour, {bounds.slope:.0f} are allowed"
    if last.descriptors - first.descriptors > bounds.descriptors:
        yield f"descriptors grew from {first.descriptors} to {last.descriptors}"
    if last.tasks - first.tasks > bounds.tasks:
        yield f"tasks grew from {first.tasks} to {last.tasks}"
    if last.dead > bounds.dead:
        yield f"{last.dead:.0f} of 100 rows are dead"
