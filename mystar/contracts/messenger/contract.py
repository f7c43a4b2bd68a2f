"""The messenger dialect (docs/dialects/messenger.md): its routes and its errors."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.oauth.model import SignInRefused
from mystar.contracts.base import MESSAGE_AND_DETAIL_SCHEMA, Contract, message_and_detail
from mystar.contracts.messenger import accounts, gateway, private, users, yandex
from mystar.errors import MystarError
from mystar.kit.web.http import json_response


def render_error(error: MystarError, status: int, language: str, _request: web.Request) -> web.Response:
    body = message_and_detail(error, language)
    # What clients know word for word is said in English, whatever the language; the message is for people.
    body["detail"] = _DETAILS.get(error.code, body["detail"])
    return json_response(body, status)


_DETAILS = {**accounts.DETAILS, **users.DETAILS, **private.DETAILS, **yandex.DETAILS}
PREFIXES = ("/users", "/auth", "/gateway", "/private")
#: A taken name is 400 here, not a conflict (D13).
STATUSES: dict[str | type[MystarError], int] = {
    "taken": 400,
    SignInRefused: 400,
    **dict.fromkeys([*private.DETAILS, *yandex.DETAILS], 400),
}

CONTRACT = Contract(
    "messenger",
    PREFIXES,
    (*accounts.ROUTES, *users.ROUTES, *gateway.ROUTES, *private.ROUTES, *yandex.ROUTES),
    render_error,
    MESSAGE_AND_DETAIL_SCHEMA,
    STATUSES,
)
