"""What notifications do by themselves: tell by mail what nobody looked at, and forget what is old."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from mystar.kit.background import every
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.notifications.repository import NotificationRepository
from mystar.notifications.service import NotificationService

log = logging.getLogger(__name__)

_HOUR = 3600.0
#: Seconds between looks for what has fallen due, at most.
_LOOK = 60.0
#: People of one look; the rest come with the next.
_PEOPLE = 500
#: Lines of one mail; the rest is a number.
_LINES = 20


class Digests:
    """One mail per person with everything that waits unseen, once something of it is old enough."""

    def __init__(self, db: Database, notifications: NotificationService, mailer: Mailer, clock: Clock) -> None:
        self._db, self._notifications, self._mailer, self._clock = db, notifications, mailer, clock

    async def send(self) -> None:
        """Several processes may do this at once: a person's box is held by one, and emptied of what was due."""
        for account_id in await NotificationRepository(self._db).people_to_mail(self._clock.now(), _PEOPLE):
            try:
                async with self._db.transaction() as tx:
                    if await NotificationRepository(tx).try_box(account_id):
                        await self._tell(tx, account_id)
            except Exception:
                # One person's trouble is not everybody's.
                log.exception("the digest of account %s failed", account_id)

    async def _tell(self, tx: Tx, account_id: int) -> None:
        notifications = NotificationRepository(tx)
        waiting, total = await notifications.waiting_for_mail(account_id, _LINES)
        if not waiting:
            return
        await notifications.told_by_mail(account_id)
        reader = await notifications.reader_of_digest(account_id)
        if reader is None or not reader.email:
            return
        await self._mailer.queue(
            tx,
            "digest",
            reader.email,
            reader.language,
            once_as=f"digest:{account_id}:{waiting[0].id}",
            unsubscribe=self._notifications.unsubscribe_link(account_id),
            username=reader.username,
            lines=[one.message(reader.language) for one in waiting],
            more=total - len(waiting),
        )


def tasks(
    notifications: NotificationService, digests: Digests, digest: timedelta
) -> tuple[Callable[[object], AsyncIterator[None]], ...]:
    """Cleanup contexts for the application."""
    return (
        every(min(_LOOK, digest.total_seconds() / 2), digests.send, name="notification digests"),
        every(_HOUR, notifications.forget_old, name="old notifications"),
    )
