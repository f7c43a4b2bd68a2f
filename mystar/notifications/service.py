"""What people are told: written with its cause, listed, marked, replayed to sockets, and forgotten when old."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from mystar.accounts.model import Actor
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.pagination import Page, PageRequest
from mystar.notifications.model import News, Notification, Notified, UnsubscribeLinkRefused
from mystar.notifications.repository import NotificationRepository

_UNSUBSCRIBE = "unsubscribe"


class NotificationService:
    """The verbs.

    :param digest: how long something may stay unseen before a mail tells of it.
    :param keep: how long a notification is kept after it was read.
    """

    def __init__(
        self, db: Database, signer: Signer, clock: Clock, *, public_url: str, digest: timedelta, keep: timedelta
    ) -> None:
        self._db, self._signer, self._clock, self._public_url = db, signer, clock, public_url
        self._digest, self._keep = digest, keep

    # Telling

    async def tell(self, tx: Tx, *news: News) -> list[Notification]:
        """Write notifications in the transaction of their cause and publish `Notified` for each.

        Takes the locks of several people in one order; a transaction that tells twice should tell once instead.
        """
        notifications, now = NotificationRepository(tx), self._clock.now()
        told = []
        for one in sorted(news, key=lambda one: one.account_id):
            notification = await notifications.add(one, now, None if one.is_mailed else now + self._digest)
            if notification is not None:
                told.append(notification)
                await tx.publish(Notified(notification))
        return told

    # The log that sockets replay (law 8)

    async def after(self, account_id: int, after_id: int, limit: int) -> list[Notification]:
        """What follows the id in the person's log, in order; fewer than ``limit`` when that is all.

        One person's ids become visible in their order, so what was read up to some id is complete up to it.
        """
        return await NotificationRepository(self._db).after(account_id, after_id, limit)

    async def ends(self, account_ids: Iterable[int]) -> dict[int, int]:
        """The id of everybody's newest notification; who was never told anything is left out."""
        return await NotificationRepository(self._db).ends(account_ids)

    async def forgotten(self, account_id: int) -> int:
        """Up to this id old notifications are gone: a replay from before it has a gap. 0 = nothing is."""
        return await NotificationRepository(self._db).forgotten(account_id)

    # What a person does with the list

    async def notifications(self, actor: Actor, page: PageRequest, *, read: bool | None = None) -> Page[Notification]:
        """The actor's, newest first; ``read`` chooses the read ones, the unread ones, or, None, all."""
        notifications = NotificationRepository(self._db)
        return Page(
            await notifications.page(actor.id, read, page),
            await notifications.count(actor.id, read),
        )

    async def notification(self, actor: Actor, notification_id: int) -> Notification:
        """:raises NotificationUnknown: it is none of the actor's."""
        return await NotificationRepository(self._db).find(actor.id, notification_id)

    async def unread(self, actor: Actor) -> int:
        return await NotificationRepository(self._db).count(actor.id, read=False)

    async def mark_read(self, actor: Actor, notification_id: int) -> None:
        """Once or many times: the first moment counts. :raises NotificationUnknown:"""
        await NotificationRepository(self._db).mark_read(actor.id, notification_id, self._clock.now())

    async def mark_all_read(self, actor: Actor) -> int:
        """How many were not before."""
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            await notifications.lock_box(actor.id)
            return await notifications.mark_all_read(actor.id, self._clock.now())

    async def mark_conversation_read(self, tx: Tx, account_id: int, conversation_id: int) -> None:
        """Whoever has read all the messages needs no news of them."""
        await NotificationRepository(tx).mark_messages_read(account_id, conversation_id, self._clock.now())

    async def remove(self, actor: Actor, notification_id: int) -> None:
        """:raises NotificationUnknown:"""
        await NotificationRepository(self._db).remove(actor.id, notification_id)

    async def clear(self, actor: Actor) -> int:
        """Remove all; how many there were."""
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            await notifications.lock_box(actor.id)
            return await notifications.remove_all(actor.id)

    # Settings

    async def language(self, actor: Actor) -> str:
        """The actor's own, "ru" or "en", for who does not ask for one."""
        return await NotificationRepository(self._db).language(actor.id)

    async def wants_mail(self, actor: Actor) -> bool:
        """Whether messages and what stayed unseen is told by mail. Mails about one's orders come in any case."""
        return await NotificationRepository(self._db).wants_mail(actor.id)

    async def set_mail(self, actor: Actor, wanted: bool) -> None:
        await NotificationRepository(self._db).set_mail(actor.id, wanted)

    def unsubscribe_link(self, account_id: int) -> str:
        """For mails: works without signing in, for ever, and does nothing else (RFC 8058)."""
        signature = self._signer.sign(_UNSUBSCRIBE, account_id)
        return f"{self._public_url}/notifications/unsubscribe/?account={account_id}&sig={signature}"

    def check_unsubscribe_link(self, account_id: int, signature: str) -> None:
        """:raises UnsubscribeLinkRefused: we did not sign this."""
        if not self._signer.verify(signature, _UNSUBSCRIBE, account_id):
            raise UnsubscribeLinkRefused

    async def unsubscribe(self, account_id: int, signature: str) -> None:
        """:raises UnsubscribeLinkRefused:"""
        self.check_unsubscribe_link(account_id, signature)
        await NotificationRepository(self._db).set_mail(account_id, False)

    # By itself

    async def forget_old(self) -> int:
        """Delete what was read longer ago than ``keep``, box by box; of how many boxes."""
        before = self._clock.now() - self._keep
        people = await NotificationRepository(self._db).people_with_old(before)
        return sum([await self._forget_old_of(account_id, before) for account_id in people])

    async def _forget_old_of(self, account_id: int, before: datetime) -> int:
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            return await notifications.forget_old(account_id, before) if await notifications.try_box(account_id) else 0
