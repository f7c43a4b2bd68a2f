"""The rows of what creators say of their availability."""

from __future__ import annotations

from datetime import date, datetime

from mystar.creators.model import MAX_ABSENCES, Absence, AbsenceUnknown, Availability
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={"availability": QUERIES.export_availability, "absences": QUERIES.export_absences},
    erasures=(QUERIES.erase_absences, QUERIES.erase_availability),
)
_MAX_ROWS = 1000


class AvailabilityRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def find(self, creator_id: int, today: date, *, lock: bool = False) -> Availability:
        """With the absences that are not over; the defaults for a creator who has said nothing."""
        query = QUERIES.lock_availability if lock else QUERIES.availability
        row = await self._tx.one_or_none(query, creator_id=creator_id)
        if row is None:
            return Availability(creator_id)
        absences = await self._tx.all(QUERIES.absences, creator_id=creator_id, today=today, limit=MAX_ABSENCES)
        return Availability(**row, absences=tuple(Absence(**one) for one in absences))

    async def begin(self, creator_id: int) -> None:
        """From now on there is a row to lock."""
        await self._tx.execute(QUERIES.begin_availability, creator_id=creator_id)

    async def set(self, creator_id: int, *, max_open_orders: int | None, lead_days: int, now: datetime) -> None:
        await self._tx.execute(
            QUERIES.set_availability,
            creator_id=creator_id,
            max_open_orders=max_open_orders,
            lead_days=lead_days,
            now=now,
        )

    async def add_absence(self, creator_id: int, starts_on: date, ends_on: date) -> Absence:
        row = await self._tx.one(QUERIES.add_absence, creator_id=creator_id, starts_on=starts_on, ends_on=ends_on)
        return Absence(**row)

    async def remove_absence(self, creator_id: int, absence_id: int) -> None:
        """:raises AbsenceUnknown:"""
        if not await self._tx.execute(QUERIES.remove_absence, creator_id=creator_id, id=absence_id):
            raise AbsenceUnknown

    async def set_full(self, creator_id: int, is_full: bool) -> None:
        """Nothing waits for it."""
        await self._tx.enqueue(QUERIES.set_full, creator_id=creator_id, is_full=is_full)

    async def full(self) -> list[Availability]:
        """Creators whose places are all taken, as the catalogue knows it; up to a thousand."""
        return [Availability(**row) for row in await self._tx.all(QUERIES.full_creators, limit=_MAX_ROWS)]

    async def follow_absences(self, today: date, creator_id: int | None = None) -> None:
        await self._tx.execute(QUERIES.follow_absences, today=today, creator_id=creator_id)

    async def purge(self, before: date) -> int:
        """Delete up to a thousand absences that ended before this day; how many."""
        return await self._tx.execute(QUERIES.purge_absences, before=before)
