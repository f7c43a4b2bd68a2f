"""Market endpoints of orders (docs/dialects/market.md#orders; D20–D25)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.files.forms import addresses
from mystar.kit.web.http import json_response, language_of
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.response_cache import cached_for_actor, depends_on
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of, query_of
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.orders.model import Role
from mystar.orders.schemas import (
    DeliveryDraft,
    DeliveryView,
    OrderDeliveryDraft,
    OrderDetailView,
    OrderEdit,
    OrderPath,
    OrderQuery,
    OrderReasonDraft,
    OrderRefundDraft,
    OrderView,
    PaymentDraft,
    PaymentLinkView,
    ServiceOrderDraft,
    delivery_view,
    order_detail_view,
    order_view,
)

TAGS = ["market: orders"]
#: The answer to an action that is not allowed in the order's present state.
_WRONG_TIME = {409: {"description": "Not now: `status` and `allowed_actions` say what can be done instead."}}


@docs(tags=TAGS, summary="Place an order of a service or a greeting")
@login_required
@json_schema(ServiceOrderDraft)
@response_schema(OrderView, 201)
@idempotent
async def place_order(request: web.Request) -> web.StreamResponse:
    draft, actor = dict(body_of(request)), actor_of(request)
    if not draft.pop("with_modifications"):
        draft["modifications"] = None
    entry = await request.app[ORDERS].place_service(actor, **draft)
    return json_response(order_view(entry, actor, addresses(request.app), language_of(request)), 201)


@cached_for_actor
@docs(tags=TAGS, summary="List the actor's orders, bought and sold, newest first")
@login_required
@querystring_schema(OrderQuery)
@response_schema(page_of(OrderView), 200)
async def list_orders(request: web.Request) -> web.Response:
    actor, query, page = actor_of(request), query_of(request), page_request(request)
    role = Role(query["role"]) if query["role"] else None
    found = await request.app[ORDER_READS].page(actor, page, role=role, status=query["status"])
    depends_on(request, *request.app[ORDER_READS].subjects(actor, found.rows))
    return page_response(
        request,
        [order_view(entry, actor, addresses(request.app), language_of(request)) for entry in found.rows],
        found.count,
    )


@docs(tags=TAGS, summary="Read an order with its deliveries, payments and events; for its parties and staff")
@login_required
@match_info_schema(OrderPath)
@response_schema(OrderDetailView, 200)
async def read_order(request: web.Request) -> web.Response:
    return await _read(request)


@docs(tags=TAGS, summary="Edit the requirements before the first delivery; for the buyer", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderEdit)
@response_schema(OrderDetailView, 200)
async def edit_order(request: web.Request) -> web.Response:
    order_id, changes = path_of(request)["order_id"], body_of(request)
    if changes:
        await request.app[ORDERS].edit(actor_of(request), order_id, **changes)
    return await _read(request)


@docs(tags=TAGS, summary="Get a link to the payment page; for the buyer", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(PaymentDraft)
@response_schema(PaymentLinkView, 200)
@idempotent
async def pay_order(request: web.Request) -> web.StreamResponse:
    order_id, method = path_of(request)["order_id"], body_of(request)["payment_method"]
    return json_response({"link": await request.app[ORDERS].pay(actor_of(request), order_id, method)})


@docs(tags=TAGS, summary="Accept an order; for the creator", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@response_schema(OrderView, 200)
@idempotent
async def accept_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].accept)


@docs(tags=TAGS, summary="Reject an order and release the hold; for the creator", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderReasonDraft)
@response_schema(OrderView, 200)
@idempotent
async def reject_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].reject, **body_of(request))


@docs(tags=TAGS, summary="List the deliveries of an order, newest first")
@login_required
@match_info_schema(OrderPath)
@querystring_schema(PageQuery)
@response_schema(page_of(DeliveryView), 200)
async def list_deliveries(request: web.Request) -> web.Response:
    actor, page, at = actor_of(request), page_request(request), addresses(request.app)
    order, found, count = await request.app[ORDER_READS].deliveries(actor, path_of(request)["order_id"], page)
    return page_response(request, [delivery_view(card, order, actor, at) for card in found], count)


@docs(tags=TAGS, summary="Deliver; for the creator", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(DeliveryDraft)
@response_schema(DeliveryView, 201)
@idempotent
async def deliver(request: web.Request) -> web.StreamResponse:
    return await _deliver(request, path_of(request)["order_id"], body_of(request))


@docs(tags=TAGS, summary="Deliver, with the order named in the body; for the creator", responses=_WRONG_TIME)
@login_required
@json_schema(OrderDeliveryDraft)
@response_schema(DeliveryView, 201)
@idempotent
async def deliver_order(request: web.Request) -> web.StreamResponse:
    body = dict(body_of(request))
    return await _deliver(request, body.pop("order"), body)


@docs(
    tags=TAGS,
    summary="Approve the delivery and capture the hold; for the buyer, or staff in a dispute",
    responses=_WRONG_TIME,
)
@login_required
@match_info_schema(OrderPath)
@response_schema(OrderView, 200)
@idempotent
async def approve_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].approve)


@docs(tags=TAGS, summary="Cancel an order: a hold is released, a captured sum is refunded", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderReasonDraft)
@response_schema(OrderView, 200)
@idempotent
async def cancel_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].cancel, **body_of(request))


@docs(tags=TAGS, summary="Request a revision; for the buyer", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderReasonDraft)
@response_schema(OrderView, 200)
@idempotent
async def request_revision(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].request_revision, **body_of(request))


@docs(tags=TAGS, summary="Open a dispute, which staff decide; the money stays where it is", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderReasonDraft)
@response_schema(OrderView, 200)
@idempotent
async def dispute_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].dispute, **body_of(request))


@docs(tags=TAGS, summary="Capture the hold; for the creator of a greeting, or staff", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@response_schema(OrderView, 200)
@idempotent
async def capture_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].capture)


@docs(tags=TAGS, summary="Refund a captured sum, or a part of it; for staff", responses=_WRONG_TIME)
@login_required
@match_info_schema(OrderPath)
@json_schema(OrderRefundDraft)
@response_schema(OrderView, 200)
@idempotent
async def refund_order(request: web.Request) -> web.StreamResponse:
    return await _after(request, request.app[ORDERS].refund, **body_of(request))


async def _read(request: web.Request) -> web.Response:
    actor = actor_of(request)
    detail = await request.app[ORDER_READS].detail(actor, path_of(request)["order_id"])
    return json_response(order_detail_view(detail, actor, addresses(request.app), language_of(request)))


async def _after(request: web.Request, verb: Any, **words: Any) -> web.Response:
    """Run the action and answer with the order after it."""
    order_id = path_of(request)["order_id"]
    await verb(actor_of(request), order_id, **words)
    return await _shown(request, order_id)


async def _shown(request: web.Request, order_id: int) -> web.Response:
    actor = actor_of(request)
    entry = await request.app[ORDER_READS].entry(actor, order_id)
    return json_response(order_view(entry, actor, addresses(request.app), language_of(request)))


async def _deliver(request: web.Request, order_id: int, draft: dict[str, Any]) -> web.Response:
    actor, book = actor_of(request), request.app[ORDER_READS]
    await request.app[ORDERS].deliver(actor, order_id, **draft)
    order = (await book.entry(actor, order_id)).order
    return json_response(delivery_view(await book.delivery(order_id), order, actor, addresses(request.app)), 201)


#: An id that PostgreSQL's bigint cannot hold is an unknown path.
_ORDER = r"/api/v1/orders/{order_id:\d{1,18}}/"

_CANCEL = route("POST", _ORDER + "cancel/", cancel_order, "market.order-cancel")
_APPROVE = route("POST", _ORDER + "approve/", approve_order, "market.order-approve")
_REVISION = route("POST", _ORDER + "request-revision/", request_revision, "market.order-request-revision")
_VERSIONED: tuple[Route, ...] = (
    route("POST", "/api/v1/orders/", place_order, "market.orders"),
    route("GET", "/api/v1/orders/", list_orders, "market.orders"),
    route("GET", _ORDER, read_order, "market.order"),
    route("PATCH", _ORDER, edit_order, "market.order"),
    route("POST", _ORDER + "pay/", pay_order, "market.order-pay"),
    route("POST", _ORDER + "accept/", accept_order, "market.order-accept"),
    route("POST", _ORDER + "reject/", reject_order, "market.order-reject"),
    route("GET", _ORDER + "deliveries/", list_deliveries, "market.order-deliveries"),
    route("POST", _ORDER + "deliveries/", deliver, "market.order-deliveries"),
    route("POST", "/api/v1/deliveries/", deliver_order, "market.deliveries"),
    _APPROVE,
    _CANCEL,
    _REVISION,
    route("POST", _ORDER + "dispute/", dispute_order, "market.order-dispute"),
    route("POST", _ORDER + "capture/", capture_order, "market.order-capture"),
    route("POST", _ORDER + "refund/", refund_order, "market.order-refund"),
    # The names that older clients use.
    alias(_ORDER + "cancel_order/", _CANCEL),
    alias(_ORDER + "complete_order/", _APPROVE),
    alias(_ORDER + "request_revision/", _REVISION),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
