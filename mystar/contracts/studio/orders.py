"""Orders (docs/dialects/studio.md, D35 and D36): placed by accounts and guests, processed when staff start them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, client_info, login_required, maybe_actor_of, open_to_guests
from mystar.contracts.studio.bodies import ID_IN_PATH, body_schema
from mystar.files.forms import ANYWHERE, FileField, read_fields
from mystar.files.model import StoredFile
from mystar.kit.web.bare_lists import KeysetQuery, list_request, list_response
from mystar.kit.web.fields import BaseSchema, Id, PlainText
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import path_of, query_of
from mystar.orders.keys import STUDIO_ORDERS
from mystar.orders.studio.model import MAX_PICTURES, StudioOrder
from mystar.orders.studio.schemas import StudioOrderView, studio_order_view

TAGS = ["studio: orders"]
#: In fields of any name: the document names none.
_PICTURES = FileField(ANYWHERE, ("image",), "studio", max_count=MAX_PICTURES)


class StudioOrderDraft(BaseSchema):
    title = PlainText(required=True, min_length=1, max_length=255)
    description = PlainText(required=True, min_length=1, max_length=10_000)


def _pictures() -> fields.List[Any]:
    binary = fields.Raw(metadata={"type": "string", "format": "binary"})
    return fields.List(binary, metadata={"description": "Up to ten pictures of 10 MB, in fields of any name."})


class StudioOrderForm(StudioOrderDraft):
    images = _pictures()


class StudioOrderEdit(BaseSchema):
    title = PlainText(min_length=1, max_length=255)
    description = PlainText(min_length=1, max_length=10_000)


class StudioOrderEditForm(StudioOrderEdit):
    images = _pictures()


class StudioOrderQuery(KeysetQuery):
    search = PlainText(load_default="", max_length=20, metadata={"description": "a part of the number"})


class StudioOrderPath(BaseSchema):
    id = Id(required=True)


@docs(tags=TAGS, summary="Place an order, signed in or as a guest; orders of guests are public")
@open_to_guests
@body_schema(StudioOrderDraft, StudioOrderForm)
@response_schema(StudioOrderView, 201)
@idempotent
async def place_order(request: web.Request) -> web.Response:
    actor, studio = maybe_actor_of(request), request.app[STUDIO_ORDERS]
    await studio.rate_limit(actor, client_info(request))
    async with read_fields(request, StudioOrderDraft(), _PICTURES) as (fields, files):
        order = await studio.place(actor, **fields, file_ids=_ids(files))
    return json_response(_view(request, order), 201)


@docs(tags=TAGS, summary="List orders of guests and of the actor, newest first")
@open_to_guests
@querystring_schema(StudioOrderQuery)
@response_schema(StudioOrderView(many=True), 200)
async def list_orders(request: web.Request) -> web.Response:
    page, search = list_request(request), query_of(request)["search"]
    found = await request.app[STUDIO_ORDERS].visible_to(maybe_actor_of(request), page, search)
    return list_response(request, [_view(request, order) for order in found.rows], found.count, page)


@docs(tags=TAGS, summary="Read an order of a guest or of the actor")
@open_to_guests
@match_info_schema(StudioOrderPath)
@response_schema(StudioOrderView, 200)
async def read_order(request: web.Request) -> web.Response:
    order = await request.app[STUDIO_ORDERS].read(maybe_actor_of(request), path_of(request)["id"])
    return json_response(_view(request, order))


@docs(tags=TAGS, summary="Replace a new order; pictures, if given, replace the old ones")
@login_required
@match_info_schema(StudioOrderPath)
@body_schema(StudioOrderDraft, StudioOrderForm)
@response_schema(StudioOrderView, 200)
async def replace_order(request: web.Request) -> web.Response:
    return await _change(request, StudioOrderDraft(), replace_pictures=True)


@docs(tags=TAGS, summary="Update a new order; pictures are added")
@login_required
@match_info_schema(StudioOrderPath)
@body_schema(StudioOrderEdit, StudioOrderEditForm)
@response_schema(StudioOrderView, 200)
async def edit_order(request: web.Request) -> web.Response:
    return await _change(request, StudioOrderEdit(), replace_pictures=False)


@docs(tags=TAGS, summary="Delete a new order", responses={204: {"description": "Deleted"}})
@login_required
@match_info_schema(StudioOrderPath)
async def withdraw_order(request: web.Request) -> web.Response:
    await request.app[STUDIO_ORDERS].withdraw(actor_of(request), path_of(request)["id"])
    return web.Response(status=204)


def _ids(files: Mapping[str, Sequence[StoredFile]]) -> list[int]:
    return [file.id for file in files.get(_PICTURES.part, ())]


async def _change(request: web.Request, schema: BaseSchema, *, replace_pictures: bool) -> web.Response:
    async with read_fields(request, schema, _PICTURES) as (fields, files):
        order = await request.app[STUDIO_ORDERS].change(
            actor_of(request),
            path_of(request)["id"],
            **fields,
            file_ids=_ids(files),
            replace_pictures=replace_pictures,
        )
    return json_response(_view(request, order))


def _view(request: web.Request, order: StudioOrder) -> dict[str, Any]:
    studio = request.app[STUDIO_ORDERS]
    return studio_order_view(order, lambda picture: absolute(request, studio.picture_path(picture)))


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/orders/orders/", place_order, "studio.orders"),
    route("GET", "/api/orders/orders/", list_orders, "studio.orders"),
    route("GET", f"/api/orders/orders/{ID_IN_PATH}/", read_order, "studio.order"),
    route("PUT", f"/api/orders/orders/{ID_IN_PATH}/", replace_order, "studio.order"),
    route("PATCH", f"/api/orders/orders/{ID_IN_PATH}/", edit_order, "studio.order"),
    route("DELETE", f"/api/orders/orders/{ID_IN_PATH}/", withdraw_order, "studio.order"),
)
