"""The identity dialect (docs/dialects/identity.md): its routes and its errors."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.oauth.model import SignInRefused
from mystar.contracts.base import MESSAGE_AND_DETAIL_SCHEMA, Contract, message_and_detail
from mystar.contracts.identity import accounts, providers
from mystar.errors import MystarError
from mystar.kit.web.http import json_response

#: What this dialect calls fields of the domains.
_FIELD_NAMES = {"phone": "phone_number", "password": "hash_password"}


def render_error(error: MystarError, status: int, language: str, _request: web.Request) -> web.Response:
    body = message_and_detail(error, language)
    if "errors" in body:
        body["errors"] = {_FIELD_NAMES.get(field, field): words for field, words in body["errors"].items()}
    return json_response(body, status)


PREFIXES = ("/authorization", "/vk", "/mail.ru", "/yandex", "/validate")
#: A taken name is 400 here, not a conflict (D13).
STATUSES: dict[str | type[MystarError], int] = {
    "taken": 400,
    "already_registered": 400,
    "sign_in_first": 400,
    "not_registered": 400,
    SignInRefused: 400,
}

CONTRACT = Contract(
    "identity",
    PREFIXES,
    (*accounts.ROUTES, *providers.ROUTES),
    render_error,
    MESSAGE_AND_DETAIL_SCHEMA,
    STATUSES,
)
