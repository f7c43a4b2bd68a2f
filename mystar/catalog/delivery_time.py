"""Delivery times as clients write them, and as they are shown: "3-5 рабочих дней", "2 недели", "7 дней"."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DAYS = 365
_NUMBER = re.compile(r"[0-9]{1,6}")
#: The beginnings of unit names, with days per unit; everything else is days.
_UNITS = (
    (re.compile(r"\b(?:час|hour|ч\b|h\b)", re.IGNORECASE), 1 / 24),
    (re.compile(r"\b(?:недел|week)", re.IGNORECASE), 7),
    (re.compile(r"\b(?:месяц|month)", re.IGNORECASE), 30),
)


class DeliveryTime(NamedTuple):
    """``text``: as it was written, empty if that was a bare number of days."""

    days: int
    text: str


def read_delivery_time(text: str) -> DeliveryTime | None:
    """The largest number in the text is the time; None = there is none, or it is longer than ``MAX_DAYS``.

    >>> read_delivery_time("3-5 рабочих дней")
    DeliveryTime(days=5, text='3-5 рабочих дней')
    """
    numbers = [int(number) for number in _NUMBER.findall(text)]
    if not numbers:
        return None
    factor = next((factor for unit, factor in _UNITS if unit.search(text)), 1)
    days = -int(-max(numbers) * factor // 1)
    bare = text.strip().isdecimal()
    return DeliveryTime(days, "" if bare else text.strip()) if days <= MAX_DAYS else None


def days_text(days: int) -> str:
    """In Russian, the language of the market's document: "1 день", "3 дня", "7 дней"."""
    tens, ones = days % 100 // 10, days % 10
    if tens != 1 and ones == 1:
        return f"{days} день"
    return f"{days} дня" if tens != 1 and ones in (2, 3, 4) else f"{days} дней"
