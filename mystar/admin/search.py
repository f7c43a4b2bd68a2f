"""What may be typed into the search box of the panel, and what it can stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mystar.admin.lists.columns import parse_id, parse_order_number

_MAX_WORDS, _MIN_PART, _MIN_DIGITS = 5, 3, 5
_PHONE = re.compile(r"[\d\s()+\-.\u00a0\u2011\u2013]+")
_LIKE = re.compile(r"[%_\\]")
#: "заказ 12", "payout 3": the page that is meant.
_NAMED = re.compile(r"(\w+)[\s:]*(?:№|#)?\s*(\d{1,18})", re.IGNORECASE)
_PAGES: Mapping[str, str] = {
    **dict.fromkeys(("заказ", "order"), "orders"),
    **dict.fromkeys(("платеж", "payment"), "payments"),
    **dict.fromkeys(("выплата", "payout"), "payouts"),
    **dict.fromkeys(("услуга", "service"), "services"),
    **dict.fromkeys(("аккаунт", "человек", "account", "person"), "accounts"),
    **dict.fromkeys(("чек", "receipt"), "receipts"),
    **dict.fromkeys(("отзыв", "review"), "reviews"),
    **dict.fromkeys(("файл", "file"), "files"),
}


@dataclass(frozen=True, slots=True)
class SearchText:
    """What was typed, as each of the things that it may be; None or empty where it cannot be one.

    :param parts: patterns for LIKE, each a part of the words of a person or of a title, the longest one first.
    :param page: "orders" of "заказ 12".
    """

    text: str
    id: int | None
    studio_number: str | None
    email: str | None
    phone: str | None
    parts: tuple[str, ...]
    page: str | None

    def values(self) -> dict[str, object]:
        """Parameters of the queries."""
        return {
            "text": self.text,
            "id": self.id,
            "number": self.studio_number,
            "part": self.parts[0] if self.parts else None,
            "parts": list(self.parts[1:]),
        }


def read(text: str) -> SearchText:
    """:param text: printable, trimmed."""
    number, phone = parse_id(text), phone_part(text)
    named = _NAMED.fullmatch(folded(text))
    page = _PAGES.get(named[1]) if named else None
    email = text.lower() if re.fullmatch(r"\S+@\S+", text) else None
    return SearchText(
        text,
        int(named[2]) if named and page else number,
        parse_order_number(text),
        email,
        phone,
        (f"%{phone}%",) if phone else () if number is not None else parts_of(text),
        page,
    )


def folded(text: str) -> str:
    """As the database's ``person_words`` and ``title_words`` are."""
    return text.lower().replace("ё", "е")


def parts_of(text: str) -> tuple[str, ...]:
    """Patterns for LIKE of the words, the longest first; none if all are too short for an index of trigrams."""
    words = sorted(dict.fromkeys(folded(text).split()), key=len, reverse=True)[:_MAX_WORDS]
    if not words or len(words[0]) < _MIN_PART:
        return ()
    return tuple("%" + _LIKE.sub(r"\\\g<0>", word) + "%" for word in words)


def phone_part(text: str) -> str | None:
    """The digits of a phone, or of a part of one, without the code of the country that Russians spell 8, 7 or +7."""
    if not _PHONE.fullmatch(text):
        return None
    digits = "".join(filter(str.isdigit, text))
    if not digits.isascii() or not _MIN_DIGITS <= len(digits) <= 15:
        return None
    is_whole = len(digits) == 11 and digits[0] in "78"
    return digits[1:] if is_whole or (digits.startswith("8") and len(digits) > 7 and text != digits) else digits
