"""Places of creators: taken when an order is placed, free when it is delivered or over."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from mystar.accounts.model import Actor
from mystar.creators.availability import AvailabilityService
from mystar.creators.model import Availability, CreatorAtCapacity, CreatorAway
from mystar.kit.moments import told_day
from mystar.kit.postgres.database import Database, Tx
from mystar.orders.capacity.repository import CapacityRepository
from mystar.orders.model import Order, Status

#: Orders in these states take a place.
OPEN = (Status.PENDING, Status.ACCEPTED, Status.IN_PROGRESS)


class OwnCapacity(NamedTuple):
    """What a creator reads of their own availability."""

    availability: Availability
    open_orders: int


class CapacityService:
    def __init__(self, db: Database, availability: AvailabilityService) -> None:
        self._db, self._availability = db, availability

    async def take_place(self, tx: Tx, creator_id: int) -> None:
        """Take a place for a new order of this creator. Of two that want the last place, the second one is refused.

        :raises CreatorAway: today is inside an absence. :raises CreatorAtCapacity: all places are taken.
        """
        found = await self._availability.locked(tx, creator_id)
        until = found.away_until(self._availability.today())
        if until is not None:
            raise CreatorAway(until=told_day(until))
        if found.max_open_orders is None:
            return
        # After the lock, so that it counts the order that held it before.
        taken = await CapacityRepository(tx).count_open(creator_id)
        if taken >= found.max_open_orders:
            raise CreatorAtCapacity
        if taken + 1 == found.max_open_orders:
            await self._availability.set_full(tx, creator_id, True)

    async def follow(self, tx: Tx, before: Order, after: Order) -> None:
        """An order has left the open ones: there is a place."""
        if after.creator_id is not None and before.status in OPEN and after.status not in OPEN:
            await self._availability.set_full(tx, after.creator_id, False)

    async def own(self, actor: Actor) -> OwnCapacity:
        """:raises CreatorsOnly:"""
        found = await self._availability.own(actor)
        return OwnCapacity(found, await CapacityRepository(self._db).count_open(found.creator_id))

    async def change(self, actor: Actor, *, max_open_orders: int | None, lead_days: int) -> OwnCapacity:
        """Replace both. Orders that are open already stay, also if they are more. :raises CreatorsOnly:"""
        async with self._db.transaction() as tx:
            found = await self._availability.change(tx, actor, max_open_orders=max_open_orders, lead_days=lead_days)
            taken = await CapacityRepository(tx).count_open(found.creator_id)
            is_full = max_open_orders is not None and taken >= max_open_orders
            await self._availability.set_full(tx, found.creator_id, is_full)
        return OwnCapacity(replace(found, is_full=is_full), taken)

    async def recount_full(self) -> None:
        """Clear the mark of creators who have a place: two orders may have crossed when it was set."""
        for found in await self._availability.full():
            async with self._db.transaction() as tx:
                locked = await self._availability.locked(tx, found.creator_id)
                taken = await CapacityRepository(tx).count_open(found.creator_id)
                if locked.max_open_orders is None or taken < locked.max_open_orders:
                    await self._availability.set_full(tx, found.creator_id, False)
