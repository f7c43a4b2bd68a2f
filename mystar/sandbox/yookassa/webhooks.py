"""YooKassa's notifications: every fact is posted to the shop until it answers 2xx, or patience ends.

How each one ended is kept in a journal of its own, so those that a kill interrupted are sent after the next start. The
faults lose, double, delay and disorder them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

from mystar.sandbox.faults import Faults
from mystar.sandbox.journal import Journal
from mystar.sandbox.yookassa.payments import Fact

# 0.2 s, doubled up to 15 s: about a minute of patience. The real provider tries for a day.
FIRST_PAUSE, LONGEST_PAUSE, ATTEMPTS = 0.2, 15.0, 10
ANSWER_WITHIN = aiohttp.ClientTimeout(total=10)
AT_ONCE = 32

log = logging.getLogger(__name__)


class Webhooks:
    """`url` may be changed at any time and holds for the next attempt of every notification; None drops them."""

    def __init__(
        self, journal: Journal, faults: Faults, render: Callable[[Fact], dict[str, Any]], url: str | None
    ) -> None:
        self._journal, self._faults, self._render = journal, faults, render
        self.url = url
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def start(self, past: list[Fact]) -> None:
        """Begin sending; of the `past` facts, those whose end is not known."""
        self._session = aiohttp.ClientSession(timeout=ANSWER_WITHIN, cookie_jar=aiohttp.DummyCookieJar())
        ended = {line["number"] for line in self._journal}
        for fact in past:
            if fact.number not in ended:
                self.tell(fact)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def tell(self, fact: Fact) -> None:
        """Queue the notification. Its body is made now: it shows the payment as it was at this moment."""
        if self.url is None:
            self._ended(fact, "skipped")
        elif self._faults.strikes("webhook_lost"):
            self._ended(fact, "lost")
        else:
            body = {"type": "notification", "event": fact.event, "object": self._render(fact)}
            for _ in range(1 + self._faults["webhook_duplicates"]):
                shuffle = self._faults.seconds("webhook_shuffle_seconds", 0, self._faults["webhook_shuffle_seconds"])
                self._spawn(fact, body, shuffle)

    def _spawn(self, fact: Fact, body: dict[str, Any], pause: float) -> None:
        task = asyncio.create_task(self._deliver(fact, orjson.dumps(body), pause), name=f"webhook {fact.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, fact: Fact, body: bytes, pause: float) -> None:
        await asyncio.sleep(pause)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
            async with self._places:
                accepted = await self._post(body)
            if accepted:
                return self._ended(fact, "delivered", attempt + 1)
        return self._ended(fact, "failed", ATTEMPTS)

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

    def _ended(self, fact: Fact, end: str, attempts: int = 0) -> None:
        self._journal.append(
            {"number": fact.number, "event": fact.event, "id": fact.subject.id, "end": end, "attempts": attempts}
        )
