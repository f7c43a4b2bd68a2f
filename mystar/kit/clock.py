"""Time as an argument: code that needs it is given a clock, so that tests control it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

#: The zone of business days and months; it has had no other offset since 2014.
MOSCOW = timezone(timedelta(hours=3), "MSK")
#: Seconds by which a clock must have been set back; one that is kept right by NTP moves by less at a time.
_STEP = 10.0


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


class ClockSteps:
    """Notices that a clock was set back, by comparing it with the one that counts from the start of the machine.

    What was due in a minute would otherwise wait for as long as the clock was ahead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = self._read()

    def set_back(self) -> bool:
        """Whether the clock was set back since the last question. Ask every few seconds."""
        before, self._ahead = self._ahead, self._read()
        return self._ahead < before - _STEP

    def _read(self) -> float:
        return self._clock.now().timestamp() - time.monotonic()
