"""The greetings contract (docs/dialects/greetings.md): its addresses and errors (D17)."""

from __future__ import annotations

from aiohttp import web

from mystar.catalog.model import StarUnknown
from mystar.contracts.base import FACTOR_REFUSALS, SECOND_STEP_SCHEMA, Contract, second_step
from mystar.contracts.greetings import accounts, catalog, forms, messages, oauth, orders, payments, reset, uploads
from mystar.errors import Invalid, MystarError
from mystar.kit.web.http import html_response, json_response, wants_page
from mystar.kit.web.routes import route_name
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page

PREFIXES = (
    "/api/login",
    "/api/registration",
    "/api/registration-confirm",
    "/api/personal",
    "/api/categories",
    "/api/star",
    "/api/ratestar",
    "/api/order",
    "/api/orderaccept",
    "/api/upload",
    "/api/message",
    "/api/pre-yandex-oauth",
    "/api/mid-yandex",
    "/api/yandex-oauth",
    "/api/yandex-login",
    "/api/pre-vk-oauth",
    "/api/mid-vk",
    "/api/vk-oauth",
    "/api/vk-login",
    "/api/form-request",
    "/api/support",
    "/api/example",
    "/password_reset",
    "/password-reset",
    "/payments",
)

#: Errors here are an object with one key, which the client recognises as "not a list".
_EXCEPTION_ROUTES = {"greetings.star", "greetings.star-category"}
#: Pages that are opened from a mail or in a new tab.
_PAGE_ROUTES = {
    "greetings.payment",
    "greetings.payment-outcome",
    "greetings.password-reset-confirm",
    "greetings.registration-confirm",
}
#: Names of domain fields in this dialect.
_FIELD_NAMES = {"birth_date": "date_of_birth"}
#: Errors in this dialect's terms: a creator is a star.
_TEXTS = {"creator_unknown": StarUnknown.text}
#: The client shows them at its form.
_LOGIN_REFUSALS = ("login_refused", "not_registered")
_RESET_STATES = {"reset_link_unknown": "notfound", "reset_link_expired": "expired"}

STATUSES: dict[str | type[MystarError], int] = {
    Invalid: 400,
    "taken": 400,
    "already_registered": 400,
    "sign_in_first": 400,
    "login_refused": 404,
    "reset_link_unknown": 404,
    "reset_link_expired": 404,
    "already_rated": 403,
    "already_liked": 403,
    "own_service": 400,
    "idempotency_key_reused": 422,
}

ERROR_SCHEMA = {
    "oneOf": [
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "additionalProperties": {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]},
        },
        {
            "type": "object",
            "required": ["non_field_errors", "code", *SECOND_STEP_SCHEMA],
            "properties": {
                "non_field_errors": {"type": "array", "items": {"type": "string"}},
                "code": {"type": "string", "enum": ["second_factor_required"]},
                **SECOND_STEP_SCHEMA,
            },
        },
    ]
}


def render_error(error: MystarError, status: int, language: str, request: web.Request) -> web.Response:
    words = _TEXTS[error.code].in_(language) if error.code in _TEXTS else error.message(language)
    name = route_name(request)
    if name in _PAGE_ROUTES and wants_page(request):
        return html_response(
            render_page("refusal.html", language, back=request.app[SITE].link("greetings", "home"), words=words), status
        )
    if error.code in _RESET_STATES:
        return json_response({"status": _RESET_STATES[error.code]}, status)
    if name in _EXCEPTION_ROUTES:
        return json_response({"exception": words}, status)
    if isinstance(error, FACTOR_REFUSALS):
        return json_response({"non_field_errors": [words], "code": error.code, **second_step(error)}, status)
    if error.code in _LOGIN_REFUSALS:
        return json_response({"non_field_errors": [words]}, status)
    fields = {_FIELD_NAMES.get(field, field): words for field, words in error.field_messages(language).items()}
    if fields and "" not in fields:
        return json_response(fields, status)
    return json_response(fields.get("") or [words], status)


CONTRACT = Contract(
    "greetings",
    PREFIXES,
    (
        *accounts.ROUTES,
        *reset.ROUTES,
        *oauth.ROUTES,
        *catalog.ROUTES,
        *orders.ROUTES,
        *payments.ROUTES,
        *uploads.ROUTES,
        *messages.ROUTES,
        *forms.ROUTES,
    ),
    render_error,
    ERROR_SCHEMA,
    STATUSES,
)
