"""The rows of orders, their events and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import orjson

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import PageRequest
from mystar.orders.model import (
    ChosenOption,
    DeliveredFile,
    Delivery,
    DeliveryCard,
    Kind,
    Money,
    Order,
    OrderEntry,
    OrderEvent,
    OrderUnknown,
    Role,
    Status,
    order_of,
)
from mystar.orders.parties import BuyerBlocked, CreatorBlocked, Parties, Party
from mystar.orders.state_machine import Transition

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "orders": QUERIES.export_orders,
        "order_events": QUERIES.export_order_events,
        "deliveries": QUERIES.export_deliveries,
    },
    erasures=(
        QUERIES.erase_bought,
        QUERIES.erase_own_reasons,
        QUERIES.erase_sold,
        QUERIES.erase_order_events,
        QUERIES.erase_deliveries,
        QUERIES.erase_pictures,
    ),
    kept_files=QUERIES.kept_delivery_files,
    obstacles=QUERIES.erasure_obstacles,
)
#: Every constraint of ours is checked before; a violation is a defect.
CONSTRAINTS: dict[str, Any] = {}
#: No list is longer (D19).
#: Rows of a list that is read whole.
MAX_ROWS = 1000
_ONE_ORDER = PageRequest(size=1)
_OVER = (Status.COMPLETED, Status.REJECTED, Status.CANCELLED)


class OrderRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def place(
        self, *, kind: Kind, options: Sequence[ChosenOption], now: datetime, **columns: Any
    ) -> tuple[Order, Parties]:
        """:raises BuyerBlocked: :raises CreatorBlocked: one of the parties has blocked the other."""
        chosen = orjson.dumps([asdict(option) for option in options]).decode()
        row = await self._tx.one_or_none(QUERIES.place_order, kind=str(kind), options=chosen, now=now, **columns)
        if row is None:
            raise await self._block(columns["creator_id"], columns["buyer_id"])
        return order_of(row), _parties(row)

    async def _block(self, creator_id: int, buyer_id: int) -> BuyerBlocked | CreatorBlocked:
        is_buyer = await self._tx.value(QUERIES.buyer_is_blocked, creator_id=creator_id, buyer_id=buyer_id)
        return BuyerBlocked() if is_buyer else CreatorBlocked()

    async def count_open(self) -> list[Row]:
        """Orders that are not over, by status; for metrics."""
        return await self._tx.all(QUERIES.count_open_orders, statuses=[str(one) for one in Status if one not in _OVER])

    async def lock(self, order_id: int) -> Order:
        """:raises OrderUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.lock_order, id=order_id))

    async def find(self, order_id: int) -> Order:
        """:raises OrderUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.find_order, id=order_id))

    async def lock_due(self, order_id: int, now: datetime) -> Order | None:
        """The order if its deadline has passed and no other transaction holds its lock."""
        row = await self._tx.one_or_none(QUERIES.lock_due_order, id=order_id, now=now)
        return order_of(row) if row else None

    async def due(self, now: datetime, after: tuple[datetime, int] | None, batch: int) -> list[tuple[datetime, int]]:
        """Passed deadlines with the ids of their orders, earliest first, after the position ``after``."""
        moment, order_id = after or (None, 0)
        rows = await self._tx.all(QUERIES.due_orders, now=now, moment=moment, id=order_id, batch=batch)
        return [(row["deadline_at"], row["id"]) for row in rows]

    async def edit(self, order_id: int, requirements: str | None, due_date: date | None, now: datetime) -> Order:
        """None = unchanged."""
        changes = {"wish": requirements, "by_date": due_date}
        return order_of(await self._tx.one(QUERIES.edit_order, id=order_id, now=now, **changes))

    async def mark_reviewed(self, order_id: int, now: datetime) -> Order:
        return order_of(await self._tx.one(QUERIES.mark_reviewed, id=order_id, now=now))

    async def move(
        self,
        order: Order,
        transition: Transition,
        now: datetime,
        *,
        reason: str | None,
        refunded: int | None,
        deadline_at: datetime | None,
    ) -> Order:
        """``reason`` and ``refunded``: None = unchanged."""
        row = await self._tx.one(
            QUERIES.move_order,
            id=order.id,
            status=str(transition.status),
            money=str(transition.money),
            goal=str(transition.goal),
            reason=reason,
            refunded=refunded,
            deadline_at=deadline_at,
            now=now,
            creator_account_id=order.creator_account_id,
        )
        return order_of(row)

    async def set_payment_method(self, order: Order, method: str, now: datetime) -> Order:
        row = await self._tx.one(
            QUERIES.set_payment_method,
            id=order.id,
            method=method,
            now=now,
            creator_account_id=order.creator_account_id,
        )
        return order_of(row)

    async def set_payment_refusal(self, order: Order, refusal: str | None, now: datetime) -> Order:
        """``refusal``: why the provider takes no payment for the order; None = it may be paid again."""
        row = await self._tx.one(
            QUERIES.set_payment_refusal,
            id=order.id,
            refusal=refusal,
            now=now,
            creator_account_id=order.creator_account_id,
        )
        return order_of(row)

    async def add_event(
        self,
        order_id: int,
        *,
        action: str,
        role: Role,
        actor_id: int | None,
        before: tuple[Status, Money] | None,
        after: tuple[Status, Money],
        now: datetime,
        details: dict[str, Any],
    ) -> None:
        """Add to the order's timeline. ``before`` None: the order is new."""
        from_status, from_money = before or (None, None)
        await self._tx.enqueue(
            QUERIES.add_event,
            order_id=order_id,
            actor_id=actor_id,
            role=str(role),
            action=action,
            from_status=from_status and str(from_status),
            to_status=str(after[0]),
            from_money=from_money and str(from_money),
            to_money=str(after[1]),
            details=details,
            now=now,
        )

    async def deliver(
        self, order_id: int, message: str, file_ids: Sequence[int], created_by: int, now: datetime
    ) -> Delivery:
        """Add a delivery. The caller holds the order's lock."""
        row = await self._tx.one(
            QUERIES.add_delivery, order_id=order_id, message=message, created_by=created_by, now=now
        )
        await self._tx.execute(QUERIES.add_delivery_files, delivery_id=row["id"], file_ids=list(file_ids))
        return Delivery(**row, file_ids=tuple(file_ids))

    async def delivered_files(self, order_id: int) -> list[int]:
        return [row["file_id"] for row in await self._tx.all(QUERIES.delivered_files, order_id=order_id)]

    async def entries(
        self,
        *,
        order_id: int | None = None,
        buyer_id: int | None = None,
        seller_id: int | None = None,
        status: str | None = None,
        page: PageRequest = _ONE_ORDER,
        greetings: bool = False,
    ) -> list[OrderEntry]:
        """Orders with their parties, newest first: one order, or those of a buyer, of a seller, or of both.

        :param greetings: read what only the greetings dialect shows, and leave out orders to the studio.
        """
        rows = await self._tx.all(
            QUERIES.order_entries,
            order_id=order_id,
            buyer_id=buyer_id,
            seller_id=seller_id,
            status=status,
            limit=page.size,
            offset=page.offset,
            reach=page.offset + page.size,
            greetings=greetings,
            studio=not greetings,
        )
        return [_entry(row) for row in rows]

    async def count_entries(
        self, *, buyer_id: int | None, seller_id: int | None, status: str | None = None, studio: bool = True
    ) -> int:
        query = QUERIES.count_entries
        return int(await self._tx.value(query, buyer_id=buyer_id, seller_id=seller_id, status=status, studio=studio))

    async def deliveries(self, order_id: int, page: PageRequest) -> list[DeliveryCard]:
        """Newest first."""
        rows = await self._tx.all(QUERIES.deliveries, order_id=order_id, offset=page.offset, limit=page.size)
        return [_delivery_card(row) for row in rows]

    async def count_deliveries(self, order_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_deliveries, order_id=order_id))

    async def timeline(self, order_id: int) -> list[OrderEvent]:
        """The events with their actors, oldest first."""
        rows = await self._tx.all(QUERIES.timeline, order_id=order_id, limit=MAX_ROWS)
        return [_event(row) for row in rows]

    async def differences(self) -> list[Difference]:
        """At most a thousand of each kind."""
        money = await self._tx.all(QUERIES.money_differences, limit=MAX_ROWS)
        completed = await self._tx.all(QUERIES.completed_differences, limit=MAX_ROWS)
        return [
            *(Difference("order", "money", **row) for row in money),
            *(Difference("order", **row) for row in await self._tx.all(QUERIES.sum_differences, limit=MAX_ROWS)),
            *(Difference("creator", "completed_orders", **row) for row in completed),
        ]


_OF_ENTRY = itemgetter("profession", "category", "video_id", "video", "payment")


def _entry(row: Row) -> OrderEntry:
    # Orders to the studio have their requirements in a column of their own.
    row["wish"] = row["wish"] or row["description"] or ""
    order = order_of(row)
    return OrderEntry(
        order,
        _party(row, "buyer", order.buyer_id),
        _party(row, "creator", order.creator_account_id),
        *_OF_ENTRY(row),
    )


def _parties(row: Row) -> Parties:
    buyer, creator = _party(row, "buyer", row["buyer_id"]), _party(row, "creator", row["creator_account_id"])
    return Parties(
        buyer,
        creator,
        row["creator_email"],
        row["creator_language"] or "ru",
        row["recent_orders"],
        bool(row["creator_is_confirmed"]),
        row["creator_time_zone"],
        row["service_title"] or "",
    )


def _party(row: Row, role: str, account_id: int | None) -> Party | None:
    """From columns that begin with the role, which are taken out of the row."""
    username, full_name = row.pop(f"{role}_username"), row.pop(f"{role}_full_name")
    avatar = row.pop(f"{role}_avatar")
    return None if account_id is None or username is None else Party(account_id, username, full_name, avatar)


def _delivery_card(row: Row) -> DeliveryCard:
    files = tuple(DeliveredFile(*file) for file in row.pop("files") or ())
    return DeliveryCard(Delivery(**row, file_ids=tuple(file.id for file in files)), files)


def _event(row: Row) -> OrderEvent:
    actor = _party(row, "actor", row.pop("actor_id"))
    return OrderEvent(**row | {"role": Role(row["role"])}, actor=actor)


def _found(row: Row | None) -> Order:
    if row is None:
        raise OrderUnknown
    return order_of(row)
