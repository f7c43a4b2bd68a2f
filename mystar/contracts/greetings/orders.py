"""Orders as the star and the customer see them (docs/dialects/greetings.md#orders-and-payment)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields, pre_load, validate

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.model import Actor
from mystar.contracts.greetings.answers import ONE_STRING, ActorId
from mystar.errors import Forbidden, Invalid, Text
from mystar.files.keys import FILES
from mystar.kit.money import rubles_number, rubles_text
from mystar.kit.web.bare_lists import ListQuery, list_request, list_response
from mystar.kit.web.fields import BaseSchema, Id, PlainText, RubleAmount
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, query_of
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.orders.model import PAID, Money, Order, OrderEntry, OrderUnknown, Role, Status
from mystar.orders.parties import Party
from mystar.orders.schemas import AllowedActionView

TAGS = ["greetings: orders"]
#: The client's texts for the occasions.
OCCASIONS = {"Видео-поздравление": "video", "Приглашение на праздник": "invitation"}
WORDS = {occasion: words for words, occasion in OCCASIONS.items()}
NO_AVATAR, NO_VIDEO = "нет фото", "Видео не готово"


class NoDecision(Invalid):
    """``accept`` is neither ``accept`` nor ``reject``."""

    code = "no_decision"
    text = Text("Не установлен статус заказа.", "The decision about the order is missing.")


class Occasion(fields.String):
    """The client's text, or the stored word."""

    default_error_messages = {
        "unknown": [
            Text(
                "Одно из: Видео-поздравление, Приглашение на праздник.",
                "Must be one of: Видео-поздравление, Приглашение на праздник.",
            )
        ]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        words = super()._deserialize(value, attr, data, **options).strip()
        if words not in WORDS and words not in OCCASIONS:
            raise self.make_error("unknown")
        return OCCASIONS.get(words, words)


class OrderDraft(BaseSchema):
    """Every value may come as text. ``status_order`` and other keys are not read (D1)."""

    star_id = Id(required=True)
    customer_id = ActorId()
    price = RubleAmount(
        data_key="order_price",
        load_default=None,
        allow_none=True,
        metadata={"description": "The price that the customer saw; an outdated one is refused with 409."},
    )
    for_whom = PlainText(required=True, min_length=1, max_length=128)
    requirements = PlainText(data_key="comment", load_default="", max_length=2000)
    due_date = fields.Date(data_key="by_date", load_default=None, allow_none=True)
    due_time = fields.Time(data_key="by_time", load_default=None, allow_none=True)
    occasion = Occasion(data_key="type", load_default="video", metadata={"enum": [*OCCASIONS, *WORDS]})

    @pre_load
    def forget_empty(self, data: Any, **_options: Any) -> Any:
        """A form sends an empty text for a field that was left out."""
        if not isinstance(data, dict):
            return data
        optional = ("customer_id", "order_price", "by_date", "by_time", "type")
        return {key: value for key, value in data.items() if not (key in optional and value in ("", None))}


class OrderPlacedView(BaseSchema):
    order_id = fields.Integer(required=True)
    message = fields.String(required=True, metadata={"enum": ["Заказ создан!"]})


class StrictBoolean(fields.Boolean):
    """The words that the client sends; others are refused."""

    truthy = {"true", "True", True}
    falsy = {"false", "False", False}


class OrderListQuery(ListQuery):
    is_star = StrictBoolean(
        load_default=False,
        metadata={"description": "Orders that the star received, instead of those that the customer placed."},
    )
    user_id = ActorId()


class OrderItem(BaseSchema):
    """One order of a list. ``order_price`` in rubles as text; ``status_order``: see D21."""

    id = fields.Integer(required=True)
    customer_id = fields.Integer(required=True)
    star_id = fields.Integer(required=True)
    payment_id = fields.String(required=True)
    order_price = fields.String(required=True, metadata={"example": "45000.00"})
    by_date = fields.Date(required=True)
    by_time = fields.Time(required=True)
    for_whom = fields.String(required=True)
    comment = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": list(OCCASIONS)})
    status_order = fields.Integer(required=True, validate=validate.OneOf([-1, 0, 1, 2, 3]))
    status = fields.String(required=True)
    money = fields.String(required=True)
    star = fields.String(metadata={"description": "In the list of a customer only."})
    username = fields.String(required=True, metadata={"description": "Of the account whose list it is."})
    star_avatar = fields.String(required=True)
    profession = fields.String(required=True)
    customer_username = fields.String(required=True)
    customer_avatar = fields.String(required=True)
    cat_name = fields.String(required=True)
    video = fields.String(required=True, metadata={"description": f"A path under /media/, or «{NO_VIDEO}»."})
    video_url = fields.String(required=True, allow_none=True, metadata={"description": "A signed link for an hour."})
    allowed_actions = fields.List(fields.Nested(AllowedActionView), required=True)
    created_at = fields.DateTime(required=True)


class Decision(BaseSchema):
    order_id = Id(required=True)
    accept = fields.Raw(load_default=None, metadata={"examples": ["accept", "reject"]})
    reason = PlainText(load_default="", max_length=1000)


class Cancellation(BaseSchema):
    order_id = Id(required=True)
    reason = PlainText(load_default="", max_length=1000)


class DetailQuery(BaseSchema):
    """In the query, or in the JSON body, as the document prints it."""

    order_id = Id(load_default=None, allow_none=True)
    star_id = Id(load_default=None, allow_none=True)


class WatchQuery(BaseSchema):
    order_id = Id(required=True)
    sig = fields.String(required=True)


class DetailView(BaseSchema):
    star_username = fields.String(required=True)
    order_price = fields.Float(required=True, metadata={"example": 88888.0})
    video = fields.String(metadata={"description": "A path under /media/; absent before delivery."})
    video_url = fields.String(metadata={"description": "A signed link for an hour."})


@docs(tags=TAGS, summary="Order a greeting")
@login_required
@json_schema(OrderDraft)
@response_schema(OrderPlacedView, 201)
@idempotent
async def place_order(request: web.Request) -> web.StreamResponse:
    draft, actor = body_of(request), actor_of(request)
    order = await request.app[ORDERS].place_greeting(actor, **draft)
    return json_response({"order_id": order.id, "message": "Заказ создан!"}, 201)


@docs(tags=TAGS, summary="List orders of a customer or of a star, newest first")
@login_required
@querystring_schema(OrderListQuery)
@response_schema(OrderItem(many=True), 200)
async def list_orders(request: web.Request) -> web.StreamResponse:
    actor, query, page = actor_of(request), query_of(request), list_request(request)
    if query["user_id"] not in (None, actor.id):
        raise Forbidden
    role = Role.CREATOR if query["is_star"] else Role.BUYER
    found = await request.app[ORDER_READS].greetings(actor, role, page)
    items = [_item(request, entry, actor, is_sold=query["is_star"]) for entry in found.rows]
    return list_response(request, items, found.count, page)


@docs(
    tags=TAGS,
    summary="Accept or reject an order; for the star",
    responses={201: {"schema": ONE_STRING, "description": "«Заказ принят» or «Заказ отклонен»."}},
)
@login_required
@json_schema(Decision)
@idempotent
async def decide_order(request: web.Request) -> web.StreamResponse:
    orders, actor, body = request.app[ORDERS], actor_of(request), body_of(request)
    match body["accept"]:
        case "accept":
            await orders.accept(actor, body["order_id"])
            return json_response(["Заказ принят"], 201)
        case "reject":
            await orders.reject(actor, body["order_id"], body["reason"])
            return json_response(["Заказ отклонен"], 201)
    raise NoDecision


@docs(tags=TAGS, summary="Cancel an order", responses={201: {"schema": ONE_STRING, "description": "«Заказ отменен»."}})
@login_required
@json_schema(Cancellation)
@idempotent
async def cancel_order(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    await request.app[ORDERS].cancel(actor_of(request), body["order_id"], body["reason"])
    return json_response(["Заказ отменен"], 201)


@docs(tags=TAGS, summary="Read a paid order with its video, if delivered")
@login_required
@querystring_schema(DetailQuery)
@json_schema(DetailQuery)
@response_schema(DetailView, 200)
async def read_order(request: web.Request) -> web.StreamResponse:
    given = {name: query_of(request)[name] or body_of(request)[name] for name in ("order_id", "star_id")}
    if given["order_id"] is None:
        raise Invalid(fields={"order_id": [Text("Обязательное поле.", "Missing data for required field.")]})
    actor = actor_of(request)
    entry = await request.app[ORDER_READS].greeting(actor, given["order_id"])
    if given["star_id"] not in (None, entry.order.creator_account_id):
        raise OrderUnknown
    # A JSON number that never was a float.
    price = rubles_number(entry.order.total_price)
    detail: dict[str, Any] = {"star_username": _username(entry.creator), "order_price": price}
    if entry.video is not None:
        detail |= {"video": _video(request, entry, actor), "video_url": _video_url(request, entry, actor)}
    return json_response(detail)


@docs(
    tags=TAGS,
    summary="Redirect from a mailed link to the delivered video",
    responses={302: {"description": "To the video.", "content": {}}},
)
@querystring_schema(WatchQuery)
async def watch_order(request: web.Request) -> web.StreamResponse:
    query = query_of(request)
    path = await request.app[ORDERS].watch_by_link(query["order_id"], query["sig"])
    return web.Response(status=302, headers={"Location": path, "Cache-Control": "no-store"})


def status_order(order: Order) -> int:
    """The state of an order as the document's number (D21)."""
    if order.status in (Status.REJECTED, Status.CANCELLED):
        return -1
    if order.money in PAID:
        # What is charged when it is paid, as by SBP, is no acceptance.
        return 3 if order.money is Money.CAPTURED and order.status is not Status.PENDING else 2
    return 0 if order.status is Status.PENDING else 1


def _item(request: web.Request, entry: OrderEntry, actor: Actor, *, is_sold: bool) -> dict[str, Any]:
    """:param is_sold: in the list of the star, where the client expects no ``star``."""
    order, creator, buyer = entry.order, _username(entry.creator), _username(entry.buyer)
    return {
        "id": order.id,
        "customer_id": order.buyer_id,
        "star_id": order.creator_account_id,
        "payment_id": entry.payment or "",
        "order_price": rubles_text(order.total_price),
        "by_date": order.due_date,
        "by_time": order.due_time and order.due_time.replace(microsecond=0),
        "for_whom": order.for_whom,
        "comment": order.requirements,
        "type": WORDS[order.occasion],
        "status_order": status_order(order),
        "status": order.status,
        "money": order.money,
        **({"username": creator} if is_sold else {"star": creator, "username": buyer}),
        "star_avatar": _avatar(entry.creator),
        "profession": entry.profession or "",
        "customer_username": buyer,
        "customer_avatar": _avatar(entry.buyer),
        "cat_name": entry.category or "",
        "video": _video(request, entry, actor) or NO_VIDEO,
        "video_url": _video_url(request, entry, actor),
        "allowed_actions": [one.plain() for one in request.app[ORDERS].allowed_actions(order, actor)],
        "created_at": order.created_at,
    }


def _username(party: Party | None) -> str:
    return party.username if party else ""


def _avatar(party: Party | None) -> str:
    return media_path(party.avatar) if party and party.avatar else NO_AVATAR


def _video(request: web.Request, entry: OrderEntry, actor: Actor) -> str | None:
    """The path after /media/, signed for readers who may open it; the client opens it as it is."""
    url = _video_url(request, entry, actor)
    return entry.video if url is None else url.removeprefix(media_path(""))


def _video_url(request: web.Request, entry: OrderEntry, actor: Actor) -> str | None:
    """A link to the video; None before delivery, and for a customer who has not paid."""
    if entry.video is None or (actor.id == entry.order.buyer_id and not entry.order.is_open_to_buyer):
        return None
    return request.app[FILES].private_url(entry.video)


_DECIDE = route("POST", "/api/orderaccept/", decide_order, "greetings.order-decision")

ROUTES: tuple[Route, ...] = (
    route("POST", "/api/order/", place_order, "greetings.orders"),
    route("GET", "/api/order/list/", list_orders, "greetings.order-list"),
    _DECIDE,
    alias("/api/order/accept/", _DECIDE),
    route("POST", "/api/order/cancel/", cancel_order, "greetings.order-cancellation"),
    route("GET", "/api/order/cust/detail/", read_order, "greetings.order-detail"),
    route("GET", "/api/order/video/", watch_order, "greetings.order-video"),
)
