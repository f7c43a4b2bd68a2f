"""Money is whole kopecks everywhere inside; rubles exist only on the wire (D24)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_KOPECK = Decimal("0.01")
#: Fits a bigint with room for sums, and is more than anybody will ever ask for a greeting.
MAX_KOPECKS = 10**13


def kopecks(rubles: Decimal | str | int) -> int:
    """Rubles as whole kopecks.

    :raises ValueError: not a number in plain digits, a part of a kopeck, negative, or beyond ``MAX_KOPECKS`` kopecks.
    """
    if isinstance(rubles, str) and ("_" in rubles or not rubles.isascii()):
        # Decimal would read 1_000, and digits of every alphabet.
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


def rubles_text(amount: int) -> str:
    """Kopecks as the text that the documents and the provider show: 1500000 → "15000.00"."""
    return f"{amount // 100}.{amount % 100:02d}"
