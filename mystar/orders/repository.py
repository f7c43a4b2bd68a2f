"""The rows of orders, their events and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import orjson

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import (
    ChosenOption,
    DeliveredFile,
    Delivery,
    DeliveryCard,
    Difference,
    Kind,
    Order,
    OrderCard,
    OrderEvent,
    OrderUnknown,
    Person,
    Role,
    order_of,
)
from mystar.orders.state_machine import Transition

QUERIES = queries.load(__package__)
#: Every constraint of ours is checked before; a violation is a defect.
CONSTRAINTS: dict[str, Any] = {}
#: No list is longer (D19).
#: Rows of a list that is read whole.
MAX_ROWS = 1000
_ONE_ORDER = PageRequest(size=1)


class OrderRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def place(self, *, kind: Kind, options: Sequence[ChosenOption], now: datetime, **columns: Any) -> Order:
        chosen = orjson.dumps([asdict(option) for option in options]).decode()
        return order_of(await self._tx.one(QUERIES.place_order, kind=str(kind), options=chosen, now=now, **columns))

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

    async def edit(self, order_id: int, wish: str | None, by_date: date | None, now: datetime) -> Order:
        """None = unchanged."""
        return order_of(await self._tx.one(QUERIES.edit_order, id=order_id, wish=wish, by_date=by_date, now=now))

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

    async def remember(
        self,
        order: Order,
        before: Order | None,
        *,
        action: str,
        role: Role,
        actor_id: int | None,
        now: datetime,
        details: dict[str, Any],
    ) -> None:
        """Add an event: ``before`` became ``order``."""
        await self._tx.execute(
            QUERIES.add_event,
            order_id=order.id,
            actor_id=actor_id,
            role=str(role),
            action=action,
            from_status=before and str(before.status),
            to_status=str(order.status),
            from_money=before and str(before.money),
            to_money=str(order.money),
            details=details,
            now=now,
        )

    async def history(self, order_id: int) -> list[Row]:
        """The events as rows, oldest first."""
        return await self._tx.all(QUERIES.history, order_id=order_id)

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
        limit: int = 1,
        offset: int = 0,
    ) -> list[tuple[Order, Person | None, Person | None]]:
        """Orders with their buyers and creators, newest first: one order, or those of a buyer, of a seller, or both."""
        rows = await self._tx.all(
            QUERIES.order_entries,
            order_id=order_id,
            buyer_id=buyer_id,
            seller_id=seller_id,
            status=status,
            limit=limit,
            offset=offset,
            reach=offset + limit,
        )
        for row in rows:
            # Orders to the studio have their requirements in a column of their own.
            row["wish"] = row["wish"] or row["description"] or ""
        return [(order_of(row), _person(row, "buyer"), _person(row, "creator")) for row in rows]

    async def count(self, *, buyer_id: int | None, seller_id: int | None, status: str | None) -> int:
        query = QUERIES.count_entries
        return int(await self._tx.value(query, buyer_id=buyer_id, seller_id=seller_id, status=status))

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

    async def card(self, order_id: int) -> OrderCard:
        """:raises OrderUnknown:"""
        rows = await self._rows(order_id=order_id)
        if not rows:
            raise OrderUnknown
        return _card(rows[0])

    async def bought_by(self, account_id: int, page: PageRequest) -> Page[OrderCard]:
        rows = await self._rows(buyer_id=account_id, page=page)
        return await self._list(rows, page, QUERIES.count_bought, account_id)

    async def sold_by(self, account_id: int, page: PageRequest) -> Page[OrderCard]:
        rows = await self._rows(seller_id=account_id, page=page)
        return await self._list(rows, page, QUERIES.count_sold, account_id)

    async def _list(self, rows: list[Row], page: PageRequest, count: str, account_id: int) -> Page[OrderCard]:
        """Only a full page, or one behind the last, needs a count; otherwise this page is the last one."""
        known = len(rows) < page.size and (rows or page.number == 1)
        total = page.offset + len(rows) if known else await self._tx.value(count, account_id=account_id)
        return Page([_card(row) for row in rows], total)

    async def differences(self) -> list[Difference]:
        """At most a thousand of each kind."""
        money = await self._tx.all(QUERIES.money_differences, limit=MAX_ROWS)
        completed = await self._tx.all(QUERIES.completed_differences, limit=MAX_ROWS)
        return [
            *(Difference("order", "money", **row) for row in money),
            *(Difference("order", **row) for row in await self._tx.all(QUERIES.sum_differences, limit=MAX_ROWS)),
            *(Difference("creator", "completed_orders", **row) for row in completed),
        ]

    async def _rows(
        self,
        *,
        order_id: int | None = None,
        buyer_id: int | None = None,
        seller_id: int | None = None,
        page: PageRequest = _ONE_ORDER,
    ) -> list[Row]:
        whose = {"order_id": order_id, "buyer_id": buyer_id, "seller_id": seller_id}
        return await self._tx.all(QUERIES.order_cards, {**whose, "limit": page.size, "offset": page.offset})


def _person(row: Row, role: str) -> Person | None:
    if row[f"{role}_username"] is None:
        return None
    person_id = row["buyer_id"] if role == "buyer" else row["creator_account_id"]
    return Person(person_id, row[f"{role}_username"], row[f"{role}_avatar"])


def _delivery_card(row: Row) -> DeliveryCard:
    files = tuple(DeliveredFile(*file) for file in row.pop("files") or ())
    return DeliveryCard(Delivery(**row, file_ids=tuple(file.id for file in files)), files)


def _event(row: Row) -> OrderEvent:
    username, avatar, actor_id = row.pop("username"), row.pop("avatar"), row.pop("actor_id")
    actor = Person(actor_id, username, avatar) if username is not None else None
    return OrderEvent(**row | {"role": Role(row["role"])}, actor=actor)


def _found(row: Row | None) -> Order:
    if row is None:
        raise OrderUnknown
    return order_of(row)


def _card(row: Row) -> OrderCard:
    order = order_of(row)
    return OrderCard(
        order=order,
        creator=Person(order.creator_account_id or 0, row["star_username"] or "", row["star_avatar"]),
        buyer=Person(order.buyer_id or 0, row["buyer_username"] or "", row["buyer_avatar"]),
        profession=row["profession"] or "",
        category=row["category"] or "",
        video_id=row["video_id"],
        video=row["video"],
        payment=row["payment"],
    )
