"""Profiles (docs/dialects/studio.md, D34): one per account, under the account's id.

The document shows birth dates to everyone. They are personal, so only the owner and staff read a profile; for others
there is none (D4).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.keys import ACCOUNTS, PROFILES
from mystar.accounts.model import Account
from mystar.accounts.schemas import NAME_MAX_LENGTH, BirthDate, Locale, TimeZone
from mystar.contracts.studio.accounts import StudioUserPath
from mystar.contracts.studio.bodies import ID_IN_PATH, body_schema
from mystar.errors import NotFound
from mystar.files.forms import FileField, read_fields
from mystar.files.keys import FILES
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import path_of

TAGS = ["studio: profiles"]
_PHOTO = FileField("photo", ("avatar",), "avatars", public=True)
_BIO_LONGEST = 500


class StudioProfileEdit(BaseSchema):
    """Given fields are changed. ``phone_number`` and ``user`` are ignored: neither can be changed here."""

    first_name = PlainText(min_length=1, max_length=NAME_MAX_LENGTH)
    last_name = PlainText(max_length=NAME_MAX_LENGTH)
    birthdate = BirthDate(allow_none=True)
    bio = PlainText(max_length=_BIO_LONGEST)
    locale = Locale()
    time_zone = TimeZone()


class StudioProfileForm(StudioProfileEdit):
    photo = fields.Raw(
        metadata={"type": "string", "format": "binary", "description": "JPEG, PNG, WEBP, GIF or AVIF, in a form"}
    )


class StudioProfile(BaseSchema):
    id = fields.Integer(required=True)
    user = fields.Integer(required=True)
    birthdate = fields.Date(required=True, allow_none=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    bio = fields.String(required=True)
    locale = fields.String(required=True, metadata={"description": "the language of mails: ru or en", "example": "ru"})
    time_zone = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "in which mails name moments; null: the service's own", "example": "Asia/Almaty"},
    )
    age = fields.Integer(required=True, allow_none=True, metadata={"description": "full years today"})
    photo = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


@docs(tags=TAGS, summary="Read a profile; for its owner and staff")
@login_required
@match_info_schema(StudioUserPath)
@response_schema(StudioProfile, 200)
async def read_profile(request: web.Request) -> web.Response:
    actor, account_id = actor_of(request), path_of(request)["id"]
    if account_id != actor.id and not actor.acts_as_staff():
        raise NotFound
    return json_response(_view(request, await request.app[ACCOUNTS].profile(account_id)))


@docs(tags=TAGS, summary="Update the profile; a photo needs a form, other fields a form or JSON")
@login_required
@match_info_schema(StudioUserPath)
@body_schema(StudioProfileEdit, StudioProfileForm)
@response_schema(StudioProfile, 200)
async def change_profile(request: web.Request) -> web.Response:
    actor = actor_of(request)
    if path_of(request)["id"] != actor.id:
        raise NotFound
    async with read_fields(request, StudioProfileEdit(), _PHOTO) as (fields, files):
        names = {"birth_date" if name == "birthdate" else name: value for name, value in fields.items()}
        photo = next((file.id for file in files.get(_PHOTO.part, ())), None)
        also = request.app[FILES].avatar_change(actor, photo)
        await request.app[PROFILES].edit(actor, **names, adults_only=True, also=also)
    return json_response(_view(request, await request.app[ACCOUNTS].profile(actor.id)))


def _view(request: web.Request, account: Account) -> dict[str, Any]:
    born = account.birth_date
    return {
        "id": account.id,
        "user": account.id,
        "birthdate": born and born.isoformat(),
        "first_name": account.first_name,
        "last_name": account.last_name,
        "bio": account.bio,
        "locale": account.language,
        "time_zone": account.time_zone,
        "age": request.app[ACCOUNTS].age_of(account),
        "photo": account.avatar_key and absolute(request, media_path(account.avatar_key)),
    }


ROUTES: tuple[Route, ...] = (
    route("GET", f"/api/profiles/profiles/{ID_IN_PATH}/", read_profile, "studio.profile"),
    route("PUT", f"/api/profiles/profiles/{ID_IN_PATH}/", change_profile, "studio.profile"),
    route("PATCH", f"/api/profiles/profiles/{ID_IN_PATH}/", change_profile, "studio.profile"),
)
