"""A clock for tests."""

from __future__ import annotations

from datetime import datetime

from mystar.kit.clock import Clock


class FrozenClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment
