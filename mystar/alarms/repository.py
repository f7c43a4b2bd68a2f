"""The rows of alarms, of their silences, and of what commands have found."""

from __future__ import annotations

from datetime import datetime, timedelta

from mystar.alarms.model import Alarm
from mystar.kit.health import Fact
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row

QUERIES = queries.load(__package__)
_DAY = timedelta(days=1)


class AlarmRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def lock(self) -> None:
        await self._tx.execute(QUERIES.lock_alarms)

    async def see(self, fact: Fact, began: datetime, now: datetime) -> None:
        await self._tx.execute(
            QUERIES.see_alarm,
            kind=fact.kind,
            subject=fact.subject,
            value=fact.value,
            note=fact.note[:200],
            began=began,
            now=now,
        )

    async def current(self, now: datetime) -> list[Alarm]:
        """Those that are open, and those that may become so."""
        return [Alarm(**row) for row in await self._tx.all(QUERIES.current_alarms, day_ago=now - _DAY)]

    async def open(self, alarm_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.open_alarm, id=alarm_id, now=now)

    async def mark_mailed(self, alarm_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.mark_alarm_mailed, id=alarm_id, now=now)

    async def close(self, alarm_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.close_alarm, id=alarm_id, now=now)

    async def forget(self, alarm_id: int) -> None:
        await self._tx.execute(QUERIES.forget_alarm, id=alarm_id)

    async def count_open(self) -> dict[str, int]:
        """By kind."""
        return {row["kind"]: row["open"] for row in await self._tx.all(QUERIES.count_open_alarms)}

    async def silence(self, alarm_id: int, until: datetime) -> tuple[str, str] | None:
        """Kind and subject; None if there is no such alarm, or it is over."""
        row = await self._tx.one_or_none(QUERIES.silence_alarm, id=alarm_id, until=until)
        return (row["kind"], row["subject"]) if row else None

    async def owners(self) -> list[Row]:
        """Their ``email`` and ``language``."""
        return await self._tx.all(QUERIES.owners)

    async def purge(self, before: datetime) -> int:
        """Delete up to a thousand alarms that were over before this moment; how many."""
        return await self._tx.execute(QUERIES.purge_alarms, before=before)

    async def mark(self, name: str, problems: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_mark, name=name, problems=problems, now=now)

    async def marks(self) -> list[Row]:
        """``name, marked_at, problems`` of the last run of each command."""
        return await self._tx.all(QUERIES.marks)
