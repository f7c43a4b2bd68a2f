"""The panel's own contract: pages for people, and house's JSON for programs that bring a token."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from mystar.admin.access import language_in, wants_json
from mystar.admin.handlers import ROUTES
from mystar.admin.handlers.render import go, refusal
from mystar.contracts import house
from mystar.contracts.base import Contract
from mystar.errors import MystarError, Unauthenticated


def render_error(error: MystarError, status: int, _language: str, request: web.Request) -> web.Response:
    if wants_json(request):
        return house.render_error(error, status, language_in(request), request)
    if isinstance(error, Unauthenticated) and request.method in ("GET", "HEAD"):
        return go(f"/admin/sign-in/?next={quote(request.path_qs)}")
    return refusal(request, error, status)


CONTRACT = Contract("admin", ("/admin",), ROUTES, render_error, house.ERROR_SCHEMA)
