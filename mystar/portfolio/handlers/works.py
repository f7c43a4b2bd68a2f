"""Works and their images (docs/dialects/market.md#skills-and-portfolio). Forms may be JSON where no file is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema
from marshmallow import Schema

from mystar.accounts.access import actor_of, limited, login_optional, login_required, maybe_actor_of, unlimited
from mystar.creators.keys import CREATORS
from mystar.creators.schemas import OfCreatorQuery
from mystar.errors import Unauthenticated
from mystar.files.forms import FileField, json_body, multipart_schema, read_fields
from mystar.files.model import MISSING, FileRefused, StoredFile
from mystar.kit.web.http import PUBLIC_URL, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import path_of, query_of
from mystar.portfolio.keys import PORTFOLIO
from mystar.portfolio.model import MAX_IMAGES, Image, Item
from mystar.portfolio.schemas import (
    ImageChange,
    ImageChangeForm,
    ImageDraft,
    ImageForm,
    ImagePath,
    ImageView,
    ItemChange,
    ItemChangeForm,
    ItemDraft,
    ItemForm,
    ItemPath,
    ItemPutForm,
    ItemView,
    OfItemQuery,
    image_view,
    item_view,
)

TAGS = ["market: portfolio"]
_COVER = FileField("cover_image", ("image",), "portfolio/covers", public=True)
_UPLOADED = FileField("uploaded_images", ("image",), "portfolio/images", public=True, max_count=MAX_IMAGES)
_IMAGE = FileField("image", ("image",), "portfolio/images", public=True)


# Works.


@docs(tags=TAGS, summary="List portfolio items of a creator or of the actor, newest first")
@login_optional
@querystring_schema(OfCreatorQuery)
@response_schema(page_of(ItemView), 200)
async def list_items(request: web.Request) -> web.Response:
    page, actor, creator_id = page_request(request), maybe_actor_of(request), query_of(request)["creator_profile_id"]
    portfolio = request.app[PORTFOLIO]
    if creator_id is not None:
        found = await portfolio.items(creator_id, page)
    elif actor is not None:
        found = await portfolio.own_items(actor, page)
    else:
        raise Unauthenticated
    return page_response(request, [item_view(item, request.app[PUBLIC_URL]) for item in found.rows], found.count)


@docs(tags=TAGS, summary="Read a portfolio item")
@match_info_schema(ItemPath)
@response_schema(ItemView, 200)
async def read_item(request: web.Request) -> web.Response:
    return _item(request, await request.app[PORTFOLIO].item(path_of(request)["item_id"]))


@limited("listing")
@docs(tags=TAGS, summary="Create a portfolio item with a cover and images")
@login_required
@multipart_schema(ItemForm)
@response_schema(ItemView, 201)
@idempotent
async def add_item(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request)
    # Refused before the upload is read.
    await request.app[CREATORS].require(actor)
    async with read_fields(request, ItemDraft(), _COVER, _UPLOADED) as (draft, files):
        item = await request.app[PORTFOLIO].add_item(
            actor,
            **draft,
            cover_id=_required(files, _COVER),
            image_ids=[one.id for one in files.get(_UPLOADED.part, ())],
        )
    return _item(request, item, 201)


@docs(tags=TAGS, summary="Replace a portfolio item; without a file the cover stays", requestBody=json_body(ItemDraft))
@login_required
@match_info_schema(ItemPath)
@multipart_schema(ItemPutForm)
@response_schema(ItemView, 200)
async def put_item(request: web.Request) -> web.Response:
    return await _change_item(request, ItemDraft)


@docs(tags=TAGS, summary="Update fields of a portfolio item", requestBody=json_body(ItemChange))
@login_required
@match_info_schema(ItemPath)
@multipart_schema(ItemChangeForm)
@response_schema(ItemView, 200)
async def change_item(request: web.Request) -> web.Response:
    return await _change_item(request, ItemChange)


@docs(tags=TAGS, summary="Delete a portfolio item", responses={204: {"description": "Deleted with its images"}})
@login_required
@match_info_schema(ItemPath)
async def delete_item(request: web.Request) -> web.Response:
    await request.app[PORTFOLIO].delete_item(actor_of(request), path_of(request)["item_id"])
    return web.Response(status=204)


@unlimited("reads")
@docs(tags=TAGS, summary="Count a view of a portfolio item", responses={204: {"description": "Nothing is returned"}})
@match_info_schema(ItemPath)
async def view_item(request: web.Request) -> web.StreamResponse:
    await request.app[PORTFOLIO].item(path_of(request)["item_id"])
    return web.Response(status=204)


# Images.


@docs(tags=TAGS, summary="List images of a portfolio item, or all images of the actor")
@login_required
@querystring_schema(OfItemQuery)
@response_schema(page_of(ImageView), 200)
async def list_images(request: web.Request) -> web.Response:
    page, item_id, portfolio = page_request(request), query_of(request)["portfolio_item_id"], request.app[PORTFOLIO]
    if item_id is None:
        found = await portfolio.own_images(actor_of(request), page)
    else:
        found = await portfolio.images(item_id, page)
    return page_response(request, [image_view(one, request.app[PUBLIC_URL]) for one in found.rows], found.count)


@docs(tags=TAGS, summary="Read an image of a portfolio item")
@match_info_schema(ImagePath)
@response_schema(ImageView, 200)
async def read_image(request: web.Request) -> web.Response:
    return _image(request, await request.app[PORTFOLIO].image(path_of(request)["image_id"]))


@limited("listing")
@docs(tags=TAGS, summary="Add an image to a portfolio item")
@login_required
@multipart_schema(ImageForm)
@response_schema(ImageView, 201)
@idempotent
async def add_image(request: web.Request) -> web.StreamResponse:
    async with read_fields(request, ImageDraft(), _IMAGE) as (draft, files):
        image = await request.app[PORTFOLIO].add_image(
            actor_of(request), draft.pop("item_id"), _required(files, _IMAGE), **draft
        )
    return _image(request, image, 201)


@docs(tags=TAGS, summary="Update an image of a portfolio item", requestBody=json_body(ImageChange))
@login_required
@match_info_schema(ImagePath)
@multipart_schema(ImageChangeForm)
@response_schema(ImageView, 200)
async def change_image(request: web.Request) -> web.Response:
    async with read_fields(request, ImageChange(), _IMAGE) as (change, files):
        image = await request.app[PORTFOLIO].edit_image(
            actor_of(request), path_of(request)["image_id"], **change, file_id=_given(files, _IMAGE)
        )
    return _image(request, image)


@docs(tags=TAGS, summary="Delete an image of a portfolio item", responses={204: {"description": "Deleted"}})
@login_required
@match_info_schema(ImagePath)
async def delete_image(request: web.Request) -> web.Response:
    await request.app[PORTFOLIO].delete_image(actor_of(request), path_of(request)["image_id"])
    return web.Response(status=204)


Files = Mapping[str, Sequence[StoredFile]]


def _given(files: Files, field: FileField) -> int | None:
    return next((file.id for file in files.get(field.part, ())), None)


def _required(files: Files, field: FileField) -> int:
    file_id = _given(files, field)
    if file_id is None:
        raise FileRefused(field.part, MISSING)
    return file_id


async def _change_item(request: web.Request, schema: type[Schema]) -> web.Response:
    async with read_fields(request, schema(), _COVER) as (change, files):
        item = await request.app[PORTFOLIO].edit_item(
            actor_of(request), path_of(request)["item_id"], **change, cover_id=_given(files, _COVER)
        )
    return _item(request, item)


def _item(request: web.Request, item: Item, status: int = 200) -> web.Response:
    return json_response(item_view(item, request.app[PUBLIC_URL]), status)


def _image(request: web.Request, image: Image, status: int = 200) -> web.Response:
    return json_response(image_view(image, request.app[PUBLIC_URL]), status)


_ITEMS, _IMAGES = "/api/portfolio/", "/api/portfolio-images/"
_ITEM, _ONE_IMAGE = _ITEMS + r"{item_id:\d{1,18}}/", _IMAGES + r"{image_id:\d{1,18}}/"
_PLAIN: tuple[Route, ...] = (
    route("GET", _ITEMS, list_items, "market.portfolio"),
    route("POST", _ITEMS, add_item, "market.portfolio"),
    route("GET", _ITEM, read_item, "market.portfolio-item"),
    route("PUT", _ITEM, put_item, "market.portfolio-item"),
    route("PATCH", _ITEM, change_item, "market.portfolio-item"),
    route("DELETE", _ITEM, delete_item, "market.portfolio-item"),
    route("POST", _ITEM + "view/", view_item, "market.portfolio-item-view", documented=False),
    route("GET", _IMAGES, list_images, "market.portfolio-images"),
    route("POST", _IMAGES, add_image, "market.portfolio-images"),
    route("GET", _ONE_IMAGE, read_image, "market.portfolio-image"),
    route("PUT", _ONE_IMAGE, change_image, "market.portfolio-image"),
    route("PATCH", _ONE_IMAGE, change_image, "market.portfolio-image"),
    route("DELETE", _ONE_IMAGE, delete_image, "market.portfolio-image"),
)
ROUTES: tuple[Route, ...] = (
    *_PLAIN,
    *(alias(one.path.replace("/api/", "/api/v1/", 1), one) for one in _PLAIN),
)
