"""Categories, stars, tags, votes, likes and favourites (docs/dialects/greetings.md#catalogue)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import (
    actor_of,
    client_info,
    login_optional,
    login_required,
    maybe_actor_of,
    token_of,
    unlimited,
)
from mystar.accounts.credentials import key_of, national_number
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft, Actor
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import MAX_TAG_LENGTH, MAX_TAGS, CategoryUnknown, GreetingPricing, NoStars, Star
from mystar.contracts.greetings.answers import ONE_STRING, ActorId
from mystar.creators.keys import CREATORS
from mystar.errors import Forbidden, Invalid, Text
from mystar.kit.money import rubles_number, rubles_text
from mystar.kit.web.bare_lists import KeysetQuery, list_request, list_response
from mystar.kit.web.fields import BaseSchema, BoundedInteger, BoundedList, Id, NoParameters, PlainText, RubleAmount
from mystar.kit.web.http import json_response
from mystar.kit.web.pagination import PageRequest
from mystar.kit.web.replicas import may_be_old
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of, query_of

TAGS = ["greetings: stars"]
#: Instead of a path, for a star without a picture; the client compares the text.
NO_AVATAR = "Нет фото"
NO_FAVOURITES = "Нет избранных звезд"


def _sentence(*statuses: int) -> dict[int, dict[str, Any]]:
    return {status: {"schema": ONE_STRING, "description": "One sentence"} for status in statuses}


class CategoryView(BaseSchema):
    id = fields.Integer(required=True)
    cat_name = fields.String(required=True)
    cat_photo = fields.Integer(required=True, allow_none=True)
    category_photo = fields.String(required=True, metadata={"description": "A path under /media/, or empty."})


class StarFields(BaseSchema):
    """``rating`` 1 to 5, 0 without ratings; contacts only for the star itself and staff."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    phone = fields.Integer(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    price_another = fields.Raw(
        required=True,
        metadata={
            "oneOf": [{"type": "string"}, {"type": "integer", "enum": [0]}],
            "description": "0 = none.",
        },
    )
    cat_name_id = fields.Integer(required=True)
    cat_name_id_id = fields.Integer(required=True)
    rating = fields.Integer(required=True)
    likes = fields.Integer(required=True)
    is_star = fields.Boolean(required=True)
    profession = fields.String(required=True)
    description = fields.String(required=True)
    days = fields.String(required=True)
    top = fields.Boolean(required=True)
    sorted = fields.Integer(required=True, metadata={"description": "The position in the list, from 1."})
    tags = fields.List(fields.String(), required=True)
    avatar = fields.String(required=True, metadata={"description": f"A path, or «{NO_AVATAR}»."})
    video = fields.String(required=True, metadata={"description": "A path beginning with /media/, or empty."})
    is_available = fields.Boolean(
        required=True, metadata={"description": "Whether the star takes orders now.", "example": True}
    )


class StarView(StarFields):
    price = fields.String(required=True, metadata={"example": "15000.00", "description": "Rubles"})


class TaggedStarView(StarFields):
    price = fields.Decimal(required=True, metadata={"example": 45000.0, "description": "Rubles, a number here"})
    users_ptr_id = fields.Integer(required=True)
    video_hi = fields.String(required=True)
    date_joined = fields.DateTime(required=True)
    is_active = fields.Boolean(required=True)
    register = fields.String(required=True)


class StarDraft(BaseSchema):
    """The fields of a new account are read from staff alone; ``rating`` and ``is_star`` never (D1)."""

    username = PlainText(load_default="", max_length=150)
    phone = PlainText(load_default=None, allow_none=True, max_length=40)
    email = PlainText(load_default=None, allow_none=True, max_length=254)
    password = fields.String(load_default=None, allow_none=True)
    first_name = PlainText(load_default="", max_length=150)
    last_name = PlainText(load_default="", max_length=150)
    price = RubleAmount(required=True)
    category_id = Id(required=True, data_key="cat_name_id")
    invitation_price = RubleAmount(load_default=None, allow_none=True, data_key="price_another")
    days = BoundedInteger(min_value=0, max_value=365, load_default=3)
    tags = BoundedList(PlainText(min_length=1, max_length=MAX_TAG_LENGTH), load_default=list, max_items=MAX_TAGS)
    profession = PlainText(load_default="", max_length=32)
    description = PlainText(load_default="", max_length=2048)


class TokenView(BaseSchema):
    token = fields.String(required=True)


class StarQuery(BaseSchema):
    """In the query, or in the body, as the document prints it."""

    id = Id(load_default=None, allow_none=True)
    star_id = Id(load_default=None, allow_none=True)


class StarListQuery(KeysetQuery):
    available = fields.Boolean(
        load_default=False, metadata={"description": "true: only stars who take orders now.", "example": True}
    )


class CategoryQuery(StarListQuery):
    id = Id(required=True)


class TagDraft(BaseSchema):
    tag = PlainText(required=True, min_length=1, max_length=MAX_TAG_LENGTH, data_key="filter")


class FavouritesQuery(KeysetQuery):
    cust_id = ActorId()


class Vote(BaseSchema):
    """In the document's terms, ``adresat`` votes for ``adresant``."""

    rating = BoundedInteger(min_value=1, max_value=5, required=True)
    voter_id = Id(load_default=None, allow_none=True, data_key="adresat")
    star_id = Id(required=True, data_key="adresant")


class FanDraft(BaseSchema):
    star_id = Id(required=True)
    cust_id = ActorId()


@docs(tags=TAGS, summary="List categories of stars")
@querystring_schema(NoParameters)
@response_schema(CategoryView(many=True), 201)
async def list_categories(request: web.Request) -> web.Response:
    categories = await request.app[CATALOG].categories()
    views = [
        {"id": one.id, "cat_name": one.name, "cat_photo": one.photo_id, "category_photo": one.photo_key or ""}
        for one in categories
    ]
    return json_response(views, 201)


@docs(tags=TAGS, summary="Create a star profile; staff with a password in the body create an account, too")
@login_required
@json_schema(StarDraft)
@response_schema(TokenView, 201)
async def create_star(request: web.Request) -> web.Response:
    actor, body, catalog = actor_of(request), body_of(request), request.app[CATALOG]
    password, person = body.pop("password"), AccountDraft(**{name: body.pop(name) for name in _PERSON})
    about = {name: body.pop(name) for name in ("profession", "description")}
    terms = GreetingPricing(**body)
    try:
        if password and actor.acts_as_staff():
            account = await catalog.create_star(actor, person, password, terms, **about)
            session = await request.app[ACCOUNTS].sign_in(account.id, client_info(request), "greetings")
            return json_response({"token": session.access}, 201)
        if key_of(person.username) not in ("", key_of(actor.username)):
            raise Forbidden
        await catalog.make_star(actor.id, terms, **about)
    except CategoryUnknown as error:
        raise Invalid(fields={"cat_name_id": error.fields["category_id"]}) from error
    return json_response({"token": token_of(request)}, 201)


@docs(tags=TAGS, summary="List stars, best first")
@login_optional
@querystring_schema(StarListQuery)
@response_schema(StarView(many=True), 201)
@may_be_old
async def list_stars(request: web.Request) -> web.Response:
    catalog, page, actor = request.app[CATALOG], list_request(request), maybe_actor_of(request)
    is_available = query_of(request)["available"]
    stars = await catalog.stars(is_available=is_available, page=page)
    total = _total(stars, page) or await catalog.count_stars(is_available=is_available)
    views = [_view(star, actor, place, media="") for place, star in _numbered(stars, page)]
    return list_response(request, views, total, page, status=201)


@docs(tags=TAGS, summary="Read a star")
@login_optional
@querystring_schema(StarQuery)
@json_schema(StarQuery)
@response_schema(StarView, 200)
async def read_star(request: web.Request) -> web.Response:
    query, body = query_of(request), body_of(request)
    star_id = query["id"] or query["star_id"] or body["star_id"] or body["id"]
    if star_id is None:
        raise Invalid(fields={"id": [Text("Обязательное поле.", "Missing data for required field.")]})
    star = await request.app[CATALOG].star(star_id)
    return json_response(_view(star, maybe_actor_of(request), 1, media="/media/"))


@docs(tags=TAGS, summary="List stars of a category, best first")
@login_optional
@querystring_schema(CategoryQuery)
@response_schema(StarView(many=True), 200)
@may_be_old
async def list_category(request: web.Request) -> web.Response:
    catalog, actor = request.app[CATALOG], maybe_actor_of(request)
    query, page = query_of(request), list_request(request)
    which = {"category_id": query["id"], "is_available": query["available"]}
    stars = await catalog.stars(**which, page=page)
    if not stars:
        # The client recognises an empty category by an answer that is not an array.
        raise NoStars
    total = _total(stars, page) or await catalog.count_stars(**which)
    views = [_view(star, actor, place, media="/media/") for place, star in _numbered(stars, page)]
    return list_response(request, views, total, page)


@unlimited("reads")
@docs(tags=TAGS, summary="List stars with a tag, best first")
@login_optional
@querystring_schema(StarListQuery)
@json_schema(TagDraft)
@response_schema(TaggedStarView(many=True), 200)
@may_be_old
async def filter_stars(request: web.Request) -> web.Response:
    catalog, tag, page = request.app[CATALOG], body_of(request)["tag"], list_request(request)
    is_available = query_of(request)["available"]
    stars = await catalog.stars(tag=tag, is_available=is_available, page=page)
    total = _total(stars, page) or await catalog.count_stars(tag=tag, is_available=is_available)
    views = [_tagged_view(star, maybe_actor_of(request), place) for place, star in _numbered(stars, page)]
    return list_response(request, views, total, page)


@docs(tags=TAGS, summary="Rate a star, once", responses=_sentence(201))
@login_required
@json_schema(Vote)
async def rate_star(request: web.Request) -> web.Response:
    actor, vote = actor_of(request), body_of(request)
    _require_self(actor, vote["voter_id"])
    await request.app[CREATORS].rate(actor, vote["star_id"], vote["rating"])
    return json_response(["Оценка выставлена"], 201)


@docs(tags=TAGS, summary="Like a star, once", responses=_sentence(201))
@login_required
@json_schema(FanDraft)
async def like_star(request: web.Request) -> web.Response:
    actor, body = actor_of(request), body_of(request)
    _require_self(actor, body["cust_id"])
    await request.app[CREATORS].like(actor, body["star_id"])
    return json_response(["Оценка выставлена"], 201)


@docs(
    tags=TAGS,
    summary="List favourite stars",
    responses={
        200: {
            "schema": {"type": "array", "items": {"oneOf": [{"type": "object"}, {"type": "string"}]}},
            "description": f"Stars as in the list of stars, or «{NO_FAVOURITES}»",
        }
    },
)
@login_required
@querystring_schema(FavouritesQuery)
async def list_favourites(request: web.Request) -> web.Response:
    actor, page, catalog = actor_of(request), list_request(request), request.app[CATALOG]
    _require_self(actor, query_of(request)["cust_id"])
    stars = await catalog.stars(fan_id=actor.id, page=page)
    if not stars:
        return json_response([NO_FAVOURITES])
    total = _total(stars, page) or await catalog.count_stars(fan_id=actor.id)
    views = [_view(star, actor, place, media="") for place, star in _numbered(stars, page)]
    return list_response(request, views, total, page)


@docs(tags=TAGS, summary="Add a star to the favourites", responses=_sentence(200, 201))
@login_required
@json_schema(FanDraft)
async def add_favourite(request: web.Request) -> web.Response:
    actor, body = actor_of(request), body_of(request)
    _require_self(actor, body["cust_id"])
    if await request.app[CREATORS].add_favourite(actor, body["star_id"]):
        return json_response(["Добавлено в избранное"], 201)
    return json_response(["Уже добавлено в избранное"])


@docs(tags=TAGS, summary="Remove a star from the favourites", responses=_sentence(200))
@login_required
@json_schema(FanDraft)
async def remove_favourite(request: web.Request) -> web.Response:
    actor, body = actor_of(request), body_of(request)
    _require_self(actor, body["cust_id"])
    await request.app[CREATORS].remove_favourite(actor, body["star_id"])
    return json_response(["Удалено из избранного"])


_PERSON = ("username", "phone", "email", "first_name", "last_name")


def _require_self(actor: Actor, account_id: int | None) -> None:
    """:raises Forbidden: the id is of another account (D1)."""
    if account_id not in (None, actor.id):
        raise Forbidden


def _numbered(stars: Sequence[Star], page: PageRequest) -> enumerate[Star]:
    return enumerate(stars, start=page.offset + 1)


def _total(stars: Sequence[Star], page: PageRequest) -> int | None:
    """The total if this page contains the end; None = it must be counted."""
    return page.offset + len(stars) if page.after is None and 0 < len(stars) < page.size else None


def _view(star: Star, reader: Actor | None, place: int, *, media: str) -> dict[str, Any]:
    """``media``: what precedes the path of an avatar at this endpoint."""
    sees_contacts = reader is not None and (reader.id == star.id or reader.is_staff)
    return {
        "id": star.id,
        "username": star.username,
        "first_name": star.first_name,
        "last_name": star.last_name,
        "phone": national_number(star.phone) if sees_contacts else None,
        "email": star.email if sees_contacts else None,
        "price": rubles_text(star.price),
        # A number if there is none: the client compares and formats it.
        "price_another": 0 if star.invitation_price is None else rubles_text(star.invitation_price),
        "cat_name_id": star.category_id,
        "cat_name_id_id": star.category_id,
        "rating": star.whole_stars,
        "likes": star.likes,
        "is_star": True,
        "profession": star.profession,
        "description": star.description,
        "days": str(star.delivery_days),
        "top": star.is_top,
        "sorted": place,
        "tags": star.tags,
        "avatar": f"{media}{star.avatar_key}" if star.avatar_key else NO_AVATAR,
        "video": f"/media/{star.video_key}" if star.video_key else "",
        "is_available": star.is_available,
    }


def _tagged_view(star: Star, reader: Actor | None, place: int) -> dict[str, Any]:
    """The document prints a database row here; secret columns are left out (D30)."""
    view = _view(star, reader, place, media="media/")
    return view | {
        # A JSON number that never was a float.
        "price": rubles_number(star.price),
        "users_ptr_id": star.id,
        "video_hi": view["video"],
        "date_joined": star.joined_at,
        "is_active": True,
        "register": "True",
    }


ROUTES: tuple[Route, ...] = (
    route("GET", "/api/categories/", list_categories, "greetings.categories"),
    route("POST", "/api/star/create/", create_star, "greetings.star-creation"),
    route("GET", "/api/star/getlist/", list_stars, "greetings.stars"),
    route("GET", "/api/star/id/", read_star, "greetings.star"),
    route("GET", "/api/star/category/", list_category, "greetings.star-category"),
    route("POST", "/api/star/filter/", filter_stars, "greetings.star-filter"),
    route("PUT", "/api/ratestar/", rate_star, "greetings.star-rating"),
    route("POST", "/api/star/like/", like_star, "greetings.star-like"),
    route("GET", "/api/star/favorite/", list_favourites, "greetings.star-favourites"),
    route("POST", "/api/star/favorite/", add_favourite, "greetings.star-favourites"),
    route("DELETE", "/api/star/favorite/", remove_favourite, "greetings.star-favourites"),
)
