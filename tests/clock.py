"""Clocks for tests."""

from __future__ import annotations

import time
from datetime import datetime

from mystar.kit.clock import Clock


class FrozenClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class MidnightClock:
    """The module ``time`` for counts by minute, hour and day: at midnight when it is made, and runs from there.

    Windows in memory begin with the minutes of the clock, and a limit lets one hit more pass where one window ends.
    A test that counts hits exactly must not meet that moment by chance.
    """

    _DAY = 86_400

    def __init__(self) -> None:
        now = time.time()
        self._ahead = self._DAY - now % self._DAY

    def time(self) -> float:
        return time.time() + self._ahead
