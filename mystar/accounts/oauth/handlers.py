"""Market endpoints of linked sign-ins (docs/dialects/market.md)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.keys import IDENTITIES
from mystar.accounts.oauth.schemas import IdentityPath, IdentityView
from mystar.kit.web.fields import NoParameters
from mystar.kit.web.http import json_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import path_of


@docs(tags=["market: people"], summary="List linked sign-ins")
@login_required
@querystring_schema(NoParameters)
@response_schema(IdentityView(many=True), 200)
async def list_identities(request: web.Request) -> web.Response:
    linked = await request.app[IDENTITIES].linked(actor_of(request))
    return json_response(IdentityView(many=True).dump(linked))


@docs(
    tags=["market: people"],
    summary="Remove all linked sign-ins",
    description="Needs a session younger than ten minutes, and a password as another way to log in.",
    responses={204: {"description": "Removed"}},
)
@login_required
async def unlink_all(request: web.Request) -> web.Response:
    await request.app[IDENTITIES].unlink(actor_of(request))
    return web.Response(status=204)


@docs(
    tags=["market: people"],
    summary="Remove a linked sign-in",
    description="Needs a session younger than ten minutes, and another way to log in.",
    responses={204: {"description": "Removed"}},
)
@login_required
@match_info_schema(IdentityPath)
async def unlink(request: web.Request) -> web.Response:
    await request.app[IDENTITIES].unlink(actor_of(request), path_of(request)["id"])
    return web.Response(status=204)


_ALL, _ONE = "/api/v1/users/me/identities/", "/api/v1/users/me/identities/{id}/"
_LIST = route("GET", _ALL, list_identities, "market.identities")
_UNLINK_ALL = route("DELETE", _ALL, unlink_all, "market.identities")
_UNLINK = route("DELETE", _ONE, unlink, "market.identity")
ROUTES: tuple[Route, ...] = (
    _LIST,
    _UNLINK_ALL,
    _UNLINK,
    alias("/api/users/me/identities/", _LIST),
    alias("/api/users/me/identities/", _UNLINK_ALL),
    alias("/api/users/me/identities/{id}/", _UNLINK),
)
