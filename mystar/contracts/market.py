"""The market dialect (docs/dialects/market.md), whose names are those of the domains themselves."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.contracts.base import SECOND_STEP, SECOND_STEP_SCHEMA, Contract
from mystar.errors import MystarError
from mystar.kit.web.http import html_response, json_response, wants_page
from mystar.kit.web.routes import Route, route_name
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page

ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "detail", "code"],
    "properties": {
        "error": {"type": "string"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "status": {"type": "string", "description": "The order's status, when it does not allow the action."},
        "allowed_actions": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Actions that the status allows.",
        },
        "available": {"type": "string", "description": "Rubles that can be paid out."},
        "obstacles": {
            "type": "array",
            "items": {"type": "object"},
            "description": "What has to be settled before an account is erased: `code`, `ids` and `message`.",
        },
        **SECOND_STEP_SCHEMA,
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}


#: Details of an error that clients use: the status and the allowed actions of an order (D23), what can be paid out,
#: what stands in the way of an erasure, and what a sign-in needs for its second step (D63).
_SHOWN_DETAILS = ("status", "allowed_actions", "available", "obstacles", *SECOND_STEP)
#: Opened in a browser, from a mail; their forms are sent to the same addresses.
_PAGES = (
    *("market.verify-email", "market.unsubscribe", "market.payouts-stop"),
    *("market.export-link", "market.withdraw-erasure", "market.undo-change"),
)
STATUSES: dict[str | type[MystarError], int] = {
    # A wrong token is an error of the request; the address exists.
    "confirm_link_unknown": 400,
    "confirm_link_expired": 400,
    # Clients read `error` of a 400 (docs/dialects/market.md#skills-and-portfolio).
    "no_creator_profile": 400,
    "skills_not_a_list": 400,
    "skill_entry_incomplete": 400,
    "skill_not_found": 400,
}


def render_error(error: MystarError, status: int, language: str, request: web.Request) -> web.Response:
    words = error.message(language)
    if wants_page(request) and (route_name(request) in _PAGES or _is_no_address(request)):
        return html_response(
            render_page("refusal.html", language, back=request.app[SITE].link("market", "home"), words=words), status
        )
    body: dict[str, Any] = {"error": words, "detail": words, "code": error.code}
    body |= {name: error.details[name] for name in _SHOWN_DETAILS if name in error.details}
    if error.fields or status == 422:
        body["errors"] = error.field_messages(language)
    return json_response(body, status)


def _is_no_address(request: web.Request) -> bool:
    """A mistyped link in a browser; below /api/ programs ask."""
    return request.method == "GET" and not route_name(request) and not request.path.startswith("/api/")


def market_contract(routes: tuple[Route, ...]) -> Contract:
    """The first contract: it answers for paths which no other dialect owns."""
    return Contract("market", ("/",), routes, render_error, ERROR_SCHEMA, STATUSES)
