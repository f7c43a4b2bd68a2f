"""Periods of the statistics: which days, in what steps, and the period before to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from mystar.errors import Text

#: Days that are offered; more than `_MAX_DAYS` are cut.
CHOICES: Mapping[int, Text] = {
    7: Text("7 дней", "7 days"),
    30: Text("30 дней", "30 days"),
    90: Text("90 дней", "90 days"),
    365: Text("год", "a year"),
}
_DEFAULT, _MAX_DAYS = 30, 5 * 366
#: The longest period in steps of a day, and of a week.
_DAILY, _WEEKLY = 45, 370
STEPS: Mapping[str, Text] = {
    "day": Text("по дням", "by day"),
    "week": Text("по неделям", "by week"),
    "month": Text("по месяцам", "by month"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """From ``first`` to ``last``, both included. ``days``: the choice that it is; 0 = other days."""

    first: date
    last: date
    days: int

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """As long, and just before it."""
        last = self.first - timedelta(days=1)
        return Period(last - timedelta(days=self.length - 1), last, 0)

    @property
    def step(self) -> str:
        """One of `STEPS`: few enough bars to be read."""
        return "day" if self.length <= _DAILY else "week" if self.length <= _WEEKLY else "month"


def read(query: Mapping[str, str], today: date) -> Period:
    """``days``, or ``since`` and ``until``; what cannot be a period is the last thirty days."""
    since, until = _day(query.get("since", "")), _day(query.get("until", ""))
    if since is not None:
        last = min(until or today, today)
        if since <= last:
            return Period(max(since, last - timedelta(days=_MAX_DAYS - 1)), last, 0)
    chosen = next((days for days in CHOICES if str(days) == query.get("days")), _DEFAULT)
    return Period(today - timedelta(days=chosen - 1), today, chosen)


def _day(text: str) -> date | None:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        return found if 2000 <= found.year <= 9000 else None
    return None


def change(now: int, before: int) -> str:
    """Such as "+12 %"; empty when there was nothing before."""
    if before <= 0:
        return ""
    percent = round((now - before) * 100 / before)
    return f"{'+' if percent > 0 else '−' if percent < 0 else ''}{abs(percent)}\u00a0%"
