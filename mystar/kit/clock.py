"""Time as an argument: code that needs it is given a clock, so that tests control it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

#: The zone of business days and months; it has had no other offset since 2014.
MOSCOW = timezone(timedelta(hours=3), "MSK")


class Clock:
    """The time of day."""

    def now(self) -> datetime:
        """An aware moment in UTC."""
        return datetime.now(UTC)
