"""The house's page of oneself (seed 001). It lives here since it tells whether one is a creator."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, response_schema

from mystar.accounts.access import ACCOUNTS, actor_of, signed_in
from mystar.accounts.model import Account
from mystar.creators.schemas import CLIENT, CREATOR, UserChange, UserView
from mystar.creators.service import CreatorService
from mystar.kit.http import PUBLIC_URL, absolute, json_response
from mystar.kit.media import copy_paths, media_path
from mystar.kit.routes import Route, alias, route
from mystar.kit.validation import body_of

CREATORS: web.AppKey[CreatorService] = web.AppKey("creators", CreatorService)


@docs(tags=["house: people"], summary="Who I am")
@signed_in
@response_schema(UserView, 200)
async def who_am_i(request: web.Request) -> web.Response:
    return json_response(await _view(request, await request.app[ACCOUNTS].profile(actor_of(request).id)))


@docs(tags=["house: people"], summary="Change what is given of my name, phone and words about myself")
@signed_in
@json_schema(UserChange)
@response_schema(UserView, 200)
async def change_me(request: web.Request) -> web.Response:
    account = await request.app[ACCOUNTS].edit_profile(actor_of(request), **body_of(request))
    return json_response(await _view(request, account))


async def _view(request: web.Request, account: Account) -> dict[str, Any]:
    is_creator = await request.app[CREATORS].is_creator(account.id)
    view: dict[str, Any] = UserView().dump(account)
    return {
        **view,
        "email": account.email or "",
        "phone": account.phone or "",
        "avatar": absolute(request, media_path(account.avatar_key)) if account.avatar_key else None,
        "avatar_sizes": copy_paths(account.avatar_key, request.app[PUBLIC_URL]),
        "user_type": CREATOR if is_creator else CLIENT,
        "has_creator_profile": is_creator,
        # Everybody can buy.
        "has_client_profile": True,
    }


_ME = route("GET", "/api/v1/users/me/", who_am_i, "house.me")
_CHANGE = route("PATCH", "/api/v1/users/me/", change_me, "house.me")
_PUT = route("PUT", "/api/v1/users/me/", change_me, "house.me", documented=False)
ROUTES: tuple[Route, ...] = (
    _ME,
    _CHANGE,
    _PUT,
    *(alias("/api/users/me/", one) for one in (_ME, _CHANGE, _PUT)),
    alias("/api/auth/user/", _ME),
)
