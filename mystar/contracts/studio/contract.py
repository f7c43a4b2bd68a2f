"""The studio dialect (docs/dialects/studio.md): its routes and its errors."""

from __future__ import annotations

from aiohttp import web

from mystar.contracts.base import FACTOR_REFUSALS, SECOND_STEP_SCHEMA, Contract, second_step
from mystar.contracts.studio import accounts, orders, profiles
from mystar.errors import Invalid, MystarError
from mystar.kit.web.http import json_response

PREFIXES = ("/api/accounts", "/api/profiles", "/api/orders/orders", "/api/orders/images", "/api/token")

#: What this dialect calls fields of the domains.
_FIELD_NAMES = {"phone": "phone_number", "birth_date": "birthdate"}

ERROR_SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "required": ["detail"],
            "properties": {"detail": {"type": "string"}, "code": {"type": "string"}, **SECOND_STEP_SCHEMA},
        },
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        {"type": "array", "items": {"type": "string"}},
    ]
}


def render_error(error: MystarError, status: int, language: str, _request: web.Request) -> web.Response:
    fields = {_FIELD_NAMES.get(field, field): words for field, words in error.field_messages(language).items()}
    if isinstance(error, FACTOR_REFUSALS):
        return json_response({"detail": error.message(language), "code": error.code, **second_step(error)}, status)
    if "" in fields:
        return json_response(fields[""], status)
    return json_response(fields or {"detail": error.message(language)}, status)


STATUSES: dict[str | type[MystarError], int] = {Invalid: 400, "taken": 400, "idempotency_key_reused": 422}

ROUTES = (*accounts.ROUTES, *profiles.ROUTES, *orders.ROUTES)

CONTRACT = Contract("studio", PREFIXES, ROUTES, render_error, ERROR_SCHEMA, STATUSES)
