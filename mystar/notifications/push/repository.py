"""The rows of web push."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from mystar.kit.outbox.web_push import Subscriber
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.notifications.push.model import MAX_SUBSCRIPTIONS, PushAccount, Subscription, SubscriptionUnknown

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={"push_subscriptions": QUERIES.export_subscriptions},
    erasures=(QUERIES.erase_subscriptions, QUERIES.erase_account),
)


class PushRepository:
    """Bound to one transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def mark_due(self, account_id: int, now: datetime) -> None:
        """Nothing waits for it; accounts without subscriptions have no row."""
        await self._tx.enqueue(QUERIES.mark_due, account_id=account_id, now=now)

    async def add(
        self, account_id: int, session_id: uuid.UUID, browser: Subscriber, user_agent: str, now: datetime
    ) -> tuple[Subscription, bool]:
        """The subscription, and whether it is new: the address of a browser has one."""
        await self._tx.execute(QUERIES.begin, account_id=account_id)
        row = await self._tx.one(
            QUERIES.add,
            account_id=account_id,
            session_id=session_id,
            user_agent=user_agent,
            now=now,
            **browser._asdict(),
        )
        is_new = bool(row.pop("is_new"))
        await self._tx.execute(QUERIES.make_room, account_id=account_id, most=MAX_SUBSCRIPTIONS)
        return Subscription(**row), is_new

    async def of_account(self, account_id: int, now: datetime) -> list[Subscription]:
        rows = await self._tx.all(QUERIES.of_account, account_id=account_id, now=now, limit=MAX_SUBSCRIPTIONS)
        return [Subscription(**row) for row in rows]

    async def find(self, subscription_id: int, now: datetime) -> Subscription | None:
        """None: gone, or of a session that has ended."""
        row = await self._tx.one_or_none(QUERIES.find, id=subscription_id, now=now)
        return Subscription(**row) if row else None

    async def remove(self, account_id: int, subscription_id: int) -> None:
        """:raises SubscriptionUnknown:"""
        if not await self._tx.execute(QUERIES.remove, account_id=account_id, id=subscription_id):
            raise SubscriptionUnknown

    async def remove_gone(self, subscription: Subscription) -> None:
        await self._tx.execute(QUERIES.remove_gone, id=subscription.id, p256dh=subscription.p256dh)

    async def muted(self, account_id: int) -> list[str]:
        return list(await self._tx.value(QUERIES.muted, account_id=account_id) or ())

    async def set_muted(self, account_id: int, kinds: Sequence[str]) -> None:
        await self._tx.execute(QUERIES.set_muted, account_id=account_id, muted=list(kinds))

    async def due(self, limit: int) -> list[int]:
        """Accounts with notifications that may have to be pushed."""
        return [row["account_id"] for row in await self._tx.all(QUERIES.due, limit=limit)]

    async def lock_due(self, account_id: int) -> PushAccount | None:
        """None: another process has it, or had it."""
        row = await self._tx.one_or_none(QUERIES.lock_due, account_id=account_id)
        return PushAccount(**{**row, "muted": tuple(row["muted"])}) if row else None

    async def finish(self, account_id: int, pushed_id: int) -> None:
        await self._tx.execute(QUERIES.finish, account_id=account_id, pushed_id=pushed_id)
