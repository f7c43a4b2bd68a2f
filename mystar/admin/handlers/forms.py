"""Fields of the panel's forms; the domains validate them again."""

from __future__ import annotations

import re

from aiohttp import web

from mystar.admin.access import staff_of
from mystar.admin.keys import ROWS
from mystar.errors import Invalid, NotFound, Text
from mystar.kit.money import kopecks
from mystar.kit.postgres.database import Row
from mystar.kit.web.multipart import form

#: An id in a path, as large as the database can hold.
ID = r"{id:[0-9]{1,18}}"

_REQUIRED = Text("Обязательное поле.", "Missing data for required field.")
_CONTROL = Text("Недопустимые символы.", "Contains characters that are not allowed.")
_MONEY = Text("Введите сумму в рублях больше нуля.", "Enter an amount of rubles above zero.")
#: Without exponents: "1e3" is not an amount.
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
#: Above it a limit is one of the database, which tells a person nothing.
_TOLD_LIMIT = 10**9


def path_id(request: web.Request) -> int:
    return int(request.match_info["id"])


async def load_row(request: web.Request, query: str) -> Row:
    """The row of a named query by the id in the path. :raises NotFound:"""
    row = await request.app[ROWS].one(query, id=path_id(request))
    if row is None:
        raise NotFound
    return row


async def text_field(request: web.Request, name: str, *, max_length: int, min_length: int = 0) -> str:
    """:raises Invalid: missing, too long, or with control characters."""
    value = (await form(request)).get(name, "")
    text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
    if len(text) < min_length:
        raise Invalid(fields={name: [_REQUIRED]})
    if len(text) > max_length:
        raise Invalid(
            fields={name: [Text(f"Не длиннее {max_length} символов.", f"Longer than maximum length {max_length}.")]}
        )
    if any((character < " " and character not in "\n\t") or "\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(fields={name: [_CONTROL]})
    return text


async def reason_field(request: web.Request) -> str:
    """What the person reads whom an action is about; may be empty. :raises Invalid:"""
    return await text_field(request, "reason", max_length=500)


async def rubles_field(request: web.Request, name: str) -> int | None:
    """The amount in kopecks; None for an empty field. :raises Invalid:"""
    text = await text_field(request, name, max_length=20)
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


async def number_field(request: web.Request, name: str, *, max_value: int) -> int:
    """:raises Invalid: not an integer from 0 to ``max_value``."""
    text = await text_field(request, name, max_length=20) or "0"
    if not (text.isascii() and text.isdigit() and int(text) <= max_value):
        raise Invalid(fields={name: [_whole_number(max_value)]})
    return int(text)


async def seen_field(request: web.Request) -> int | None:
    """The state that a form of the panel was rendered with, so that one that is sent twice counts once.

    None: the sender is a program, which saw no page. -1: the form does not say; no state is that.
    """
    if not staff_of(request).by_cookie:
        return None
    return await number_field(request, "seen", max_value=2**63 - 1) if (await form(request)).get("seen") else -1


def _whole_number(most: int) -> Text:
    if most > _TOLD_LIMIT:
        return Text("Введите целое число, не меньше нуля.", "Enter a whole number, zero or more.")
    return Text(f"Введите целое число от 0 до {most}.", f"Enter a whole number from 0 to {most}.")


async def is_checked(request: web.Request, name: str) -> bool:
    return (await form(request)).get(name) == "yes"
