"""Announcing to people of a kind."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.errors import Forbidden
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.site import Site
from mystar.notifications.announcements.model import (
    Announcement,
    AnnouncementDraft,
    AnnouncementMade,
    AnnouncementReader,
    AnnouncementSent,
    Audience,
    require_complete,
)
from mystar.notifications.announcements.repository import AnnouncementRepository
from mystar.notifications.kinds import Kind
from mystar.notifications.model import NotificationDraft, Subject
from mystar.notifications.service import NotificationService

#: People of one transaction.
_BATCH = 100


class AnnouncementService:
    """Everybody of the audience gets a notification; those who want mails and have confirmed their address a mail."""

    def __init__(
        self, db: Database, clock: Clock, notifications: NotificationService, mailer: Mailer, site: Site
    ) -> None:
        self._db, self._clock, self._notifications = db, clock, notifications
        self._mailer, self._site = mailer, site

    async def latest(self, actor: Actor) -> list[Announcement]:
        """Newest first. :raises Forbidden: not staff."""
        actor.require_staff()
        return await AnnouncementRepository(self._db).latest()

    async def count(self, actor: Actor, audience: Audience) -> tuple[int, int]:
        """How many people would be notified, and how many mailed. :raises Forbidden: not staff."""
        actor.require_staff()
        return await AnnouncementRepository(self._db).count(audience)

    async def send(self, actor: Actor, draft: AnnouncementDraft) -> int:
        """Begin to send; the id. :raises Forbidden: not an owner. :raises Invalid: :raises AnnouncementSent:"""
        if actor.role != "owner":
            raise Forbidden
        require_complete(draft)
        async with self._db.transaction() as tx:
            announcements = AnnouncementRepository(tx)
            made = await announcements.add(draft, actor.id, self._clock.now())
            await tx.publish(AnnouncementMade(await announcements.find(made)))
        return made

    async def stop(self, actor: Actor, announcement_id: int) -> None:
        """Tell no more people. :raises Forbidden: not an owner. :raises AnnouncementSent: everybody has it."""
        if actor.role != "owner":
            raise Forbidden
        async with self._db.transaction() as tx:
            announcements = AnnouncementRepository(tx)
            await announcements.find(announcement_id)
            if not await announcements.stop(announcement_id, self._clock.now()):
                raise AnnouncementSent
            await tx.publish(AnnouncementMade(await announcements.find(announcement_id)))

    async def send_next(self) -> int:
        """Tell the next people of the oldest announcement, in one transaction. Returns how many; 0 = all have it.

        A process that is killed leaves all of them told, or none. Several may run it: one has the announcement.
        """
        async with self._db.transaction() as tx:
            announcements = AnnouncementRepository(tx)
            one = await announcements.claim()
            if one is None:
                return 0
            people = await announcements.audience(one.audience, one.last_account_id, one.created_at, _BATCH)
            await self._notifications.notify(tx, *(self._draft(one, reader) for reader in people))
            mailed = [reader for reader in people if one.by_mail and reader.is_mailed]
            for reader in mailed:
                await self._mail(tx, one, reader)
            last_id = people[-1].id if people else one.last_account_id
            is_done = len(people) < _BATCH
            await announcements.advance(one.id, last_id, len(people), len(mailed), self._clock.now(), is_done=is_done)
        return len(people) or int(is_done)

    @staticmethod
    def _draft(one: Announcement, reader: AnnouncementReader) -> NotificationDraft:
        data = {
            "announcement_id": one.id,
            **{f"{part}_{language}": text for language, parts in one.texts.items() for part, text in parts.items()},
        }
        # Those who want no mail are told of it in no digest either.
        return NotificationDraft(reader.id, Kind.ANNOUNCEMENT, Subject.ACCOUNT, reader.id, data, is_mailed=True)

    async def _mail(self, tx: Tx, one: Announcement, reader: AnnouncementReader) -> None:
        text = one.texts[reader.language if reader.language in one.texts else "ru"]
        await self._mailer.queue(
            tx,
            "announcement",
            reader.email or "",
            reader.language,
            dialect=reader.channel,
            once_as=f"announcement:{one.id}:{reader.id}",
            unsubscribe=await self._notifications.unsubscribe_link(reader.id, tx),
            username=reader.username,
            subject=text["subject"],
            text=text["text"],
            link=self._site.link(reader.channel, "home"),
        )
