"""The time zone in which a member of the staff reads the panel."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from mystar.errors import Text

#: To choose from; the profile of the API takes any other.
ZONES: Mapping[str, Text] = {
    "Europe/Kaliningrad": Text("Калининград", "Kaliningrad"),
    "Europe/Moscow": Text("Москва", "Moscow"),
    "Europe/Samara": Text("Самара", "Samara"),
    "Asia/Yekaterinburg": Text("Екатеринбург", "Yekaterinburg"),
    "Asia/Omsk": Text("Омск", "Omsk"),
    "Asia/Novosibirsk": Text("Новосибирск", "Novosibirsk"),
    "Asia/Krasnoyarsk": Text("Красноярск", "Krasnoyarsk"),
    "Asia/Irkutsk": Text("Иркутск", "Irkutsk"),
    "Asia/Yakutsk": Text("Якутск", "Yakutsk"),
    "Asia/Vladivostok": Text("Владивосток", "Vladivostok"),
    "Asia/Magadan": Text("Магадан", "Magadan"),
    "Asia/Kamchatka": Text("Камчатка", "Kamchatka"),
    "Europe/Minsk": Text("Минск", "Minsk"),
    "Asia/Yerevan": Text("Ереван", "Yerevan"),
    "Asia/Tbilisi": Text("Тбилиси", "Tbilisi"),
    "Asia/Almaty": Text("Алматы", "Almaty"),
    "Asia/Tashkent": Text("Ташкент", "Tashkent"),
    "Europe/Berlin": Text("Берлин", "Berlin"),
    "Europe/London": Text("Лондон", "London"),
    "UTC": Text("UTC", "UTC"),
}
#: Of the page that is being rendered.
ZONE: ContextVar[tzinfo] = ContextVar("mystar_panel_zone", default=UTC)


def label(zone: tzinfo, now: datetime) -> Text:
    """In words, such as "Москва, UTC+3"."""
    offset = now.astimezone(zone).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    shift = f"UTC{'+' if minutes >= 0 else '−'}{hours}{f':{rest:02}' if rest else ''}" if minutes else "UTC"
    key = zone.key if isinstance(zone, ZoneInfo) else ""
    city = ZONES.get(key) or ({"MSK": ZONES["Europe/Moscow"]}.get(str(zone)) or Text(key, key))
    return Text(*(shift if name in ("", "UTC") else f"{name}, {shift}" for name in city))


def start_of(day: date, zone: tzinfo) -> datetime:
    """The moment at which the day begins there."""
    return datetime.combine(day, time(), zone)
