"""The house's doors for people (seed 001): tokens, and who one is."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, response_schema

from mystar.accounts.access import ACCOUNTS, actor_of, signed_in, visitor_of
from mystar.accounts.desk import FrontDesk
from mystar.accounts.schemas import AccessView, RefreshDraft, TokenDraft, TokenPair, UserView
from mystar.kit.http import json_response
from mystar.kit.routes import Route, alias, route
from mystar.kit.validation import body_of

DESK = web.AppKey("desk", FrontDesk)


@docs(tags=["house: people"], summary="Log in by user name, e-mail or phone")
@json_schema(TokenDraft)
@response_schema(TokenPair, 200)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    entered = await request.app[ACCOUNTS].log_in(visitor_of(request), "house", body["username"], body["password"])
    return json_response({"access": entered.access, "refresh": entered.refresh})


@docs(tags=["house: people"], summary="A new access token for a refresh token")
@json_schema(RefreshDraft)
@response_schema(AccessView, 200)
async def refresh(request: web.Request) -> web.Response:
    return json_response({"access": await request.app[ACCOUNTS].refresh(body_of(request)["refresh"])})


@docs(tags=["house: people"], summary="End this session", responses={204: {"description": "It has ended"}})
@signed_in
async def log_out(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].log_out(actor_of(request))
    return web.Response(status=204)


@docs(tags=["house: people"], summary="Who I am")
@signed_in
@response_schema(UserView, 200)
async def who_am_i(request: web.Request) -> web.Response:
    return json_response(UserView().dump(await request.app[ACCOUNTS].profile(actor_of(request).id)))


_ME = route("GET", "/api/v1/users/me/", who_am_i, "house.me")
ROUTES: tuple[Route, ...] = (
    route("POST", "/api/auth/token/", log_in, "house.token"),
    route("POST", "/api/auth/token/refresh/", refresh, "house.token-refresh"),
    route("POST", "/api/auth/logout/", log_out, "house.logout"),
    _ME,
    alias("/api/users/me/", _ME),
)
