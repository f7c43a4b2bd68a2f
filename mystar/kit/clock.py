"""Time as an argument: whoever needs it is given a clock, so that tests own it."""

from __future__ import annotations

from datetime import UTC, datetime


class Clock:
    """The time of day."""

    def now(self) -> datetime:
        """An aware moment in UTC."""
        return datetime.now(UTC)


class SetClock(Clock):
    """A clock that stands until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment
