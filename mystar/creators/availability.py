"""When creators take orders: how many at once, from when, and on which days not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from mystar.accounts.model import Actor
from mystar.creators.availability_repository import AvailabilityRepository
from mystar.creators.model import (
    MAX_ABSENCE_DAYS,
    MAX_ABSENCES,
    Absence,
    AbsenceImpossible,
    Availability,
    TooManyAbsences,
)
from mystar.creators.service import CreatorService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx

#: Days that absences are kept after their end.
_KEEP = timedelta(days=90)


class AvailabilityService:
    """Days are those of the clock's zone. Methods with an ``actor`` raise `CreatorsOnly`."""

    def __init__(self, db: Database, creators: CreatorService, clock: Clock) -> None:
        self._db, self._creators, self._clock = db, creators, clock

    def today(self) -> date:
        return self._clock.today()

    async def own(self, actor: Actor) -> Availability:
        creator = await self._creators.require(actor)
        return await AvailabilityRepository(self._db).find(creator.id, self._clock.today())

    async def change(self, tx: Tx, actor: Actor, *, max_open_orders: int | None, lead_days: int) -> Availability:
        """Replace both, and lock the row, so that no order is placed meanwhile."""
        rows, found = await self._begun(tx, actor)
        now = self._clock.now()
        await rows.set(found.creator_id, max_open_orders=max_open_orders, lead_days=lead_days, now=now)
        return replace(found, max_open_orders=max_open_orders, lead_days=lead_days)

    async def add_absence(self, actor: Actor, starts_on: date, ends_on: date) -> Absence:
        """Both days are inside. :raises AbsenceImpossible: :raises TooManyAbsences:"""
        today = self._clock.today()
        # Of days, as the last one of the calendar has none after it.
        if ends_on < max(starts_on, today) or (ends_on - starts_on).days > MAX_ABSENCE_DAYS:
            raise AbsenceImpossible
        async with self._db.transaction() as tx:
            rows, found = await self._begun(tx, actor)
            if len(found.absences) >= MAX_ABSENCES:
                raise TooManyAbsences(limit=MAX_ABSENCES)
            absence = await rows.add_absence(found.creator_id, starts_on, ends_on)
            await rows.follow_absences(today, found.creator_id)
        return absence

    async def remove_absence(self, actor: Actor, absence_id: int) -> None:
        """:raises AbsenceUnknown:"""
        async with self._db.transaction() as tx:
            rows, found = await self._begun(tx, actor)
            await rows.remove_absence(found.creator_id, absence_id)
            await rows.follow_absences(self._clock.today(), found.creator_id)

    async def locked(self, tx: Tx, creator_id: int) -> Availability:
        """Orders from this creator wait until the end of the transaction."""
        return await AvailabilityRepository(tx).find(creator_id, self._clock.today(), lock=True)

    async def set_full(self, tx: Tx, creator_id: int, is_full: bool) -> None:
        """What the catalogue shows; whether an order is taken is decided when it is placed."""
        await AvailabilityRepository(tx).set_full(creator_id, is_full)

    async def full(self) -> list[Availability]:
        """Without their absences."""
        return await AvailabilityRepository(self._db).full()

    async def follow_absences(self) -> None:
        """Show in the catalogue which absences have begun and ended; delete old ones."""
        rows, today = AvailabilityRepository(self._db), self._clock.today()
        await rows.follow_absences(today)
        await rows.purge(today - _KEEP)

    async def _begun(self, tx: Tx, actor: Actor) -> tuple[AvailabilityRepository, Availability]:
        rows, creator = AvailabilityRepository(tx), await self._creators.require(actor, tx)
        await rows.begin(creator.id)
        return rows, await rows.find(creator.id, self._clock.today(), lock=True)
