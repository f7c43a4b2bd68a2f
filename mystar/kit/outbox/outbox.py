"""The transactional outbox: rows written in the transaction of their cause, sent by tasks of the event loop.

A row is claimed with a lease, in a statement of its own, and sent while no transaction is open. If the process dies
while it sends, the lease runs out and the row is sent again with the same idempotency key: delivery is at least once,
and the receiver or the handler makes it exactly once by that key.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from mystar.errors import Unavailable
from mystar.kit.background import wait_for_event
from mystar.kit.clock import Clock, ClockSteps
from mystar.kit.health import Fact
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.outbox.repository import PERSONAL_DATA, OutboxRepository
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.postgres.personal_data import PersonalData
from mystar.kit.tracing import caused_by

log = logging.getLogger(__name__)

#: Default lease in seconds: how long after a crash a claimed row is sent again.
LEASE = 45.0
#: Seconds between looks for rows that this process has not put there just now.
_POLL_SECONDS = 1.0
_MIN_PAUSE, _MAX_PAUSE = 1.0, 900.0


Handler = Callable[[OutboxMessage], Awaitable[None]]


class Outbox:
    """The table, and one sending task per topic."""

    def __init__(self, db: Database, clock: Clock, *, lease: float = LEASE) -> None:
        self._rows, self._clock, self._lease = OutboxRepository(db), clock, lease
        #: Mails to a person, and those that name one.
        self.personal_data = PersonalData(db, PERSONAL_DATA)
        self._handlers: dict[str, tuple[Handler, int]] = {}
        self._max_pause: dict[str, float] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._finished: dict[int, asyncio.Event] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def handle(self, topic: str, handler: Handler, *, concurrency: int = 1, max_pause: float = _MAX_PAUSE) -> None:
        """Register the handler of a topic. Concurrency 1 keeps the order of rows while no attempt fails.

        :param max_pause: seconds between the attempts for a row that keeps failing.
        """
        self._handlers[topic] = (handler, concurrency)
        self._max_pause[topic] = max_pause
        self._wake[topic] = asyncio.Event()

    async def put(
        self,
        tx: Tx,
        topic: str,
        payload: dict[str, Any],
        *,
        name: str | None = None,
        after: datetime | None = None,
        lane: str | None = None,
    ) -> int:
        """Write a row in the caller's transaction and wake the sender when it commits.

        :param name: unique in its topic: a second row of the same name is the first one.
        :param after: not sent before this moment.
        :param lane: rows of one lane are sent in their order, also after an outage; one that failed ten times no longer
            holds up the others.
        :returns: the row's id, for ``wait``.
        """
        message_id = await OutboxRepository(tx).insert(topic, name, payload, after, lane)
        self._wake_after_commit(tx, topic)
        return message_id

    async def enqueue(
        self, tx: Tx, topic: str, payload: dict[str, Any], *, name: str | None = None, lane: str | None = None
    ) -> None:
        """Like ``put``, without waiting for the row's id: see `Queryable.enqueue`."""
        await OutboxRepository(tx).enqueue(topic, name, payload, lane)
        self._wake_after_commit(tx, topic)

    def _wake_after_commit(self, tx: Tx, topic: str) -> None:
        async def wake() -> None:
            if topic in self._wake:
                self._wake[topic].set()

        tx.after_commit(wake)

    async def wait(self, message_id: int, timeout: float) -> bool:
        """Whether the row was sent (or given up) within ``timeout`` seconds, by this process or another."""
        done = self._finished.setdefault(message_id, asyncio.Event())
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            while not await self._rows.is_done(message_id):
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
        self._loops.append(asyncio.create_task(self._look(), name="outbox"))

    async def stop(self) -> None:
        """Claim no more rows and finish those that are being sent."""
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
        return await self._rows.count_waiting()

    async def ages(self) -> list[Fact]:
        """The age of the oldest row of each topic that has one to send, in seconds."""
        return [Fact("outbox_old", row["topic"], row["oldest_seconds"]) for row in await self.waiting()]

    async def purge(self, keep: timedelta) -> int:
        """Delete up to a thousand rows that were sent longer ago than ``keep``; how many."""
        return await self._rows.purge(self._clock.now() - keep)

    async def _look(self) -> None:
        """Wake the senders of the topics that have rows to send: one question for all of them, also at the start.

        Rows of before the clock was set back are due now, also if it was set while no process ran.
        """
        steps, was_set_back = ClockSteps(self._clock), await self._is_behind()
        while not self._stopping.is_set():
            if was_set_back or steps.set_back():
                was_set_back = not await self._restart()
            for topic in await self._due_topics():
                self._wake[topic].set()
            await wait_for_event(self._stopping, _POLL_SECONDS)

    async def _due_topics(self) -> list[str]:
        try:
            return await self._rows.due_topics(list(self._handlers), self._clock.now())
        except Unavailable:
            # The cause is logged already.
            log.warning("cannot look for messages; retrying")
        except Exception:
            log.exception("cannot look for messages")
        return []

    async def _run(self, topic: str, handler: Handler, concurrency: int) -> None:
        wake = self._wake[topic]
        sending: set[asyncio.Task[None]] = set()
        await wake.wait()
        while not self._stopping.is_set():
            wake.clear()
            messages = await self._claim(topic, concurrency - len(sending))
            for message in messages:
                sending.add(asyncio.create_task(self._send(handler, message), name=f"outbox {topic} {message.id}"))
            if len(sending) == concurrency:
                _, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            elif not messages:
                await wake.wait()
                sending = {task for task in sending if not task.done()}
        if sending:
            await asyncio.wait(sending)

    async def _is_behind(self) -> bool:
        try:
            newest = await self._rows.newest()
        except Unavailable:
            return False
        except Exception:
            log.exception("cannot look for the newest message")
            return False
        return newest is not None and newest > self._clock.now() + timedelta(seconds=self._lease)

    async def _restart(self) -> bool:
        try:
            count = await self._rows.restart(self._clock.now(), self._lease)
        except Unavailable:
            return False
        except Exception:
            log.exception("cannot restart messages after the clock was set back")
            return True
        log.warning("the clock was set back: %s messages that waited are due now", count)
        return True

    async def _claim(self, topic: str, places: int) -> list[OutboxMessage]:
        try:
            return await self._rows.claim(topic, self._clock.now(), self._lease, places)
        except Unavailable:
            # The cause is logged already. Rows claimed by a statement whose answer was lost return with their lease.
            log.warning("cannot claim messages of %s; retrying", topic)
        except Exception:
            log.exception("cannot claim messages of %s", topic)
        await asyncio.sleep(_POLL_SECONDS)
        return []

    async def _send(self, handler: Handler, message: OutboxMessage) -> None:
        try:
            await self._attempt(handler, message)
        except Unavailable:
            log.warning("cannot record the outcome of outbox message %s; it will be sent again", message.id)
        except Exception:
            # It will be sent again when its lease has run out.
            log.exception("cannot record the outcome of outbox message %s", message.id)
        finally:
            if message.id in self._finished:
                self._finished[message.id].set()

    async def _attempt(self, handler: Handler, message: OutboxMessage) -> None:
        try:
            # The rest of the lease is for recording the outcome.
            async with asyncio.timeout(self._lease * 0.85):
                with caused_by(message.cause, f"outbox {message.topic}", mystar__outbox_id=message.id):
                    await handler(message)
        except GiveUp as refusal:
            log.error("outbox %s %s was refused for good: %s", message.topic, message.id, refusal)
            await self._rows.give_up(message.id, str(refusal))
        except Postpone as refusal:
            await self._postpone(message, refusal.seconds, str(refusal), counts=False)
        except Exception as error:
            pause = back_off(message.attempts, self._max_pause[message.topic])
            log.warning("outbox %s %s failed, next attempt in %.0f s: %r", message.topic, message.id, pause, error)
            await self._postpone(message, pause, repr(error))
        else:
            await self._rows.finish(message.id)

    async def _postpone(self, message: OutboxMessage, seconds: float, reason: str, *, counts: bool = True) -> None:
        """:param counts: whether it was an attempt; if not, later pauses do not grow."""
        moment, attempts = self._clock.now() + timedelta(seconds=seconds), message.attempts - (not counts)
        await self._rows.postpone(message.id, attempts=attempts, next_attempt_at=moment, reason=reason)


def back_off(attempts: int, max_pause: float = _MAX_PAUSE) -> float:
    """Seconds before the next attempt: doubles from one second to ``max_pause``, with 20 % jitter."""
    pause = min(max_pause, _MIN_PAUSE * 2.0 ** min(attempts - 1, 12))
    return pause * random.uniform(0.8, 1.0)
