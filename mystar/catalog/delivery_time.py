"""Delivery times as clients write them, and as they are shown: "3-5 рабочих дней", "2 недели", "7 дней"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

MAX_DAYS = 365
#: A whole or decimal number; both commas and points are used.
_NUMBER = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,2})?(?![0-9])")
#: The beginnings of unit names, by their days.
_DAYS_OF_UNIT = {"hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 30.0}
_UNIT = re.compile(
    r"(?P<hours>час|hour|ч\b|h\b)|(?P<days>день|дн|сут|day|d\b)|(?P<weeks>недел|week)|(?P<months>месяц|month)",
    re.IGNORECASE,
)


class DeliveryTime(NamedTuple):
    """``text``: as it was written, empty if that was a bare number of days."""

    days: int
    text: str


def read_delivery_time(text: str) -> DeliveryTime | None:
    """The longest time in the text; None = there is none, or it is longer than ``MAX_DAYS``.

    Each number is of the unit behind it, or else before it, or of days.

    >>> read_delivery_time("3-5 рабочих дней")
    DeliveryTime(days=5, text='3-5 рабочих дней')
    """
    units = [(found.start(), _DAYS_OF_UNIT[found.lastgroup or ""]) for found in _UNIT.finditer(text)]
    times = [float(found[0].replace(",", ".")) * _unit_of(found.start(), units) for found in _NUMBER.finditer(text)]
    if not times:
        return None
    # Hours have no exact fraction of a day.
    days = math.ceil(round(max(times), 6))
    bare = text.strip().isdecimal()
    return DeliveryTime(days, "" if bare else text.strip()) if days <= MAX_DAYS else None


def _unit_of(place: int, units: Sequence[tuple[int, float]]) -> float:
    behind = [days for start, days in units if start > place]
    before = [days for start, days in units if start < place]
    return behind[0] if behind else before[-1] if before else 1.0


def days_text(days: int, language: str = "ru") -> str:
    """ "1 день", "3 дня", "7 дней", or "1 day", "7 days"."""
    tens, ones = days % 100 // 10, days % 10
    if language == "en":
        return f"{days} day" if days == 1 else f"{days} days"
    if tens != 1 and ones == 1:
        return f"{days} день"
    return f"{days} дня" if tens != 1 and ones in (2, 3, 4) else f"{days} дней"
