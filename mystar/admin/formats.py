"""How the panel writes moments, days, sums, sizes and fractions: in the language and the zone of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from decimal import Decimal

from mystar.admin.zones import ZONE
from mystar.errors import Text
from mystar.kit.money import format_rubles

#: Of the page that is being rendered.
_LANGUAGE: ContextVar[str] = ContextVar("mystar_panel_language", default="ru")
_NBSP = "\u00a0"
NUMBER_SIGN = Text("№", "No.")
#: English pages have days as mails do, which no reader takes for another month.
_DAY = {"ru": "%d.%m.%Y", "en": "%Y-%m-%d"}
_SHORT_DAY = {"ru": "%d.%m", "en": "%m-%d"}
_MONTH = {"ru": "%m.%Y", "en": "%Y-%m"}
_SIZES = {"ru": ("Б", "КБ", "МБ", "ГБ"), "en": ("B", "KB", "MB", "GB")}
_THOUSANDS, _MILLIONS = {"ru": f"{_NBSP}тыс.", "en": "k"}, {"ru": f"{_NBSP}млн", "en": "M"}


@contextmanager
def written_for(language: str, zone: tzinfo) -> Iterator[None]:
    """What is rendered inside is for a reader of this language, "ru" or "en", in this zone."""
    zone_before, language_before = ZONE.set(zone), _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(language_before)
        ZONE.reset(zone_before)


def number(value: object) -> str:
    """Of an order and of other things: "№ 12" or "No. 12", on one line."""
    return numbered(value).in_(_LANGUAGE.get())


def numbered(value: object) -> Text:
    """The same in both languages."""
    return Text(f"{NUMBER_SIGN.ru}{_NBSP}{value}", f"{NUMBER_SIGN.en}{_NBSP}{value}")


def moment(value: datetime | None) -> str:
    """In the reader's zone, as the footer of every page says."""
    return value.astimezone(ZONE.get()).strftime(f"{_DAY[_LANGUAGE.get()]}{_NBSP}%H:%M") if value else "—"


def kept_moment(text: str | None) -> str:
    """A moment that was kept as JSON."""
    return moment(datetime.fromisoformat(text) if text else None)


def kept(text: str) -> Text:
    """A day or a moment that was kept as text, in both forms; anything else as it is."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return Text(text, text)
    zone, is_day, forms = ZONE.get(), len(text) == len("2026-02-01"), []
    for language in ("ru", "en"):
        with written_for(language, zone):
            forms.append(day(value.date()) if is_day else moment(value))
    return Text(*forms)


def day(value: date | None) -> str:
    return value.strftime(_DAY[_LANGUAGE.get()]) if value else "—"


def short_day(value: date) -> str:
    """For the axis of a chart."""
    return value.strftime(_SHORT_DAY[_LANGUAGE.get()])


def month(value: date) -> str:
    return value.strftime(_MONTH[_LANGUAGE.get()])


def money(kopecks: int | None) -> str:
    """1500000 → "15 000 ₽" or "15,000 RUB"; kopecks only where there are some."""
    return "—" if kopecks is None else format_rubles(kopecks, _LANGUAGE.get()).replace(" ", _NBSP)


def fraction(value: Decimal | float | str) -> str:
    """A number with its point or comma: 4.50 → "4.50" or "4,50"."""
    return str(value).replace(".", ",") if _LANGUAGE.get() == "ru" else str(value)


def size(octets: int) -> str:
    units, amount, place = _SIZES[_LANGUAGE.get()], float(octets), 0
    while amount >= 1000 and place < len(units) - 1:
        amount, place = amount / 1000, place + 1
    return f"{fraction(f'{amount:.{1 if place else 0}f}')}{_NBSP}{units[place]}"


def short(kopecks: int) -> str:
    """For a chart: thousands of rubles as "5k" or "5 тыс."."""
    rubles, language = kopecks / 100, _LANGUAGE.get()
    if rubles >= 1_000_000:
        return f"{fraction(f'{rubles / 1_000_000:g}')}{_MILLIONS[language]}"
    return f"{fraction(f'{rubles / 1000:g}')}{_THOUSANDS[language]}" if rubles >= 1000 else fraction(f"{rubles:g}")
