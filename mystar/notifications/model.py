"""Whom we tell, and how amounts and dates are said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to be told. Without an address nothing is sent."""

    id: int
    username: str
    email: str | None
    language: str


def spoken_amount(kopecks: int, language: str) -> str:
    """1500000 → "15 000 ₽" or "15,000 RUB"; kopecks only where there are some."""
    whole, rest = divmod(kopecks, 100)
    if language == "en":
        return f"{whole:,}{f'.{rest:02d}' if rest else ''} RUB"
    spaced = f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{spaced}{f',{rest:02d}' if rest else ''}\N{NO-BREAK SPACE}₽"


def spoken_date(day: date | None, language: str) -> str:
    if day is None:
        return ""
    return day.isoformat() if language == "en" else f"{day:%d.%m.%Y}"
