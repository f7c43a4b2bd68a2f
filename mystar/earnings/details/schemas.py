"""What the market reads and writes about payout details."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from mystar.accounts.credentials import InvalidCredential, normalize_phone
from mystar.earnings.details.model import FIELDS, Bank, Details
from mystar.earnings.details.numbers import is_account_of, is_card, is_inn
from mystar.errors import Text
from mystar.kit.web.fields import BaseSchema, Id, PlainText

_DIGITS = Text("Введите цифры: {count}.", "Enter digits: {count}.")
_NEEDED = Text("Обязательное поле.", "Missing data for required field.")
_PHONE = Text("Введите российский мобильный номер.", "Enter a Russian mobile number.")
_CARD_NUMBER = Text("Номер карты не принимается: нужен токен.", "Card numbers are not accepted: a token is needed.")
_WALLET = Text("Это номер карты, а не кошелька.", "This is the number of a card, not of a wallet.")
_INN = Text("Такого ИНН не бывает: проверьте цифры.", "There is no such INN: please check its digits.")
_ACCOUNT = Text(
    "Номер счёта не подходит к БИК: проверьте цифры обоих.", "The account does not fit the BIC: please check both."
)
_CURRENCY = Text("Нужен рублёвый счёт.", "The account must be one in rubles.")
_BIC = Text("БИК начинается с 01–04.", "A BIC begins with 01 to 04.")
_MASK = Text("Введите маску карты: видны не больше десяти цифр.", "Enter a card's mask: at most ten digits are shown.")


class Digits(PlainText):
    """So many digits; spaces between them are left out."""

    def __init__(self, least: int, most: int | None = None, **options: Any) -> None:
        super().__init__(max_length=100, **options)
        self._counts = range(least, (most or least) + 1)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        digits = super()._deserialize(value, attr, data, **options).replace(" ", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) in self._counts):
            count = "–".join(dict.fromkeys((str(self._counts[0]), str(self._counts[-1]))))
            raise ValidationError([Text(*(text.format(count=count) for text in _DIGITS))])
        return digits


class Confirmation(BaseSchema):
    """Needed unless the session was opened in the last ten minutes."""

    password = fields.String(load_default=None, validate=validate.Length(max=1024))


class DetailsDraft(Confirmation):
    """``sbp``: phone and bank_id. ``card``: token and mask. ``wallet``: account_number. ``bank_account``: bic, account,
    inn and name."""

    kind = fields.String(required=True, validate=validate.OneOf(list(FIELDS)))
    phone = PlainText(max_length=40)
    bank_id = Digits(12)
    token = PlainText(max_length=200)
    mask = PlainText(max_length=40)
    account_number = Digits(11, 33)
    bic = Digits(9)
    account = Digits(20)
    inn = Digits(10, 12)
    name = PlainText(max_length=160)

    @post_load
    def _of_one_kind(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        kind = data["kind"]
        given = {name: data.get(name, "") for name in FIELDS[kind]}
        problems = {name: [_NEEDED] for name, value in given.items() if not value}
        if problems:
            raise ValidationError(problems)
        if kind == "sbp":
            given["phone"] = _mobile(given["phone"])
        elif problems := {name: [text] for name, text in _PROBLEMS[kind](given).items()}:
            raise ValidationError(problems)
        return {"kind": kind, "fields": given, "password": data["password"]}


def _card_problems(given: Mapping[str, str]) -> dict[str, Text]:
    problems = {}
    if _is_number(given["token"]):
        problems["token"] = _CARD_NUMBER
    if not 4 <= len(re.sub("[^0-9]", "", given["mask"])) <= 10:
        problems["mask"] = _MASK
    return problems


def _wallet_problems(given: Mapping[str, str]) -> dict[str, Text]:
    number = given["account_number"]
    return {"account_number": _WALLET} if is_card(number) and not number.startswith("4100") else {}


def _bank_problems(given: Mapping[str, str]) -> dict[str, Text]:
    problems = {}
    if not re.match("0[1-4]", given["bic"]):
        problems["bic"] = _BIC
    if given["account"][5:8] != _RUBLES:
        problems["account"] = _CURRENCY
    elif not is_account_of(given["account"], given["bic"]):
        problems["account"] = _ACCOUNT
    if not is_inn(given["inn"]):
        problems["inn"] = _INN
    return problems


#: The code of rubles in the number of an account.
_RUBLES = "810"
_PROBLEMS = {"card": _card_problems, "wallet": _wallet_problems, "bank_account": _bank_problems}


def _is_number(token: str) -> bool:
    """Whether a token is the number of a card, however its digits are grouped."""
    return re.fullmatch("[0-9 -]{12,}", token) is not None or is_card(re.sub("[ ._-]", "", token))


def _mobile(raw: str) -> str:
    try:
        phone = normalize_phone(raw) or ""
    except InvalidCredential as error:
        raise ValidationError({"phone": [_PHONE]}) from error
    if not re.fullmatch(r"\+79[0-9]{9}", phone):
        raise ValidationError({"phone": [_PHONE]})
    return phone


class DetailsView(BaseSchema):
    """Never the number itself."""

    kind = fields.String(required=True, metadata={"enum": list(FIELDS)})
    mask = fields.String(required=True)
    usable_at = fields.DateTime(required=True)


class BankView(BaseSchema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    bic = fields.String(required=True)


class NotMeLink(BaseSchema):
    account = Id(required=True)
    sig = fields.String(required=True)


def details_view(details: Details) -> dict[str, Any]:
    return {"kind": details.kind, "mask": details.mask, "usable_at": details.usable_at}


def bank_view(bank: Bank) -> dict[str, Any]:
    return bank._asdict()
