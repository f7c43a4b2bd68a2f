"""Money is an integer of kopecks inside the program and rubles in requests and answers (D24)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache

import orjson

from mystar.errors import Text, Told

_KOPECK = Decimal("0.01")
#: Largest amount in kopecks: sums of many such amounts fit a bigint.
MAX_KOPECKS = 10**13


def kopecks(rubles: Decimal | str | int) -> int:
    """Rubles as whole kopecks.

    :raises ValueError: not a number in ASCII digits, a part of a kopeck, negative, or above ``MAX_KOPECKS``.
    """
    if isinstance(rubles, str) and (not rubles.isascii() or any(sign in rubles for sign in "_eE")):
        # Decimal would accept 1_000, 1e3 and the digits of other alphabets.
        raise ValueError(f"not an amount of money: {rubles!r}")
    try:
        amount = Decimal(rubles)
        exact = amount.quantize(_KOPECK)
    except InvalidOperation as error:
        raise ValueError(f"not an amount of money: {rubles!r}") from error
    if exact != amount:
        raise ValueError(f"a part of a kopeck: {rubles}")
    whole = int(exact * 100)
    if not 0 <= whole <= MAX_KOPECKS:
        raise ValueError(f"out of range: {rubles}")
    return whole


def rubles(amount: int) -> Decimal:
    """Kopecks as rubles with two places: 1500000 → Decimal("15000.00")."""
    return (Decimal(amount) / 100).quantize(_KOPECK)


@lru_cache(maxsize=4096)
def rubles_text(amount: int) -> str:
    """Kopecks as the text that the documents and the provider show: 1500000 → "15000.00", -150 → "-1.50"."""
    sign, amount = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


@lru_cache(maxsize=4096)
def rubles_number(amount: int) -> orjson.Fragment:
    """Kopecks as an exact JSON number of rubles with two places: 1500000 → 15000.00."""
    return orjson.Fragment(rubles_text(amount))


def told_rubles(amount: int) -> Told:
    """Kopecks as a detail of an error."""
    return Told(rubles_text(amount), Text(format_rubles(amount, "ru"), format_rubles(amount, "en")))


def format_rubles_text(text: str, language: str = "ru") -> str:
    """Rubles that are stored as text, such as "-15.00", for people. :raises ValueError: it is no such text."""
    return format_rubles(kopecks(text.removeprefix("-")) * (-1 if text.startswith("-") else 1), language)


def format_rubles(amount: int, language: str = "ru") -> str:
    """Kopecks for people: 1500000 → "15 000 ₽" or "15,000 RUB"; kopecks only where there are some."""
    text = _separated(amount, language, has_kopecks=amount % 100 != 0)
    return f"{text} RUB" if language == "en" else f"{text}\N{NO-BREAK SPACE}₽"


def format_sum(amount: int, language: str = "ru") -> str:
    """Kopecks for a column of sums: 1500000 → "15 000,00" or "15,000.00", without the currency."""
    return _separated(amount, language, has_kopecks=True)


def _separated(amount: int, language: str, *, has_kopecks: bool) -> str:
    """With the separators of the language, and a minus sign as wide as the plus."""
    whole, part = divmod(abs(amount), 100)
    thousands, point = (",", ".") if language == "en" else ("\N{NO-BREAK SPACE}", ",")
    sign, kopecks_text = "\N{MINUS SIGN}" if amount < 0 else "", f"{point}{part:02d}" if has_kopecks else ""
    return f"{sign}{whole:,}".replace(",", thousands) + kopecks_text
