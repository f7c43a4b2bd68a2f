"""The house contract (seed 001): the language that the domains themselves speak."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.contracts.base import Contract
from mystar.errors import MystarError
from mystar.kit.http import json_response
from mystar.kit.routes import Route

ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "detail", "code"],
    "properties": {
        "error": {"type": "string"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}


def render_error(error: MystarError, status: int, language: str, _request: web.Request) -> web.Response:
    words = error.words(language)
    body: dict[str, Any] = {"error": words, "detail": words, "code": error.code}
    if error.fields or status == 422:
        body["errors"] = error.field_words(language)
    return json_response(body, status)


def house_contract(routes: tuple[Route, ...]) -> Contract:
    """The first contract: what nobody else owns is answered in its language."""
    return Contract("house", ("/",), routes, render_error, ERROR_SCHEMA)
