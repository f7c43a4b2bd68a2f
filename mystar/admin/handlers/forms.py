"""What forms of the panel say: fields as text, read once more by the rules of whoever gets them."""

from __future__ import annotations

import re

from aiohttp import web

from mystar.admin.keys import ROWS
from mystar.errors import Invalid, NotFound, Text
from mystar.kit.money import kopecks
from mystar.kit.postgres.database import Row

#: A path's id: what the database can hold.
ID = r"{id:[0-9]{1,18}}"

_REQUIRED = Text("Обязательное поле.", "Missing data for required field.")
_CONTROL = Text("Недопустимые символы.", "Contains characters that are not allowed.")
_MONEY = Text("Введите сумму в рублях больше нуля.", "Enter an amount of rubles above zero.")
#: As people write it; "1e3" is no amount of money.
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_NUMBER = Text("Введите целое число.", "Not a valid integer.")


def id_of(request: web.Request) -> int:
    return int(request.match_info["id"])


async def shown(request: web.Request, query: str) -> Row:
    """The row of the page's query. :raises NotFound: there is none."""
    row = await request.app[ROWS].one(query, id=id_of(request))
    if row is None:
        raise NotFound
    return row


async def text_of(request: web.Request, name: str, *, most: int, least: int = 0) -> str:
    """:raises Invalid: missing, too long, or with characters that no text has."""
    value = (await request.post()).get(name, "")
    text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
    if len(text) < least:
        raise Invalid(fields={name: [_REQUIRED]})
    if len(text) > most:
        raise Invalid(fields={name: [Text(f"Не длиннее {most} символов.", f"Longer than maximum length {most}.")]})
    if any((character < " " and character not in "\n\t") or "\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(fields={name: [_CONTROL]})
    return text


async def rubles_of(request: web.Request, name: str) -> int | None:
    """Kopecks; None = nothing was entered. :raises Invalid:"""
    text = await text_of(request, name, most=20)
    if not text:
        return None
    plain = text.replace(",", ".").replace(" ", "").replace("\u00a0", "")
    try:
        amount = kopecks(plain) if _AMOUNT.fullmatch(plain) else 0
    except ValueError:
        amount = 0
    if amount == 0:
        raise Invalid(fields={name: [_MONEY]})
    return amount


async def number_of(request: web.Request, name: str, *, most: int) -> int:
    """:raises Invalid: no whole number from 0 to ``most``."""
    text = await text_of(request, name, most=20) or "0"
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise Invalid(fields={name: [_NUMBER]})
    return int(text)


async def ticked(request: web.Request, name: str) -> bool:
    return (await request.post()).get(name) == "yes"
