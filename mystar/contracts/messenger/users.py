"""Search for accounts, and the avatar (docs/dialects/messenger.md#accounts-and-users)."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema, request_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.credentials import USERNAME_MAX_LENGTH
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Account
from mystar.contracts.messenger.accounts import SUCCESS, TAGS, MessengerSuccess
from mystar.files.forms import FileField, read_form
from mystar.files.keys import FILES
from mystar.kit.web.fields import AvatarSizes, BaseSchema, PlainText
from mystar.kit.web.http import PUBLIC_URL, absolute, json_response
from mystar.kit.web.media_urls import copy_paths, media_path
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import query_of

#: Texts that clients compare; only these endpoints may tell them (D13).
DETAILS = {"person_unknown": "User dont exist."}
#: Streamed by the handler itself; declared for the documents.
_multipart = partial(request_schema, location="files")


class MessengerSearch(BaseSchema):
    reports_unknown = True

    username = PlainText(required=True, min_length=1, max_length=USERNAME_MAX_LENGTH)


class MessengerFound(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    avatar_url = fields.String(required=True, allow_none=True, metadata={"description": "null without a picture"})
    avatar_sizes = AvatarSizes(required=True, allow_none=True)
    description = fields.String(required=True)
    status = fields.String(required=True)


class MessengerAvatarForm(BaseSchema):
    avatar_file = fields.Raw(
        required=True,
        metadata={"type": "string", "format": "binary", "description": "JPEG, PNG, WEBP, GIF or AVIF"},
    )


class MessengerAvatarSet(MessengerSuccess):
    avatar_url = fields.String(required=True)
    avatar_sizes = AvatarSizes(required=True)


@docs(tags=TAGS, summary="Find an account by its exact user name, in any case")
@login_required
@querystring_schema(MessengerSearch)
@response_schema(MessengerFound(many=True), 200)
async def find(request: web.Request) -> web.Response:
    account = await request.app[ACCOUNTS].find(query_of(request)["username"])
    return json_response([_found(request, account)])


@docs(tags=TAGS, summary="Replace the avatar")
@login_required
@_multipart(MessengerAvatarForm)
@response_schema(MessengerAvatarSet, 200)
async def upload_avatar(request: web.Request) -> web.Response:
    avatar = FileField("avatar_file", ("avatar",), "avatars", public=True, required=True)
    async with read_form(request, avatar) as form:
        file = await request.app[FILES].set_avatar(actor_of(request), form.file.id)
    return json_response({**SUCCESS, **_picture(request, file.key)})


def _found(request: web.Request, account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        **_picture(request, account.avatar_key),
        "description": account.bio,
        "status": account.status,
    }


def _picture(request: web.Request, key: str | None) -> dict[str, Any]:
    return {
        "avatar_url": absolute(request, media_path(key)) if key else None,
        "avatar_sizes": copy_paths(key, request.app[PUBLIC_URL]),
    }


ROUTES: tuple[Route, ...] = (
    route("GET", "/users/user/", find, "messenger.user"),
    route("PATCH", "/users/upload-avatar/", upload_avatar, "messenger.avatar-upload"),
)
