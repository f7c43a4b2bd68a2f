"""Control digits of the numbers in payout details: a mistyped one is refused before money is sent to it."""

from __future__ import annotations

from collections.abc import Sequence

#: Weights of an INN's control digits: of ten digits the last one, of twelve the last two.
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, *_INN_10)
_INN_12 = (3, *_INN_11)
#: BICs of the Bank of Russia's own offices end below this.
_OFFICES = 50


def is_inn(digits: str) -> bool:
    """Whether ten or twelve digits are an INN."""
    if not int(digits):
        return False
    match len(digits):
        case 10:
            return _inn_digit(digits, _INN_10) == digits[9]
        case 12:
            return _inn_digit(digits, _INN_11) + _inn_digit(digits, _INN_12) == digits[10:]
    return False


def is_account_of(account: str, bic: str) -> bool:
    """Whether the key of an account's twenty digits fits the BIC of its bank."""
    bank = bic[-3:] if int(bic[-3:]) >= _OFFICES else f"0{bic[4:6]}"
    return sum(int(digit) * (7, 1, 3)[place % 3] % 10 for place, digit in enumerate(bank + account)) % 10 == 0


def is_card(digits: str) -> bool:
    """Whether the digits are a card's number by length and control digit (Luhn)."""
    if not (digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _inn_digit(digits: str, weights: Sequence[int]) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
    return str(total % 11 % 10)
