"""Rows of the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.tracing import cause

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    erasures=(
        QUERIES.erase_mails_to,
        QUERIES.erase_link_requests,
        QUERIES.erase_sent_mails_about,
        QUERIES.erase_mails_about,
        QUERIES.erase_pushes_about,
    ),
)


class OutboxRepository:
    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def insert(
        self, topic: str, name: str | None, payload: dict[str, Any], after: datetime | None, lane: str | None
    ) -> int:
        """The row's id; that of the earlier row if the topic has one of this name."""
        message_id: int = await self._tx.value(
            QUERIES.insert_message, topic=topic, name=name, payload=payload, after=after, lane=lane, cause=cause()
        )
        return message_id

    async def enqueue(self, topic: str, name: str | None, payload: dict[str, Any], lane: str | None) -> None:
        await self._tx.enqueue(
            QUERIES.insert_message, topic=topic, name=name, payload=payload, after=None, lane=lane, cause=cause()
        )

    async def due_topics(self, topics: list[str], now: datetime) -> list[str]:
        """Those of the topics that have a row to send."""
        rows = await self._tx.all(QUERIES.due_topics, topics=topics, now=now)
        return [row["topic"] for row in rows]

    async def claim(self, topic: str, now: datetime, lease: float, batch: int) -> list[OutboxMessage]:
        """Up to ``batch`` due rows, oldest first, claimed for ``lease`` seconds."""
        rows = await self._tx.all(QUERIES.claim_messages, topic=topic, now=now, lease=lease, batch=batch)
        return sorted((OutboxMessage(**row) for row in rows), key=lambda message: message.id)

    async def newest(self) -> datetime | None:
        """When the newest row was written; None without any."""
        row = await self._tx.one_or_none(QUERIES.newest_message)
        return row["created_at"] if row else None

    async def restart(self, now: datetime, lease: float) -> int:
        """Make every waiting row due, but those that were given a start; how many."""
        return await self._tx.execute(QUERIES.restart_messages, now=now, lease=lease)

    async def finish(self, message_id: int) -> None:
        await self._tx.execute(QUERIES.finish_message, id=message_id)

    async def postpone(self, message_id: int, *, attempts: int, next_attempt_at: datetime, reason: str) -> None:
        await self._tx.execute(
            QUERIES.postpone_message, id=message_id, attempts=attempts, next=next_attempt_at, reason=reason[:1000]
        )

    async def give_up(self, message_id: int, reason: str) -> None:
        await self._tx.execute(QUERIES.give_up_message, id=message_id, reason=reason[:1000])

    async def is_done(self, message_id: int) -> bool:
        """Whether it was sent or given up."""
        return bool(await self._tx.value(QUERIES.is_message_done, id=message_id))

    async def exists(self, message_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.message_exists, id=message_id))

    async def count_waiting(self) -> list[Row]:
        """By topic: ``waiting``, ``failed``, ``oldest_seconds``."""
        return await self._tx.all(QUERIES.count_waiting_messages)

    async def purge(self, before: datetime) -> int:
        """Delete up to a thousand rows that were sent before this moment; how many."""
        return await self._tx.execute(QUERIES.purge_messages, before=before)

    async def retry(self, message_id: int) -> bool:
        """Make a failed or waiting row due now; false if there is none."""
        return bool(await self._tx.execute(QUERIES.retry_message, id=message_id))

    async def repeat_mail(self, message_id: int) -> int | None:
        """The id of a copy of a mail that was sent; None if there is no such mail."""
        repeated: int | None = await self._tx.value(QUERIES.repeat_mail, id=message_id)
        return repeated
