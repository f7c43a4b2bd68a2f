"""Keeps the texts of this process those of the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from mystar.errors import Unavailable
from mystar.kit.background import cancel_and_wait, wait_for_event
from mystar.kit.realtime.pubsub import Bus
from mystar.texts.service import TextService

log = logging.getLogger(__name__)

#: Seconds between two looks, for processes whose note from another one was lost.
_RELOAD_SECONDS = 15.0
TOPIC = "texts"


def reloading(texts: TextService, bus: Bus) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context: loads at start, when another process has changed a text, and once in a while."""
    changed = asyncio.Event()
    bus.subscribe(TOPIC, lambda _: changed.set())
    bus.on_gap(changed.set)

    async def load() -> None:
        try:
            await texts.load()
        except Unavailable:
            # The cause is logged already.
            log.warning("the texts of mails cannot be loaded, those from before hold")
        except Exception:
            log.warning("the texts of mails cannot be loaded, those from before hold", exc_info=True)

    async def repeat() -> None:
        while True:
            await wait_for_event(changed, _RELOAD_SECONDS)
            changed.clear()
            await load()

    async def context(_: object) -> AsyncIterator[None]:
        await load()
        task = asyncio.create_task(repeat(), name="mail texts")
        yield
        await cancel_and_wait(task)

    return context
