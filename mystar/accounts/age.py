"""Age in full years, and the age limit for the studio (docs/dialects/studio.md, D34)."""

from __future__ import annotations

from datetime import date

from mystar.accounts.model import TooYoung

ADULT = 18


def age_on(birth_date: date, day: date) -> int:
    """Full years. A person born on 29 February turns a year older on 1 March of other years."""
    had_no_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - had_no_birthday


def require_adult(birth_date: date, day: date) -> None:
    """:raises TooYoung: younger than 18; on the eighteenth birthday the person is 18."""
    if age_on(birth_date, day) < ADULT:
        raise TooYoung
