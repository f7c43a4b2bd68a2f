"""Background tasks of notifications: mail digests of unread ones, delete old ones."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from mystar.errors import Unavailable
from mystar.kit.background import every
from mystar.kit.clock import Clock
from mystar.kit.outbox.letters import items
from mystar.kit.outbox.mail import Mailer, unlinked
from mystar.kit.postgres.database import Database, Tx
from mystar.notifications.mail_content import sentence
from mystar.notifications.model import Notification
from mystar.notifications.repository import NotificationRepository
from mystar.notifications.service import NotificationService

log = logging.getLogger(__name__)

_HOUR = 3600.0
#: Seconds between runs, at most.
_INTERVAL = 60.0
#: Accounts of one run; the rest follow in the next.
_ACCOUNTS = 500
#: Notifications in one mail; the rest is counted.
_LINES = 20


class Digests:
    """Mails each account its unread notifications, once the oldest is old enough."""

    def __init__(
        self,
        db: Database,
        notifications: NotificationService,
        mailer: Mailer,
        clock: Clock,
        page_of: Callable[[Notification | None], str] = lambda _one: "",
    ) -> None:
        """:param page_of: where the mail's button leads: the page of its only notification, or with None the site."""
        self._db, self._notifications, self._mailer, self._clock = db, notifications, mailer, clock
        self._page_of = page_of

    async def send(self) -> None:
        """Mail the digests that are due. Several processes may run it at once: each inbox is locked by one."""
        for account_id in await NotificationRepository(self._db).accounts_to_mail(self._clock.now(), _ACCOUNTS):
            try:
                async with self._db.transaction() as tx:
                    if await NotificationRepository(tx).try_lock_inbox(account_id):
                        await self._mail(tx, account_id)
            except Unavailable:
                raise
            except Exception:
                # The other digests are still sent.
                log.exception("the digest of account %s failed", account_id)

    async def _mail(self, tx: Tx, account_id: int) -> None:
        notifications = NotificationRepository(tx)
        waiting, total = await notifications.digest_of(account_id, _LINES)
        # Also those of kinds that are muted, which would be due again in every run.
        await notifications.mark_mailed(account_id)
        if not waiting:
            return
        reader = await notifications.digest_recipient(account_id)
        if reader is None or not reader.email:
            return
        lines = self._lines(waiting, total, reader.language)
        await self._mailer.queue(
            tx,
            "digest_of_one" if total == 1 else "digest",
            reader.email,
            reader.language,
            dialect=reader.channel,
            once_as=f"digest:{account_id}:{waiting[0].id}",
            unsubscribe=await self._notifications.unsubscribe_link(account_id, tx),
            username=reader.username,
            count=total,
            first=lines[0],
            lines=items(lines),
            link=self._page_of(waiting[0] if total == 1 else None),
        )

    def _lines(self, waiting: Sequence[Notification], total: int, language: str) -> list[str]:
        texts, more = self._mailer.texts, total - len(waiting)
        lines = [_without_links(one).words(language, texts).message for one in waiting]
        return [*lines, sentence("more_in_digest", language, {"more": more}, texts)] if more else lines


def _without_links(notification: Notification) -> Notification:
    sender = notification.data.get("sender")
    if not isinstance(sender, dict):
        return notification
    sender = {**sender, "username": unlinked(str(sender.get("username", "")))}
    return replace(notification, data={**notification.data, "sender": sender})


def tasks(
    notifications: NotificationService, digests: Digests, digest: timedelta
) -> tuple[Callable[[object], AsyncIterator[None]], ...]:
    """Cleanup contexts for the application."""
    return (
        every(min(_INTERVAL, digest.total_seconds() / 2), digests.send, name="notification digests"),
        every(_HOUR, notifications.purge, name="old notifications", batch=1),
    )
