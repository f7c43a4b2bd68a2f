"""How old somebody is, to the day, and who is old enough for the studio (docs/dialects/studio.md, D34)."""

from __future__ import annotations

from datetime import date

from mystar.accounts.model import TooYoung

ADULT = 18


def age_on(birth_date: date, day: date) -> int:
    """Full years. Whoever was born on 29 February is a year older on 1 March of other years."""
    had_no_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - had_no_birthday


def require_adult(birth_date: date, day: date) -> None:
    """:raises TooYoung: the eighteenth birthday is still to come; the day itself is enough."""
    if age_on(birth_date, day) < ADULT:
        raise TooYoung
