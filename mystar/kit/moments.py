"""Days and moments in the words of mails, in Russian and English."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from mystar.errors import Text, Told

_MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "en": "January February March April May June July August September October November December",
}
_MOSCOW = timedelta(hours=3)


def zone_of(name: str | None, otherwise: tzinfo) -> tzinfo:
    """The zone of this name; the other one without a name, or for one that is not known any more."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (LookupError, ValueError, OSError):
        return otherwise


def day_text(day: date, language: str) -> str:
    """In words: "5 мая 2030", "5 May 2030"."""
    return f"{day.day} {_MONTHS[language].split()[day.month - 1]} {day.year}"


def told_day(day: date) -> Told:
    """A day as a detail of an error."""
    return Told(day.isoformat(), Text(day_text(day, "ru"), day_text(day, "en")))


def moment_text(moment: datetime, language: str, zone: tzinfo) -> str:
    """In words: "5 мая 2030, 14:30 по Москве", "5 May 2030, 14:30 (UTC+5)"."""
    local = moment.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    text = f"{day_text(local, language)}, {local:%H:%M}"
    if offset == _MOSCOW:
        return f"{text} {'Moscow time' if language == 'en' else 'по Москве'}"
    hours, minutes = divmod(abs(int(offset.total_seconds())) // 60, 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{text} (UTC{f'{sign}{hours}' if hours or minutes else ''}{f':{minutes:02d}' if minutes else ''})"
