"""Jobs that repeat in the event loop, from start to stop of the application."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mystar.errors import Unavailable
from mystar.kit.health import Fact

log = logging.getLogger(__name__)

#: Seconds between two runs of a job that is done in batches.
_BETWEEN_BATCHES = 0.05
#: Seconds after the start until jobs with longer pauses run for the first time: a process that starts serves first.
_FIRST_RUN = 10.0
#: Seconds after an outage of the database, or of another dependency, until a job with a longer pause runs again.
_AFTER_OUTAGE = 30.0
#: The machine has no descriptors or no room for a while; a stack trace would say no more.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT}
#: Seconds between measurements of the event loop's lag.
_LAG_SECONDS = 0.5
#: Seconds after which a task that goes on is cancelled again.
_CANCEL_AGAIN = 1.0
#: A job is late when it has not succeeded for this many pauses, and for this many seconds.
_LATE_PAUSES, _LATE_SECONDS = 3, 900.0


class TaskMetrics:
    """When each job last succeeded, how often it failed, and how late the event loop is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._succeeded_at = Gauge(
            "mystar_task_last_success_timestamp_seconds", "When the job last succeeded", ["task"], registry=registry
        )
        self._failures = Counter("mystar_task_failures_total", "Runs that failed", ["task"], registry=registry)
        self._lag = Histogram(
            "mystar_event_loop_lag_seconds",
            "How much later than asked the event loop wakes a task",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        self._tasks = Gauge("mystar_event_loop_tasks", "Tasks that have not ended", registry=registry)
        #: By job: the moment by which it has to have succeeded again, and how long it may take, in seconds.
        self._due: dict[str, tuple[float, float]] = {}

    def expect(self, name: str, seconds: float) -> None:
        """A job with pauses of ``seconds`` begins to run."""
        allowed = max(_LATE_SECONDS, _LATE_PAUSES * seconds)
        self._due[name] = time.monotonic() + allowed, allowed

    async def overdue(self) -> Sequence[Fact]:
        """By how many seconds each job is late; 0 = it is not."""
        now = time.monotonic()
        return [Fact("task_stopped", name, max(0.0, now - due)) for name, (due, _) in self._due.items()]

    def succeeded(self, name: str) -> None:
        self._succeeded_at.labels(name).set_to_current_time()
        if name in self._due:
            allowed = self._due[name][1]
            self._due[name] = time.monotonic() + allowed, allowed

    def failed(self, name: str) -> None:
        self._failures.labels(name).inc()

    async def measuring(self, _app: object) -> AsyncIterator[None]:
        """A cleanup context that measures the lag of the event loop."""
        task = asyncio.create_task(self._measure(), name="event loop lag")
        yield
        await cancel_and_wait(task)

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_SECONDS
            await asyncio.sleep(_LAG_SECONDS)
            self._lag.observe(max(0.0, loop.time() - due))
            self._tasks.set(len(asyncio.all_tasks(loop)))


#: Where the jobs of an application are counted, if anywhere.
TASK_METRICS: web.AppKey[TaskMetrics] = web.AppKey("task_metrics")


def every(
    seconds: float,
    job: Callable[[], Awaitable[object]],
    *,
    name: str,
    batch: int | None = None,
    first: float = _FIRST_RUN,
) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context of an aiohttp application that repeats ``job`` with pauses of ``seconds``.

    A run that fails is logged and repeated after the pause; runs never overlap. On shutdown a run in progress is
    finished, not cancelled, so a long job must be divided into short runs.

    :param first: seconds until the first run; one pause, if that is shorter.
    :param batch: a run whose result is this number or more left something undone and is repeated at once.
    """

    async def context(app: object) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        metrics = app.get(TASK_METRICS) if isinstance(app, web.Application) else None
        if metrics is not None:
            metrics.expect(name, seconds)
        task = asyncio.create_task(
            _repeat(seconds, min(seconds, first), job, name, stopping, batch, metrics), name=name
        )
        yield
        stopping.set()
        await task

    return context


async def _repeat(
    seconds: float,
    first: float,
    job: Callable[[], Awaitable[object]],
    name: str,
    stopping: asyncio.Event,
    batch: int | None,
    metrics: TaskMetrics | None,
) -> None:
    await wait_for_event(stopping, first)
    while not stopping.is_set():
        succeeded, done, pause = await _run(job, name, seconds)
        if batch is not None and isinstance(done, int) and done >= batch:
            pause = _BETWEEN_BATCHES
        if metrics is not None:
            (metrics.succeeded if succeeded else metrics.failed)(name)
        await wait_for_event(stopping, pause)


async def _run(job: Callable[[], Awaitable[object]], name: str, seconds: float) -> tuple[bool, object, float]:
    """Whether the job succeeded, its result, and the seconds until it runs again."""
    try:
        return True, await job(), seconds
    except Exception as error:
        outage = _outage(error)
        if outage is None:
            log.exception("%s failed; next run in %s s", name, seconds)
            return False, None, seconds
        # A stack trace every few seconds would hide everything else.
        again = min(seconds, _AFTER_OUTAGE)
        log.warning("%s: %s; next run in %s s", name, outage, again)
        return False, None, again


def _outage(error: Exception) -> str | None:
    """What is away for a while, in words; None = the error is a defect."""
    if isinstance(error, Unavailable):
        # The cause is logged already.
        return "a dependency does not answer"
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return error.strerror
    return None


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within ``seconds``.

    Not `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that arrives together with the event: a loop
    around it would never end.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have ended; their errors are ignored.

    Cancels repeatedly, since libraries may swallow a cancellation: see `wait_for_event`.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN)
    for task in tasks:
        if not task.cancelled():
            task.exception()
