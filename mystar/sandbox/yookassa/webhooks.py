"""Notifications: every journal event is posted to the merchant until it answers 2xx or the attempts are used up.

How each one ended is kept in a journal of its own, so those that a kill interrupted are sent after the next start. The
faults lose, duplicate, delay and reorder them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

from mystar.sandbox.faults import Faults
from mystar.sandbox.journal import Journal
from mystar.sandbox.yookassa.records import JournalEvent

# Seconds: 0.2, doubled up to 15, about a minute in all. The real provider tries for a day.
FIRST_DELAY, MAX_DELAY, ATTEMPTS = 0.2, 15.0, 10
RESPONSE_TIMEOUT = aiohttp.ClientTimeout(total=10)
CONCURRENCY = 32

log = logging.getLogger(__name__)


class Webhooks:
    """`url` may be changed at any time and holds for the next attempt of every notification; None drops them."""

    def __init__(
        self, journal: Journal, faults: Faults, render: Callable[[JournalEvent], dict[str, Any]], url: str | None
    ) -> None:
        self._journal, self._faults, self._render = journal, faults, render
        self.url = url
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._session: aiohttp.ClientSession | None = None

    async def start(self, past: list[JournalEvent]) -> None:
        """Begin sending; of the `past` events, those whose end is not known."""
        self._session = aiohttp.ClientSession(timeout=RESPONSE_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        ended = {line["number"] for line in self._journal}
        for event in past:
            if event.number not in ended:
                self.notify(event)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def notify(self, event: JournalEvent) -> None:
        """Queue the notification. Its body is made now: it shows the object as it is at this moment."""
        if self.url is None:
            self._record(event, "skipped")
        elif self._faults.strikes("webhook_lost"):
            self._record(event, "lost")
        else:
            body = {"type": "notification", "event": event.event, "object": self._render(event)}
            for _ in range(1 + self._faults["webhook_duplicates"]):
                delay = self._faults.seconds("webhook_shuffle_seconds", 0, self._faults["webhook_shuffle_seconds"])
                self._spawn(event, body, delay)

    def _spawn(self, event: JournalEvent, body: dict[str, Any], delay: float) -> None:
        task = asyncio.create_task(self._deliver(event, orjson.dumps(body), delay), name=f"webhook {event.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, event: JournalEvent, body: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(FIRST_DELAY * 2 ** (attempt - 1), MAX_DELAY))
            async with self._slots:
                accepted = await self._post(body)
            if accepted:
                return self._record(event, "delivered", attempt + 1)
        return self._record(event, "failed", ATTEMPTS)

    async def _post(self, body: bytes) -> bool:
        if self.url is None or self._faults["down"] or self._session is None:
            return False
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.debug("webhook to %s: %r", self.url, error)
            return False

    def _record(self, event: JournalEvent, end: str, attempts: int = 0) -> None:
        self._journal.append(
            {"number": event.number, "event": event.event, "id": event.subject.id, "end": end, "attempts": attempts}
        )
