"""Creator profiles (docs/dialects/market.md#accounts-and-users)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.creators.handlers import AVATAR, avatar_of
from mystar.creators.keys import CREATORS
from mystar.creators.model import CreatorUnknown
from mystar.creators.schemas import CreatorView, creator_view
from mystar.files.forms import json_body, multipart_schema, read_fields
from mystar.kit.web.http import PUBLIC_URL, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import path_of, query_of
from mystar.portfolio.keys import SHOWCASE
from mystar.portfolio.model import CreatorPage
from mystar.portfolio.schemas import (
    CreatorPageView,
    CreatorPath,
    CreatorsQuery,
    DetailQuery,
    ProfileDraft,
    ProfileUpload,
    page_view,
)

TAGS = ["market: creators"]


@docs(tags=TAGS, summary="Create a creator profile; with a price and a category it sells greetings, too")
@login_required
@multipart_schema(ProfileUpload)
@response_schema(CreatorPageView, 201)
@idempotent
async def create_profile(request: web.Request) -> web.StreamResponse:
    async with read_fields(request, ProfileDraft(), AVATAR) as (change, files):
        page = await request.app[SHOWCASE].create(actor_of(request), change, avatar_id=avatar_of(files))
    return _answer(request, page, 201)


@docs(tags=TAGS, summary="Update fields of the creator profile and the price of greetings")
@login_required
@multipart_schema(ProfileUpload)
@response_schema(CreatorPageView, 200)
async def change_profile(request: web.Request) -> web.Response:
    return await _change(request)


@docs(tags=TAGS, summary="Update the actor's creator profile by its id", requestBody=json_body(ProfileDraft))
@login_required
@match_info_schema(CreatorPath)
@multipart_schema(ProfileUpload)
@response_schema(CreatorPageView, 200)
async def change_profile_by_id(request: web.Request) -> web.Response:
    return await _change(request, path_of(request)["creator_id"])


async def _change(request: web.Request, creator_id: int | None = None) -> web.Response:
    actor, showcase = actor_of(request), request.app[SHOWCASE]
    async with read_fields(request, ProfileDraft(), AVATAR) as (change, files):
        page = await showcase.change(actor, change, creator_id=creator_id, avatar_id=avatar_of(files))
    return _answer(request, page)


@docs(tags=TAGS, summary="Read the actor's creator profile")
@login_required
@querystring_schema(DetailQuery)
@response_schema(CreatorPageView, 200)
async def read_own_profile(request: web.Request) -> web.Response:
    return _answer(request, await request.app[SHOWCASE].own(actor_of(request), **query_of(request)))


@docs(tags=TAGS, summary="Read a creator profile")
@match_info_schema(CreatorPath)
@querystring_schema(DetailQuery)
@response_schema(CreatorPageView, 200)
async def read_profile(request: web.Request) -> web.Response:
    page = await request.app[SHOWCASE].page(path_of(request)["creator_id"], **query_of(request))
    return _answer(request, page)


@docs(tags=TAGS, summary="List creators, best first")
@querystring_schema(CreatorsQuery)
@response_schema(page_of(CreatorView), 200)
async def list_creators(request: web.Request) -> web.Response:
    page, account_id, creators = page_request(request), query_of(request)["user"], request.app[CREATORS]
    if account_id is None:
        found = await creators.best(page)
        cards, count = found.rows, found.count
    else:
        try:
            cards, count = [await creators.card_of(account_id)], 1
        except CreatorUnknown:
            cards, count = [], 0
    return page_response(request, [creator_view(card, request.app[PUBLIC_URL]) for card in cards], count)


def _answer(request: web.Request, page: CreatorPage, status: int = 200) -> web.Response:
    return json_response(page_view(page, request.app[PUBLIC_URL]), status)


_OWN = "/api/v1/users/me/creator-profile/"
_CREATE = route("POST", _OWN, create_profile, "market.creator-profile")
_READ_OWN = route("GET", _OWN, read_own_profile, "market.creator-profile")
_CHANGE = route("PATCH", _OWN, change_profile, "market.creator-profile")
_PUT = route("PUT", _OWN, change_profile, "market.creator-profile", documented=False)
_LIST = route("GET", "/api/v1/creators/", list_creators, "market.creators")
_ONE = route("GET", r"/api/v1/creators/{creator_id:\d{1,18}}/", read_profile, "market.creator")
_CHANGE_ONE = route("PATCH", r"/api/v1/creators/{creator_id:\d{1,18}}/", change_profile_by_id, "market.creator")
_PROFILES = alias("/api/creator-profiles/", _LIST)
_MINE = (_CREATE, _READ_OWN, _CHANGE, _PUT)
ROUTES: tuple[Route, ...] = (
    *_MINE,
    _LIST,
    _ONE,
    _CHANGE_ONE,
    *(alias(path, one) for path in ("/api/users/me/creator-profile/", "/api/creator-profile/") for one in _MINE),
    *(alias("/api/creator-profiles/me/", one) for one in (_READ_OWN, _CHANGE, _PUT)),
    alias("/api/creators/", _LIST),
    _PROFILES,
    # Routes of one path share its name.
    Route("POST", _PROFILES.path, create_profile, _PROFILES.name, documented=False),
    *(
        alias(path + r"{creator_id:\d{1,18}}/", one)
        for path in ("/api/creators/", "/api/creator-profiles/")
        for one in (_ONE, _CHANGE_ONE)
    ),
)
