"""Avatar, hello video and congratulation (docs/dialects/greetings.md#uploads)."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from aiohttp_apispec import docs, response_schema
from marshmallow import ValidationError, fields

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.model import Actor
from mystar.contracts.greetings.answers import ActorId
from mystar.creators.keys import CREATORS
from mystar.errors import Forbidden, Invalid, Text
from mystar.files.forms import FileField, multipart_schema, read_form
from mystar.files.keys import FILES
from mystar.kit.web.fields import AvatarSizes, BaseSchema, Id
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.media_urls import copy_paths, media_path
from mystar.kit.web.routes import Route, route
from mystar.orders.keys import ORDERS
from mystar.orders.model import ActionNotAllowedNow, Status

TAGS = ["greetings: uploads"]
_AVATAR = FileField("image", ("avatar",), "avatars", public=True, required=True)
_DELIVERED = (Status.DELIVERED, Status.COMPLETED, Status.DISPUTED)


def _file(**words: str) -> fields.Raw:
    return fields.Raw(required=True, metadata={"type": "string", "format": "binary", **words})


class AvatarForm(BaseSchema):
    user_id = ActorId()
    image = _file(description="JPEG, PNG, WEBP, GIF or AVIF")


class AvatarView(BaseSchema):
    user_id = fields.Integer(required=True)
    image = fields.String(required=True, metadata={"example": "/media/avatars/5f0c.jpeg"})
    avatar_sizes = AvatarSizes(required=True)


class HelloForm(BaseSchema):
    star_id = ActorId()
    video_hi = _file(description="MP4, MOV or WEBM")


class HelloView(BaseSchema):
    star_id = fields.Integer(required=True)
    video_hi = fields.String(required=True)


class CongratulationForm(BaseSchema):
    order_id = Id(required=True)
    star_id = ActorId()
    video_con = _file(description="A video or a picture")


class CongratulationView(BaseSchema):
    star_id = fields.Integer(required=True)
    video_con = fields.String(required=True)
    order_id = fields.Integer(required=True)


@docs(tags=TAGS, summary="Replace the avatar")
@login_required
@multipart_schema(AvatarForm)
@response_schema(AvatarView, 201)
async def upload_avatar(request: web.Request) -> web.Response:
    actor = actor_of(request)
    async with read_form(request, _AVATAR) as form:
        _require_self(form.fields, "user_id", actor)
        file = await request.app[FILES].set_avatar(actor, form.file.id)
    image = {"image": media_path(file.key), "avatar_sizes": copy_paths(file.key)}
    return json_response({"user_id": actor.id, **image}, 201)


@docs(tags=TAGS, summary="Replace the greeting video of the star's page")
@login_required
@multipart_schema(HelloForm)
@response_schema(HelloView, 201)
async def upload_hello(request: web.Request) -> web.Response:
    actor = actor_of(request)
    await request.app[CREATORS].by_account(actor.id)
    video = FileField("video_hi", ("video",), f"videos/{actor.id}", public=True, required=True)
    async with read_form(request, video) as form:
        _require_self(form.fields, "star_id", actor)
        file = await request.app[CREATORS].set_hello_video(actor, form.file.id)
    return json_response({"star_id": actor.id, "video_hi": f"/media/{file.key}"}, 201)


@docs(
    tags=TAGS,
    summary="Deliver the greeting of an order, once; only the customer can see it",
    responses={
        200: {
            "schema": {"type": "array", "items": {"type": "string"}},
            "description": "A greeting was delivered before",
        }
    },
)
@login_required
@multipart_schema(CongratulationForm)
@response_schema(CongratulationView, 201)
@idempotent
async def upload_congratulation(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request)
    field = FileField("video_con", ("video", "image"), f"congratulation/{actor.id}", required=True)
    try:
        async with read_form(request, field) as form:
            _require_self(form.fields, "star_id", actor)
            order_id = _id(form.fields, "order_id", Id())
            if order_id is None:
                raise Invalid(fields={"order_id": [Text("Обязательное поле.", "Missing data for required field.")]})
            await request.app[ORDERS].deliver(actor, order_id, message="", file_ids=[form.file.id])
    except ActionNotAllowedNow as error:
        if error.details.get("status") in _DELIVERED:
            return json_response(["Вы уже загрузили видео"])
        raise
    answer = {"star_id": actor.id, "video_con": f"/media/{form.file.key}", "order_id": order_id}
    return json_response(answer, 201)


def _require_self(form: Mapping[str, str], name: str, actor: Actor) -> None:
    """:raises Forbidden: the id is of another account (D1)."""
    if _id(form, name, ActorId()) not in (None, actor.id):
        raise Forbidden


def _id(form: Mapping[str, str], name: str, field: Id) -> int | None:
    text = form.get(name, "").strip()
    try:
        number: int | None = field.deserialize(text) if text else None
    except ValidationError as error:
        raise Invalid(fields={name: [Text("Введите целое число.", "Not a valid integer.")]}) from error
    return number


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/upload/avatar/", upload_avatar, "greetings.avatar-upload"),
    route("POST", "/api/upload/video/hi/", upload_hello, "greetings.hello-upload"),
    route("POST", "/api/upload/congritulatoin/", upload_congratulation, "greetings.congratulation-upload"),
)
