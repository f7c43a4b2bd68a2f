"""Market endpoints of one's own profile and of skills.

See docs/dialects/market.md#accounts-and-users and docs/dialects/market.md#skills-and-portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.keys import ACCOUNTS, PROFILES
from mystar.accounts.model import Account
from mystar.accounts.schemas import CLIENT, CREATOR
from mystar.creators.keys import CREATORS, SKILLS
from mystar.creators.model import CreatorUnknown
from mystar.creators.schemas import (
    AccountPath,
    ClientProfileView,
    CreatorSkillPath,
    CreatorSkillView,
    LevelChange,
    LevelDraft,
    OfCreatorQuery,
    SetSkillView,
    SkillDraft,
    SkillLevels,
    SkillPath,
    SkillQuery,
    SkillView,
    UserChange,
    UserUpload,
    UserView,
    creator_skill_view,
    skill_view,
)
from mystar.errors import NotFound
from mystar.files.forms import FileField, json_body, multipart_schema, read_fields
from mystar.files.keys import FILES
from mystar.files.model import StoredFile
from mystar.kit.web.http import PUBLIC_URL, absolute, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.media_urls import copy_paths, media_path
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of, query_of

TAGS = ["market: skills"]
AVATAR = FileField("avatar", ("avatar",), "avatars", public=True)


@docs(tags=["market: people"], summary="Read the actor's account")
@login_required
@response_schema(UserView, 200)
async def read_me(request: web.Request) -> web.Response:
    return json_response(await _view(request, await request.app[ACCOUNTS].profile(actor_of(request).id)))


@docs(tags=["market: people"], summary="Update fields of the account", requestBody=json_body(UserChange))
@login_required
@multipart_schema(UserUpload)
@response_schema(UserView, 200)
async def change_me(request: web.Request) -> web.Response:
    return json_response(await _view(request, await _change(request)))


@docs(tags=["market: people"], summary="Read the actor's client profile")
@login_required
@response_schema(ClientProfileView, 200)
async def read_client_profile(request: web.Request) -> web.Response:
    return await _client_profile(request, await request.app[ACCOUNTS].profile(actor_of(request).id))


@docs(tags=["market: people"], summary="Update the actor's client profile", requestBody=json_body(UserChange))
@login_required
@multipart_schema(UserUpload)
@response_schema(ClientProfileView, 200)
async def change_client_profile(request: web.Request) -> web.Response:
    return await _client_profile(request, await _change(request))


@docs(tags=["market: people"], summary="Read the actor's client profile by its id")
@login_required
@match_info_schema(AccountPath)
@response_schema(ClientProfileView, 200)
async def read_client_profile_by_id(request: web.Request) -> web.Response:
    _require_own(request)
    return await _client_profile(request, await request.app[ACCOUNTS].profile(actor_of(request).id))


@docs(tags=["market: people"], summary="Update the actor's client profile by its id", requestBody=json_body(UserChange))
@login_required
@match_info_schema(AccountPath)
@multipart_schema(UserUpload)
@response_schema(ClientProfileView, 200)
async def change_client_profile_by_id(request: web.Request) -> web.Response:
    _require_own(request)
    return await _client_profile(request, await _change(request))


def _require_own(request: web.Request) -> None:
    """:raises NotFound: the profile of another account (D4)."""
    if path_of(request)["account_id"] != actor_of(request).id:
        raise NotFound


async def _change(request: web.Request) -> Account:
    actor = actor_of(request)
    async with read_fields(request, UserChange(), AVATAR) as (change, files):
        await request.app[PROFILES].edit(
            actor, **change, also=request.app[FILES].avatar_change(actor, avatar_of(files))
        )
    return await request.app[ACCOUNTS].profile(actor.id)


async def _client_profile(request: web.Request, account: Account) -> web.Response:
    view = await _view(request, account)
    return json_response({**view, "user": view})


async def _view(request: web.Request, account: Account) -> dict[str, Any]:
    creator_id = await _creator_id(request, account.id)
    view: dict[str, Any] = UserView().dump(account)
    return {
        **view,
        "email": account.email or "",
        "phone": account.phone or "",
        "avatar": absolute(request, media_path(account.avatar_key)) if account.avatar_key else None,
        "avatar_sizes": copy_paths(account.avatar_key, request.app[PUBLIC_URL]),
        "user_type": CREATOR if creator_id else CLIENT,
        "has_creator_profile": creator_id is not None,
        "creator_profile_id": creator_id,
        # Every account can order.
        "has_client_profile": True,
    }


async def _creator_id(request: web.Request, account_id: int) -> int | None:
    try:
        return (await request.app[CREATORS].by_account(account_id)).id
    except CreatorUnknown:
        return None


@docs(tags=TAGS, summary="List skills by name")
@querystring_schema(SkillQuery)
@response_schema(page_of(SkillView), 200)
async def list_skills(request: web.Request) -> web.Response:
    page = page_request(request)
    found = await request.app[SKILLS].all(query_of(request)["search"], page)
    return page_response(request, [skill_view(skill) for skill in found.rows], found.count)


@docs(tags=TAGS, summary="Read a skill")
@match_info_schema(SkillPath)
@response_schema(SkillView, 200)
async def read_skill(request: web.Request) -> web.Response:
    return json_response(skill_view(await request.app[SKILLS].find(path_of(request)["skill_id"])))


@docs(tags=TAGS, summary="List skills of a creator or of the actor")
@login_required
@querystring_schema(OfCreatorQuery)
@response_schema(page_of(CreatorSkillView), 200)
async def list_creator_skills(request: web.Request) -> web.Response:
    page, creator_id = page_request(request), query_of(request)["creator_profile_id"]
    skills = request.app[SKILLS]
    if creator_id is None:
        found = await skills.own(actor_of(request), page)
    else:
        found = await skills.of_creator(creator_id, page)
    return page_response(request, [creator_skill_view(given) for given in found.rows], found.count)


@docs(tags=TAGS, summary="Add a skill to the actor's profile")
@login_required
@json_schema(SkillDraft)
@response_schema(CreatorSkillView, 201)
@idempotent
async def add_skill(request: web.Request) -> web.StreamResponse:
    given = await request.app[SKILLS].add_to_creator(actor_of(request), **body_of(request))
    return json_response(creator_skill_view(given), 201)


@docs(tags=TAGS, summary="Replace the level of a skill")
@login_required
@match_info_schema(CreatorSkillPath)
@json_schema(LevelDraft)
@response_schema(CreatorSkillView, 200)
async def set_level(request: web.Request) -> web.Response:
    return await _set_level(request)


@docs(tags=TAGS, summary="Update the level of a skill")
@login_required
@match_info_schema(CreatorSkillPath)
@json_schema(LevelChange)
@response_schema(CreatorSkillView, 200)
async def change_level(request: web.Request) -> web.Response:
    return await _set_level(request)


async def _set_level(request: web.Request) -> web.Response:
    given_id, level = path_of(request)["creator_skill_id"], body_of(request).get("level")
    given = await request.app[SKILLS].set_level(actor_of(request), given_id, level)
    return json_response(creator_skill_view(given))


@docs(tags=TAGS, summary="Remove a skill from the actor's profile", responses={204: {"description": "Deleted"}})
@login_required
@match_info_schema(CreatorSkillPath)
async def drop_skill(request: web.Request) -> web.Response:
    await request.app[SKILLS].remove_from_creator(actor_of(request), path_of(request)["creator_skill_id"])
    return web.Response(status=204)


@docs(tags=TAGS, summary="Add or change several skills, all or none")
@login_required
@json_schema(SkillLevels(many=True))
@response_schema(SetSkillView(many=True), 200)
@idempotent
async def set_skills(request: web.Request) -> web.StreamResponse:
    made = await request.app[SKILLS].set_many(actor_of(request), body_of(request))
    return json_response(
        [
            {
                "id": one.id,
                "skill_id": one.skill_id,
                "skill_name": one.skill_name,
                "level": one.level,
                "created": one.is_new,
            }
            for one in made
        ]
    )


def avatar_of(files: Mapping[str, Sequence[StoredFile]]) -> int | None:
    """The id of the form's avatar; None = there is none."""
    return next((file.id for file in files.get(AVATAR.part, ())), None)


_ME = route("GET", "/api/v1/users/me/", read_me, "market.me")
_CHANGE = route("PATCH", "/api/v1/users/me/", change_me, "market.me")
_PUT = route("PUT", "/api/v1/users/me/", change_me, "market.me", documented=False)
_CLIENT_PROFILE = r"/api/v1/client-profiles/{account_id:\d{1,18}}/"
_CLIENT: tuple[Route, ...] = (
    route("GET", "/api/v1/client-profile/", read_client_profile, "market.client-profile"),
    route("PATCH", "/api/v1/client-profile/", change_client_profile, "market.client-profile"),
    route("GET", _CLIENT_PROFILE, read_client_profile_by_id, "market.client-profiles"),
    route("PATCH", _CLIENT_PROFILE, change_client_profile_by_id, "market.client-profiles"),
)
_ONE = r"/api/creator-skills/{creator_skill_id:\d{1,18}}/"
_SKILLS: tuple[Route, ...] = (
    route("GET", "/api/skills/", list_skills, "market.skills"),
    route("GET", r"/api/skills/{skill_id:\d{1,18}}/", read_skill, "market.skill"),
    route("GET", "/api/creator-skills/", list_creator_skills, "market.creator-skills"),
    route("POST", "/api/creator-skills/", add_skill, "market.creator-skills"),
    route("POST", "/api/creator-skills/bulk_update/", set_skills, "market.creator-skills-bulk"),
    route("PUT", _ONE, set_level, "market.creator-skill"),
    route("PATCH", _ONE, change_level, "market.creator-skill"),
    route("DELETE", _ONE, drop_skill, "market.creator-skill"),
)
ROUTES: tuple[Route, ...] = (
    _ME,
    _CHANGE,
    _PUT,
    *(alias("/api/users/me/", one) for one in (_ME, _CHANGE, _PUT)),
    *_CLIENT,
    *(alias(one.path.replace("/v1/", "/", 1), one) for one in _CLIENT),
    alias("/api/auth/user/", _ME),
    *_SKILLS,
    *(alias(one.path.replace("/api/", "/api/v1/", 1), one) for one in _SKILLS),
)
