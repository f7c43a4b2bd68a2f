"""Repeating jobs: overlap, failures, shutdown."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from mystar.errors import Unavailable
from mystar.kit import background
from mystar.kit.background import cancel_and_wait, every, wait_for_event


class Job:
    """Counts its runs and sets an event after enough of them."""

    def __init__(self) -> None:
        self.runs = self.finished = self.at_once = self.most_at_once = 0
        self.pause = 0.0
        self.error: Exception | None = None
        self._enough: dict[int, asyncio.Event] = {}

    async def __call__(self) -> None:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self._enough.setdefault(self.runs, asyncio.Event()).set()
        try:
            await asyncio.sleep(self.pause)
            if self.error:
                raise self.error
            self.finished += 1
        finally:
            self.at_once -= 1

    async def runs_are(self, number: int) -> None:
        async with asyncio.timeout(10):
            await self._enough.setdefault(number, asyncio.Event()).wait()


@asynccontextmanager
async def repeated(job: Job, seconds: float) -> AsyncIterator[None]:
    context = every(seconds, job, name="the job", first=0)(None)
    await anext(context)
    yield
    with pytest.raises(StopAsyncIteration):
        await anext(context)


async def test_a_job_repeats_and_never_overlaps_itself() -> None:
    job = Job()
    job.pause = 0.02
    async with repeated(job, 0.001):
        await job.runs_are(4)
    assert job.most_at_once == 1


async def test_the_first_run_waits_until_the_process_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        event.set()
        return True

    monkeypatch.setattr(background, "wait_for_event", pause)
    for seconds in (1, 3600):
        job = Job()
        context = every(seconds, job, name="the job")(None)
        await anext(context)
        with pytest.raises(StopAsyncIteration):
            await anext(context)
        assert job.runs == 0
    assert pauses == [1, 10]


async def test_a_failure_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    job = Job()
    job.error = RuntimeError("not today")
    with caplog.at_level(logging.ERROR):
        async with repeated(job, 0.001):
            await job.runs_are(3)
    assert "the job failed; next run in 0.001 s" in caplog.text
    assert "not today" in caplog.text


OUTAGES = [
    (Unavailable(), "the job: a dependency does not answer"),
    (OSError(errno.EMFILE, "Too many open files"), "the job: Too many open files"),
    (OSError(errno.ENOSPC, "No space left on device"), "the job: No space left on device"),
]


@pytest.mark.parametrize(("error", "words"), OUTAGES)
async def test_an_outage_is_logged_without_a_stack_trace(
    error: Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job()
    job.error = error
    with caplog.at_level(logging.WARNING):
        async with repeated(job, 0.001):
            await job.runs_are(3)
    assert words in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("error", "_words"), OUTAGES)
async def test_after_an_outage_a_rare_job_does_not_wait_for_its_whole_pause(
    error: Exception, _words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_AFTER_OUTAGE", 0.001)
    job = Job()
    job.error = error
    async with asyncio.timeout(10), repeated(job, 3600):
        await job.runs_are(3)


async def test_shutdown_waits_for_the_run_in_progress_but_not_for_the_pause() -> None:
    job = Job()
    job.pause = 0.1
    async with asyncio.timeout(10):
        async with repeated(job, 3600):
            await job.runs_are(1)
    assert (job.runs, job.finished) == (1, 1)


async def test_waiting_for_an_event_never_swallows_a_cancellation() -> None:
    for turns in range(5):
        event = asyncio.Event()

        async def listen(event: asyncio.Event = event) -> None:
            while True:
                await wait_for_event(event, 60)
                event.clear()

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.001)
        event.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()


async def test_waiting_for_an_event_ends_at_the_timeout() -> None:
    event = asyncio.Event()
    assert not await wait_for_event(event, 0.01)
    event.set()
    assert await wait_for_event(event, 0)


async def test_a_task_that_swallows_one_cancellation_is_cancelled_again() -> None:
    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def broken() -> None:
        raise RuntimeError

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(broken())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await cancel_and_wait(*tasks)
    assert tasks[0].cancelled()
    assert isinstance(tasks[1].exception(), RuntimeError)


async def test_a_job_done_in_batches_is_repeated_at_once_until_nothing_is_left() -> None:
    left, done = [1000, 1000, 500], asyncio.Event()

    async def purge() -> int:
        deleted = left.pop(0)
        if not left:
            done.set()
        return deleted

    context = every(3600, purge, name="purge", batch=1000, first=0)(None)
    await anext(context)
    async with asyncio.timeout(10):
        await done.wait()
    with pytest.raises(StopAsyncIteration):
        await anext(context)
    assert left == []
