"""Time as an argument: code that needs it is given a clock, so that tests control it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

#: The zone of business days and months; it has had no other offset since 2014.
MOSCOW = timezone(timedelta(hours=3), "MSK")


class Clock:
    """The time of day.

    ``zone``: in whose days ages are counted.
    """

    zone: tzinfo = MOSCOW

    def now(self) -> datetime:
        """An aware moment in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """The day in ``zone``."""
        return self.now().astimezone(self.zone).date()
