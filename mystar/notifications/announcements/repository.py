"""The rows of announcements."""

from __future__ import annotations

import json
from datetime import datetime

from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.notifications.announcements.model import (
    Announcement,
    AnnouncementDraft,
    AnnouncementReader,
    AnnouncementSent,
    AnnouncementUnknown,
    Audience,
)

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(exports={}, erasures=(QUERIES.forget_announcement_author,))
CONSTRAINTS = {"announcements_key": AnnouncementSent}


class AnnouncementRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, draft: AnnouncementDraft, author_id: int, now: datetime) -> int:
        """:raises AnnouncementSent: of this key."""
        return int(
            await self._tx.value(
                QUERIES.add_announcement,
                key=draft.key,
                audience=str(draft.audience),
                texts=json.dumps(draft.texts, ensure_ascii=False),
                by_mail=draft.by_mail,
                author_id=author_id,
                now=now,
            )
        )

    async def find(self, announcement_id: int) -> Announcement:
        """:raises AnnouncementUnknown:"""
        row = await self._tx.one_or_none(QUERIES.announcement, id=announcement_id)
        if row is None:
            raise AnnouncementUnknown
        return _announcement(row)

    async def latest(self) -> list[Announcement]:
        """Newest first, fifty at most."""
        return [_announcement(row) for row in await self._tx.all(QUERIES.announcements)]

    async def claim(self) -> Announcement | None:
        """The oldest that is being sent, locked; None: there is none, or another process has it."""
        row = await self._tx.one_or_none(QUERIES.claim_announcement)
        return _announcement(row) if row else None

    async def audience(self, audience: Audience, after: int, until: datetime, limit: int) -> list[AnnouncementReader]:
        """The next people by id, of those who had registered by then."""
        rows = await self._tx.all(QUERIES.audience, audience=str(audience), after=after, until=until, limit=limit)
        return [AnnouncementReader(**row) for row in rows]

    async def count(self, audience: Audience) -> tuple[int, int]:
        """How many people, and how many of them are mailed."""
        row = await self._tx.one(QUERIES.count_audience, audience=str(audience))
        return int(row["people"]), int(row["mails"])

    async def advance(
        self, announcement_id: int, last_id: int, notified: int, mailed: int, now: datetime, *, is_done: bool
    ) -> None:
        await self._tx.execute(
            QUERIES.advance_announcement,
            id=announcement_id,
            last_id=last_id,
            notified=notified,
            mailed=mailed,
            now=now,
            is_done=is_done,
        )

    async def stop(self, announcement_id: int, now: datetime) -> bool:
        """Whether it was being sent."""
        return await self._tx.one_or_none(QUERIES.stop_announcement, id=announcement_id, now=now) is not None


def _announcement(row: Row) -> Announcement:
    return Announcement(**{**row, "audience": Audience(row["audience"])})
