"""The task that puts new notifications into the outbox for browsers, at once and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from mystar.kit.background import cancel_and_wait, every, wait_for_event
from mystar.notifications.push.service import PushService

#: Seconds after which what a killed process left is found.
_SECONDS = 20.0
#: Seconds that news of one moment are gathered for.
_GATHER = 0.05


def tasks(push: PushService) -> tuple[Callable[[object], AsyncIterator[None]], ...]:
    """Cleanup contexts for the application."""

    async def following(_app: object) -> AsyncIterator[None]:
        task = asyncio.create_task(_follow(push), name="push news")
        yield
        await cancel_and_wait(task)

    return every(_SECONDS, push.queue_due, name="push messages"), following


async def _follow(push: PushService) -> None:
    while True:
        if await wait_for_event(push.news, _SECONDS):
            await asyncio.sleep(_GATHER)
            await push.queue_due()
