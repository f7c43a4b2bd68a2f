"""Jobs that repeat in the event loop, from start to stop of the application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from mystar.errors import Unavailable

log = logging.getLogger(__name__)


def every(
    seconds: float, job: Callable[[], Awaitable[object]], *, name: str
) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context of an aiohttp application that repeats ``job`` with pauses of ``seconds``.

    A run that fails is logged and tried again; runs never overlap. On shutdown a run in progress is finished,
    not cut: a job that takes long must be made of short steps.
    """

    async def context(_app: object) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        task = asyncio.create_task(_repeat(seconds, job, name, stopping), name=name)
        yield
        stopping.set()
        await task

    return context


async def _repeat(seconds: float, job: Callable[[], Awaitable[object]], name: str, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            await job()
        except Unavailable:
            # The cause has been said where it was met; its stack every few seconds would hide everything else.
            log.warning("%s has to wait, something it needs is away; next try in %s s", name, seconds)
        except Exception:
            log.exception("%s failed; next try in %s s", name, seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), seconds)
