"""The rows of notifications, inboxes and recipients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.web.pagination import PageRequest
from mystar.notifications.model import (
    Notification,
    NotificationDraft,
    NotificationUnknown,
    OrderReader,
    Posted,
    Recipient,
    Subject,
)
from mystar.orders.model import Order

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "notifications": QUERIES.export_notifications,
    },
    erasures=(
        QUERIES.erase_notifications,
        QUERIES.erase_box,
        QUERIES.erase_senders,
        QUERIES.erase_offer_words,
        QUERIES.erase_reasons,
    ),
)


class NotificationRepository:
    """Bound to one transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    # Writing

    async def add(
        self, draft: NotificationDraft, now: datetime, mail_at: datetime, mails_per_hour: int
    ) -> Notification | None:
        """None: a notification about this conversation is unread already.

        :param mail_at: when a digest has it, unless the draft is mailed at once and the hour had fewer of its kind.
        """
        row = await self._tx.one_or_none(QUERIES.add, _columns(draft, now, mail_at, mails_per_hour))
        return Notification(**row) if row else None

    async def enqueue(self, draft: NotificationDraft, now: datetime, mail_at: datetime, mails_per_hour: int) -> None:
        """Like ``add``, without waiting for the row."""
        await self._tx.enqueue(QUERIES.add, _columns(draft, now, mail_at, mails_per_hour))

    # Reading

    async def after(self, account_id: int, after_id: int, limit: int) -> list[Notification]:
        rows = await self._tx.all(QUERIES.after, account_id=account_id, after_id=after_id, limit=limit)
        return [Notification(**row) for row in rows]

    async def ends(self, account_ids: Iterable[int]) -> dict[int, int]:
        rows = await self._tx.all(QUERIES.ends, account_ids=list(account_ids))
        return {row["account_id"]: row["last_id"] for row in rows}

    async def purged_up_to(self, account_id: int) -> int:
        return await self._tx.value(QUERIES.purged_up_to, account_id=account_id) or 0

    async def page(self, account_id: int, read: bool | None, page: PageRequest) -> list[Notification]:
        rows = await self._tx.all(QUERIES.page, account_id=account_id, read=read, offset=page.offset, limit=page.size)
        return [Notification(**row) for row in rows]

    async def count(self, account_id: int, read: bool | None) -> int:
        return int(await self._tx.value(QUERIES.count, account_id=account_id, read=read))

    async def find(self, account_id: int, notification_id: int) -> Notification:
        """:raises NotificationUnknown:"""
        row = await self._tx.one_or_none(QUERIES.find, account_id=account_id, id=notification_id)
        if row is None:
            raise NotificationUnknown
        return Notification(**row)

    # Marking and deleting. Changes of many rows lock the inbox first, so that two of them cannot deadlock.

    async def lock_inbox(self, account_id: int) -> None:
        await self._tx.value(QUERIES.lock_inbox, account_id=account_id)

    async def try_lock_inbox(self, account_id: int) -> bool:
        """Lock the inbox unless another transaction holds it."""
        return await self._tx.value(QUERIES.try_lock_inbox, account_id=account_id) is not None

    async def mark_read(self, account_id: int, notification_id: int, now: datetime) -> None:
        """:raises NotificationUnknown:"""
        if not await self._tx.execute(QUERIES.mark_read, account_id=account_id, id=notification_id, now=now):
            raise NotificationUnknown

    async def mark_messages_read(self, account_id: int, conversation_id: int, now: datetime) -> int:
        return await self._tx.execute(
            QUERIES.mark_messages_read, account_id=account_id, conversation_id=conversation_id, now=now
        )

    async def mark_all_read(self, account_id: int, now: datetime) -> int:
        return await self._tx.execute(QUERIES.mark_all_read, account_id=account_id, now=now)

    async def remove(self, account_id: int, notification_id: int) -> None:
        """:raises NotificationUnknown:"""
        if not await self._tx.execute(QUERIES.remove, account_id=account_id, id=notification_id):
            raise NotificationUnknown

    async def remove_all(self, account_id: int) -> int:
        return await self._tx.execute(QUERIES.remove_all, account_id=account_id)

    async def accounts_to_purge(self, *, read_before: datetime, created_before: datetime) -> list[int]:
        ages = {"read_before": read_before, "created_before": created_before}
        return _accounts(await self._tx.all(QUERIES.accounts_to_purge, **ages))

    async def purge(self, account_id: int, *, read_before: datetime, created_before: datetime) -> int:
        ages = {"read_before": read_before, "created_before": created_before}
        return await self._tx.execute(QUERIES.purge, account_id=account_id, **ages)

    # Mail

    async def posted(self, what: str, object_id: int) -> Posted | None:
        """None: its author is blocked or erased. :param what: "service", "review" or "message"."""
        row = await self._tx.one_or_none(QUERIES.posted, what=what, id=object_id)
        return None if row is None else Posted(**{**row, "subject": Subject(row["subject"])})

    async def recipient(self, account_id: int, kind: str, now: datetime) -> Recipient | None:
        """None: the account is blocked, and gets no mails.

        :param kind: of the notifications of the last hour that are counted.
        """
        row = await self._tx.one_or_none(QUERIES.recipient, id=account_id, kind=kind, now=now)
        return Recipient(**row) if row else None

    async def order_readers(self, order: Order, kind: str, now: datetime) -> dict[int, OrderReader]:
        """The parties of an order by id; blocked ones have no address, and get no mails.

        :param kind: of the notifications of the last hour that are counted.
        """
        ids = [one for one in (order.buyer_id, order.creator_account_id) if one is not None]
        values = {"service_id": order.service_id, "offer_id": order.offer_id, "kind": kind, "now": now}
        rows = await self._tx.all(QUERIES.order_readers, ids=ids, **values)
        return {row["id"]: OrderReader(**row) for row in rows}

    async def star_to_mail(self, notification: Notification, since: datetime, mails_per_hour: int) -> Recipient | None:
        """The star who received a message, unless a mail or a digest about the conversation was sent or is due, or the
        hour had so many mails about conversations."""
        row = await self._tx.one_or_none(
            QUERIES.star_to_mail,
            account_id=notification.account_id,
            subject_id=notification.subject_id,
            id=notification.id,
            since=since,
            now=notification.created_at,
            mails_per_hour=mails_per_hour,
        )
        return Recipient(**row) if row else None

    async def skip_digest(self, notification_id: int) -> None:
        await self._tx.execute(QUERIES.skip_digest, id=notification_id)

    async def accounts_to_mail(self, now: datetime, limit: int) -> list[int]:
        return _accounts(await self._tx.all(QUERIES.accounts_to_mail, now=now, limit=limit))

    async def digest_of(self, account_id: int, limit: int) -> tuple[list[Notification], int]:
        """The oldest unread notifications of a digest, and how many there are in all."""
        rows = await self._tx.all(QUERIES.digest_of, account_id=account_id, limit=limit)
        total = rows[0]["total"] if rows else 0
        return [Notification(**_without(row, "total")) for row in rows], total

    async def mark_mailed(self, account_id: int) -> None:
        await self._tx.execute(QUERIES.mark_mailed, account_id=account_id)

    async def digest_recipient(self, account_id: int) -> Recipient | None:
        """None: the account has no confirmed address, is blocked or wants no mail."""
        row = await self._tx.one_or_none(QUERIES.digest_recipient, account_id=account_id)
        return Recipient(**row) if row else None

    # Settings

    async def wants_mail(self, account_id: int, kind: str | None = None) -> bool:
        """Mails about a kind, or any."""
        return bool(await self._tx.value(QUERIES.wants_mail, account_id=account_id, kind=kind))

    async def mail_muted(self, account_id: int) -> list[str]:
        return list(await self._tx.value(QUERIES.mail_muted, account_id=account_id))

    async def set_mail_muted(self, account_id: int, kinds: Sequence[str]) -> None:
        await self._tx.execute(QUERIES.set_mail_muted, account_id=account_id, muted=list(kinds))

    async def set_mail(self, account_id: int, by_mail: bool) -> None:
        await self._tx.execute(QUERIES.set_mail, account_id=account_id, by_mail=by_mail)

    async def mail_version(self, account_id: int) -> int:
        """How often mails were switched on again."""
        return int(await self._tx.value(QUERIES.mail_version, account_id=account_id))

    async def unsubscribe(self, account_id: int, version: int) -> None:
        """Nothing unless it is the `mail_version` still."""
        await self._tx.execute(QUERIES.unsubscribe, account_id=account_id, version=version)

    async def language(self, account_id: int) -> str:
        return str(await self._tx.value(QUERIES.language, account_id=account_id))


def _accounts(rows: Sequence[Row]) -> list[int]:
    return [row["account_id"] for row in rows]


def _without(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def _columns(draft: NotificationDraft, now: datetime, mail_at: datetime, mails_per_hour: int) -> Row:
    return {
        "account_id": draft.account_id,
        "kind": str(draft.kind),
        "data": draft.data,
        "subject": str(draft.subject),
        "subject_id": draft.subject_id,
        "now": now,
        "mail_at": mail_at,
        "is_mailed": draft.is_mailed,
        "mails_per_hour": mails_per_hour,
    }
