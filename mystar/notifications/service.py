"""Notifications: written with their cause, listed, marked as read, replayed to WebSockets, deleted when old."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mystar.accounts.model import Actor
from mystar.kit.clock import Clock
from mystar.kit.outbox.texts import TextStore
from mystar.kit.postgres.database import Database, Queryable, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.pagination import Page, PageRequest
from mystar.notifications.model import (
    Notification,
    NotificationCreated,
    NotificationDraft,
    UnsubscribeLinkRefused,
    Words,
)
from mystar.notifications.repository import NotificationRepository

_UNSUBSCRIBE = "unsubscribe"
_UNSUBSCRIBE_LIFE = timedelta(days=90)


class NotificationService:
    """Methods about one notification raise `NotificationUnknown` if it is not the actor's.

    :param digest: how long a notification stays unread before it is mailed.
    :param mails_per_hour: mails about one kind of event to one account; the others come as one digest.
    :param keep: how long a notification is kept after it was read; ``keep_unread``: one that was never read.
    """

    def __init__(
        self,
        db: Database,
        signer: Signer,
        clock: Clock,
        texts: TextStore,
        *,
        public_url: str,
        digest: timedelta,
        keep: timedelta,
        keep_unread: timedelta,
        mails_per_hour: int,
    ) -> None:
        self._db, self._signer, self._clock, self._public_url = db, signer, clock, public_url
        self._texts = texts
        self._digest, self._keep, self._keep_unread = digest, keep, keep_unread
        self.mails_per_hour = mails_per_hour

    # Writing

    async def notify(self, tx: Tx, *drafts: NotificationDraft) -> None:
        """Write notifications in the transaction of their cause and publish `NotificationCreated` for each.

        Locks the inboxes of several accounts in one order; call it once in a transaction.
        """
        notifications, now = NotificationRepository(tx), self._clock.now()
        for draft in sorted(drafts, key=lambda draft: draft.account_id):
            await notifications.enqueue(draft, now, now + self._digest, self.mails_per_hour)
            await tx.publish(NotificationCreated(draft.account_id))

    async def notify_once(self, tx: Tx, draft: NotificationDraft) -> Notification | None:
        """Notify of a conversation, unless a notification about it is unread already."""
        now = self._clock.now()
        notification = await NotificationRepository(tx).add(draft, now, now + self._digest, self.mails_per_hour)
        if notification is not None:
            await tx.publish(NotificationCreated(notification.account_id))
        return notification

    def words(self, notification: Notification, language: str) -> Words:
        """Title and message, by the texts that hold now."""
        return notification.words(language, self._texts)

    # The log that WebSockets replay (law 8)

    async def after(self, account_id: int, after_id: int, limit: int) -> list[Notification]:
        """Notifications of the account after the id, in order; fewer than ``limit`` when that is all.

        The ids of one account become visible in their order, so what was read up to an id is complete up to it.
        """
        return await NotificationRepository(self._db).after(account_id, after_id, limit)

    async def ends(self, account_ids: Iterable[int]) -> dict[int, int]:
        """The id of each account's newest notification; accounts without any are left out."""
        return await NotificationRepository(self._db).ends(account_ids)

    async def purged_up_to(self, account_id: int) -> int:
        """Old notifications up to this id are deleted: a replay from before it has a gap. 0 = none are."""
        return await NotificationRepository(self._db).purged_up_to(account_id)

    # Reading and marking

    async def notifications(self, actor: Actor, page: PageRequest, *, read: bool | None = None) -> Page[Notification]:
        """The actor's, newest first. :param read: only read ones, only unread ones, or with None all."""
        notifications = NotificationRepository(self._db)
        return Page(
            await notifications.page(actor.id, read, page),
            await notifications.count(actor.id, read),
        )

    async def notification(self, actor: Actor, notification_id: int) -> Notification:
        """:raises NotificationUnknown: it is not the actor's."""
        return await NotificationRepository(self._db).find(actor.id, notification_id)

    async def unread(self, actor: Actor) -> int:
        return await NotificationRepository(self._db).count(actor.id, read=False)

    async def mark_read(self, actor: Actor, notification_id: int) -> None:
        """Keeps the time of the first call. :raises NotificationUnknown:"""
        await NotificationRepository(self._db).mark_read(actor.id, notification_id, self._clock.now())

    async def mark_all_read(self, actor: Actor) -> int:
        """Returns how many were unread."""
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            await notifications.lock_inbox(actor.id)
            return await notifications.mark_all_read(actor.id, self._clock.now())

    async def mark_conversation_read(self, tx: Tx, account_id: int, conversation_id: int) -> None:
        """Mark the notification about a conversation as read once all its messages are."""
        await NotificationRepository(tx).mark_messages_read(account_id, conversation_id, self._clock.now())

    async def remove(self, actor: Actor, notification_id: int) -> None:
        """:raises NotificationUnknown:"""
        await NotificationRepository(self._db).remove(actor.id, notification_id)

    async def clear(self, actor: Actor) -> int:
        """Delete all notifications of the actor. Returns how many there were."""
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            await notifications.lock_inbox(actor.id)
            return await notifications.remove_all(actor.id)

    # Settings

    async def language(self, actor: Actor) -> str:
        """The language of the account, "ru" or "en"."""
        return await NotificationRepository(self._db).language(actor.id)

    async def wants_mail(self, actor: Actor) -> bool:
        """Whether messages and unread notifications are mailed. Mails about orders are always sent."""
        return await NotificationRepository(self._db).wants_mail(actor.id)

    async def mail_muted(self, actor: Actor) -> list[str]:
        """Kinds that are not mailed. Mails about orders and money are sent all the same."""
        return sorted(await NotificationRepository(self._db).mail_muted(actor.id))

    async def set_mail(self, actor: Actor, wanted: bool | None, muted: Sequence[str] | None = None) -> None:
        """What is None stays."""
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            if wanted is not None:
                await notifications.set_mail(actor.id, wanted)
            if muted is not None:
                await notifications.set_mail_muted(actor.id, sorted(set(muted)))

    async def unsubscribe_link(self, account_id: int, tx: Queryable | None = None) -> str:
        """For mails: works without signing in and does nothing else (RFC 8058).

        Ends after three months, and when the account switches mails on again.
        """
        version = await NotificationRepository(tx or self._db).mail_version(account_id)
        parts, ends = _unsubscribe_parts(account_id, version), self._clock.now() + _UNSUBSCRIBE_LIFE
        signature = self._signer.sign_until(ends, _UNSUBSCRIBE, *parts)
        return f"{self._public_url}/notifications/unsubscribe/?account={account_id}&sig={signature}"

    async def check_unsubscribe_link(self, account_id: int, signature: str) -> int:
        """The version of the account's settings. :raises UnsubscribeLinkRefused: the link is forged, or has ended."""
        version = await NotificationRepository(self._db).mail_version(account_id)
        parts = _unsubscribe_parts(account_id, version)
        if not self._signer.verify_until(signature, self._clock.now(), _UNSUBSCRIBE, *parts):
            raise UnsubscribeLinkRefused
        return version

    async def unsubscribe(self, account_id: int, signature: str) -> None:
        """Also once more. :raises UnsubscribeLinkRefused:"""
        version = await self.check_unsubscribe_link(account_id, signature)
        await NotificationRepository(self._db).unsubscribe(account_id, version)

    # Maintenance

    async def purge(self) -> int:
        """Delete up to a thousand old notifications of each of some accounts. Returns the number of accounts."""
        now = self._clock.now()
        ages = {"read_before": now - self._keep, "created_before": now - self._keep_unread}
        accounts = await NotificationRepository(self._db).accounts_to_purge(**ages)
        return sum([await self._purge_of(account_id, **ages) for account_id in accounts])

    async def _purge_of(self, account_id: int, **ages: datetime) -> int:
        async with self._db.transaction() as tx:
            notifications = NotificationRepository(tx)
            return (
                await notifications.purge(account_id, **ages) if await notifications.try_lock_inbox(account_id) else 0
            )


def _unsubscribe_parts(account_id: int, version: int) -> tuple[int, ...]:
    """What a link is signed for; without a version as long as mails were never switched on again."""
    return (account_id, version) if version else (account_id,)
