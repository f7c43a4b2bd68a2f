"""The rows of orders to the studio."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import OrderUnknown, Status
from mystar.orders.studio.model import NumbersRunOut, StudioOrder, studio_order_of

QUERIES = queries.load(__package__)
#: Random numbers tried before a free one is searched for; enough until nine in ten are taken.
_THROWS = 30


class StudioOrderRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def place(self, numbers: range, **columns: Any) -> int:
        """Insert an order with an unused number, random while that is quick; answer its id.

        :raises NumbersRunOut: every one of the ``numbers`` is taken.
        """
        for _ in range(_THROWS):
            thrown = numbers[secrets.randbelow(len(numbers))]
            if order_id := await self._place_as(thrown, columns):
                return order_id
        # Searches hold a lock, so each round finds a number, finds none, or lost it to a random try, which happens
        # ever more rarely.
        await self._tx.execute(QUERIES.lock_studio_numbers)
        while (number := await self._free_number(numbers)) is not None:
            if order_id := await self._place_as(number, columns):
                return order_id
        raise NumbersRunOut(retry_after=3600)

    async def _place_as(self, number: int, columns: dict[str, Any]) -> int | None:
        order_id: int | None = await self._tx.value(QUERIES.place_studio_order, number=f"{number:06d}", **columns)
        return order_id

    async def _free_number(self, numbers: range) -> int | None:
        """The next unused number after a random position, wrapping at the end."""
        if await self._tx.value(QUERIES.count_studio_numbers, first=_text(numbers[0]), last=_text(numbers[-1])) >= len(
            numbers
        ):
            return None
        start = numbers[secrets.randbelow(len(numbers))]
        for first, last in ((start, numbers[-1]), (numbers[0], start)):
            number: int | None = await self._tx.value(QUERIES.free_studio_number, first=first, last=last)
            if number is not None:
                return number
        return None

    async def lock(self, order_id: int) -> StudioOrder:
        """:raises OrderUnknown: there is none, or it was taken back."""
        if await self._tx.value(QUERIES.lock_studio_order, id=order_id) is None:
            raise OrderUnknown
        return await self.find(order_id)

    async def find(self, order_id: int) -> StudioOrder:
        """:raises OrderUnknown: there is none, or it was taken back."""
        row = await self._tx.one_or_none(QUERIES.studio_order, id=order_id)
        if row is None:
            raise OrderUnknown
        return studio_order_of(row)

    async def visible_to(self, account_id: int | None, page: PageRequest, search: str) -> Page[StudioOrder]:
        """Orders of guests and of the account whose numbers contain ``search``."""
        pattern = f"%{search}%" if search else None
        values = {"account_id": account_id, "pattern": pattern}
        limits = {"limit": page.size, "offset": page.offset, "reach": page.offset + page.size}
        rows = await self._tx.all(QUERIES.studio_orders, {**values, **limits, **await self._position(page.after)})
        known = page.after is None and len(rows) < page.size and (rows or page.number == 1)
        count = page.offset + len(rows) if known else await self._tx.value(QUERIES.count_studio_orders, values)
        return Page([studio_order_of(row) for row in rows], count)

    async def _position(self, order_id: int | None) -> dict[str, Any]:
        """Where the list goes on: behind this order, or with the newest. Behind an unknown one there is nothing."""
        if order_id is None:
            return {"before": "infinity", "before_id": 0}
        before = await self._tx.value(QUERIES.studio_order_placed_at, id=order_id)
        return {"before": before or "-infinity", "before_id": order_id}

    async def change(self, order_id: int, title: str, description: str, now: datetime) -> None:
        await self._tx.execute(QUERIES.change_studio_order, id=order_id, title=title, description=description, now=now)

    async def queue(self, order_id: int, process_at: datetime, now: datetime) -> None:
        await self._tx.execute(QUERIES.queue_studio_order, id=order_id, process_at=process_at, now=now)

    async def move(self, order_id: int, status: Status, now: datetime) -> None:
        await self._tx.execute(QUERIES.move_studio_order, id=order_id, status=str(status), now=now)

    async def add_pictures(self, order_id: int, file_ids: Sequence[int]) -> None:
        await self._tx.execute(QUERIES.add_order_pictures, order_id=order_id, file_ids=list(file_ids))

    async def drop_pictures(self, order_id: int) -> None:
        await self._tx.execute(QUERIES.drop_order_pictures, order_id=order_id)


def _text(number: int) -> str:
    return f"{number:06d}"
