"""What must reach the outside world: rows written with their cause, sent by tasks of the event loop.

A row is claimed with a lease, in a statement of its own, and sent while no transaction is open. Whoever dies while
sending loses the lease, and the row is sent again with the same idempotency key: delivery is at least once, and the
other side, or the handler, makes it once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mystar.errors import Unavailable
from mystar.kit.background import wait_for_event
from mystar.kit.clock import Clock
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Database, Tx

log = logging.getLogger(__name__)
QUERIES = queries.load(__package__)

#: Seconds; after a power cut or a kill the row is taken up again this late, unless the outbox was told otherwise.
LEASE = 45.0
#: Seconds between looks at the table when nobody in this process has put anything there.
_LOOK = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 900.0


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One row on its way. ``idempotency_key`` is the same in every attempt; ``attempts`` counts from 1."""

    id: int
    topic: str
    name: str | None
    idempotency_key: uuid.UUID
    payload: dict[str, Any]
    attempts: int


class Postpone(Exception):
    """Not now: try again in ``seconds``. It does not count as an attempt."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class GiveUp(Exception):
    """Never: the other side refused for good. The row stays, marked as failed, for the operator."""


Handler = Callable[[OutboxMessage], Awaitable[None]]


class Outbox:
    """The table and the tasks that empty it; one task loop per topic."""

    def __init__(self, db: Database, clock: Clock, *, lease: float = LEASE) -> None:
        self._db, self._clock, self._lease = db, clock, lease
        self._handlers: dict[str, tuple[Handler, int]] = {}
        self._longest_pause: dict[str, float] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._finished: dict[int, asyncio.Event] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def handle(
        self, topic: str, handler: Handler, *, concurrency: int = 1, longest_pause: float = _LONGEST_PAUSE
    ) -> None:
        """Who sends the rows of a topic, and how many at once. Concurrency 1 keeps their order while all goes well.

        :param longest_pause: seconds between the attempts for a row that keeps failing.
        """
        self._handlers[topic] = (handler, concurrency)
        self._longest_pause[topic] = longest_pause
        self._wake[topic] = asyncio.Event()

    async def put(
        self, tx: Tx, topic: str, payload: dict[str, Any], *, name: str | None = None, after: datetime | None = None
    ) -> int:
        """Write a row in the caller's transaction and wake the sender when it commits.

        :param name: of the deed; the same name in the same topic is the same row.
        :param after: not to be sent before this moment.
        :returns: the row's id, for ``wait``.
        """
        message_id: int = await tx.value(QUERIES.put_letter, topic=topic, name=name, payload=payload, after=after)

        async def wake() -> None:
            if topic in self._wake:
                self._wake[topic].set()

        tx.after_commit(wake)
        return message_id

    async def wait(self, message_id: int, timeout: float) -> bool:
        """Whether the row was sent (or given up) within ``timeout`` seconds, by this process or another."""
        done = self._finished.setdefault(message_id, asyncio.Event())
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            while not await self._db.value(QUERIES.is_letter_done, id=message_id):
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return False
                await wait_for_event(done, min(left, 0.25))
                done.clear()
            return True
        finally:
            self._finished.pop(message_id, None)

    def start(self) -> None:
        self._stopping.clear()
        for topic, (handler, concurrency) in self._handlers.items():
            self._loops.append(asyncio.create_task(self._run(topic, handler, concurrency), name=f"outbox {topic}"))

    async def stop(self) -> None:
        """Finish the rows that are on their way; claim no more."""
        self._stopping.set()
        for event in self._wake.values():
            event.set()
        await asyncio.gather(*self._loops)
        self._loops.clear()

    async def working(self, _app: object) -> AsyncIterator[None]:
        """A cleanup context of an aiohttp application."""
        self.start()
        yield
        await self.stop()

    async def waiting(self) -> list[dict[str, Any]]:
        """Rows not yet sent, by topic: ``waiting``, ``failed``, ``oldest_seconds``."""
        return await self._db.all(QUERIES.count_waiting_letters)

    async def purge(self, keep: timedelta) -> int:
        """Forget up to a thousand rows that were sent longer ago than ``keep``; answer how many."""
        return await self._db.execute(QUERIES.purge_letters, before=self._clock.now() - keep)

    async def _run(self, topic: str, handler: Handler, concurrency: int) -> None:
        wake = self._wake[topic]
        sending: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            wake.clear()
            letters = await self._claim(topic, concurrency - len(sending))
            for letter in letters:
                sending.add(asyncio.create_task(self._send(handler, letter), name=f"outbox {topic} {letter.id}"))
            if len(sending) == concurrency:
                _, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            elif not letters:
                await wait_for_event(wake, _LOOK)
                sending = {task for task in sending if not task.done()}
        if sending:
            await asyncio.wait(sending)

    async def _claim(self, topic: str, places: int) -> list[OutboxMessage]:
        try:
            rows = await self._db.all(
                QUERIES.claim_letters, topic=topic, now=self._clock.now(), lease=self._lease, batch=places
            )
        except Unavailable:
            # Said where it was met. What was claimed without our hearing of it comes back when its lease is over.
            log.warning("cannot look for letters of %s now", topic)
        except Exception:
            log.exception("cannot look for letters of %s", topic)
        else:
            return sorted((OutboxMessage(**row) for row in rows), key=lambda letter: letter.id)
        await asyncio.sleep(_LOOK)
        return []

    async def _send(self, handler: Handler, letter: OutboxMessage) -> None:
        try:
            await self._attempt(handler, letter)
        except Unavailable:
            log.warning("the outcome of letter %s could not be recorded now; it will be sent again", letter.id)
        except Exception:
            # The lease brings it back; what failed is our own table, so there is nobody else to tell.
            log.exception("the outcome of letter %s could not be recorded", letter.id)
        finally:
            if letter.id in self._finished:
                self._finished[letter.id].set()

    async def _attempt(self, handler: Handler, letter: OutboxMessage) -> None:
        try:
            # The rest of the lease is for writing down how it ended.
            async with asyncio.timeout(self._lease * 0.85):
                await handler(letter)
        except GiveUp as refusal:
            log.error("%s letter %s was refused for good: %s", letter.topic, letter.id, refusal)
            await self._db.execute(QUERIES.give_up_letter, id=letter.id, reason=str(refusal)[:1000])
        except Postpone as refusal:
            await self._postpone(letter, refusal.seconds, str(refusal), counts=False)
        except Exception as error:
            pause = back_off(letter.attempts, self._longest_pause[letter.topic])
            log.warning("%s letter %s failed, next try in %.0f s: %r", letter.topic, letter.id, pause, error)
            await self._postpone(letter, pause, repr(error))
        else:
            await self._db.execute(QUERIES.finish_letter, id=letter.id)

    async def _postpone(self, letter: OutboxMessage, seconds: float, reason: str, *, counts: bool = True) -> None:
        """:param counts: whether it was an attempt; what was put off without one makes later pauses no longer."""
        moment, attempts = self._clock.now() + timedelta(seconds=seconds), letter.attempts - (not counts)
        await self._db.execute(
            QUERIES.postpone_letter, id=letter.id, attempts=attempts, next=moment, reason=reason[:1000]
        )


def back_off(attempts: int, longest: float = _LONGEST_PAUSE) -> float:
    """Seconds before the next attempt: doubling from one second to the longest, a fifth of it by chance."""
    pause = min(longest, _FIRST_PAUSE * 2.0 ** min(attempts - 1, 12))
    return pause * random.uniform(0.8, 1.0)
