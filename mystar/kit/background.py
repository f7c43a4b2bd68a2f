"""Jobs that repeat in the event loop, from start to stop of the application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from mystar.errors import Unavailable

log = logging.getLogger(__name__)

#: Seconds between two runs of a job that is done in batches.
_BETWEEN_BATCHES = 0.05
#: Seconds after which a task that goes on is cancelled again.
_CANCEL_AGAIN = 1.0


def every(
    seconds: float, job: Callable[[], Awaitable[object]], *, name: str, batch: int | None = None
) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context of an aiohttp application that repeats ``job`` with pauses of ``seconds``.

    A run that fails is logged and repeated after the pause; runs never overlap. On shutdown a run in progress is
    finished, not cancelled, so a long job must be divided into short runs.

    :param batch: a run whose result is this number or more left something undone and is repeated at once.
    """

    async def context(_app: object) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        task = asyncio.create_task(_repeat(seconds, job, name, stopping, batch), name=name)
        yield
        stopping.set()
        await task

    return context


async def _repeat(
    seconds: float,
    job: Callable[[], Awaitable[object]],
    name: str,
    stopping: asyncio.Event,
    batch: int | None,
) -> None:
    while not stopping.is_set():
        pause = seconds
        try:
            done = await job()
            if batch is not None and isinstance(done, int) and done >= batch:
                pause = _BETWEEN_BATCHES
        except Unavailable:
            # The cause is logged already; a stack trace every few seconds would hide everything else.
            log.warning("%s needs something that does not answer; next run in %s s", name, seconds)
        except Exception:
            log.exception("%s failed; next run in %s s", name, seconds)
        await wait_for_event(stopping, pause)


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
