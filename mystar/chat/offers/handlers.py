"""Market endpoints of offers (docs/dialects/market.md#offers; D71)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, limited, login_required
from mystar.chat.keys import OFFERS
from mystar.chat.offers.model import OfferDraft
from mystar.chat.offers.schemas import (
    OfferAcceptance,
    OfferDraftSchema,
    OfferPath,
    OfferQuery,
    OfferReason,
    OfferView,
    offer_view,
)
from mystar.chat.schemas import ConversationPath
from mystar.files.forms import addresses
from mystar.kit.web.http import json_response, language_of
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of, query_of
from mystar.orders.keys import ORDER_READS
from mystar.orders.schemas import OrderView, order_view

TAGS = ["market: offers"]
_CLOSED = {409: {"description": "The offer is closed: `status` says how."}}
_AGAIN = {200: {"schema": OfferView, "description": "The first offer of this client_id"}}


@docs(tags=TAGS, summary="Send a custom offer, a service at a price and a term; for a creator", responses=_AGAIN)
@login_required
@match_info_schema(ConversationPath)
@json_schema(OfferDraftSchema)
@response_schema(OfferView, 201)
@idempotent
async def send_offer(request: web.Request) -> web.StreamResponse:
    body = dict(body_of(request))
    client_id = body.pop("client_id")
    offer, is_new = await request.app[OFFERS].send(
        actor_of(request),
        path_of(request)["conversation_id"],
        OfferDraft(**body),
        language=language_of(request),
        client_id=client_id,
    )
    return json_response(offer_view(offer), 201 if is_new else 200)


@docs(tags=TAGS, summary="List the offers of a conversation, newest first")
@login_required
@match_info_schema(ConversationPath)
@querystring_schema(PageQuery)
@response_schema(page_of(OfferView), 200)
async def list_of_conversation(request: web.Request) -> web.Response:
    page, conversation_id = page_request(request), path_of(request)["conversation_id"]
    found = await request.app[OFFERS].of_conversation(actor_of(request), conversation_id, page)
    return page_response(request, [offer_view(offer) for offer in found.rows], found.count)


@docs(tags=TAGS, summary="List the actor's offers, received and sent, newest first")
@login_required
@querystring_schema(OfferQuery)
@response_schema(page_of(OfferView), 200)
async def list_offers(request: web.Request) -> web.Response:
    query, page = query_of(request), page_request(request)
    found = await request.app[OFFERS].offers(actor_of(request), page, role=query["role"], status=query["status"])
    return page_response(request, [offer_view(offer) for offer in found.rows], found.count)


@docs(tags=TAGS, summary="Read an offer; for its parties")
@login_required
@match_info_schema(OfferPath)
@response_schema(OfferView, 200)
async def read_offer(request: web.Request) -> web.Response:
    return json_response(offer_view(await request.app[OFFERS].offer(actor_of(request), **path_of(request))))


@docs(
    tags=TAGS,
    summary="Accept an offer, which makes an order; for its buyer",
    responses={**_CLOSED, 200: {"schema": OrderView, "description": "The order that was made before"}},
)
@login_required
@match_info_schema(OfferPath)
@json_schema(OfferAcceptance)
@response_schema(OrderView, 201)
@idempotent
async def accept_offer(request: web.Request) -> web.StreamResponse:
    actor, wanted = actor_of(request), dict(body_of(request))
    if not wanted.pop("with_modifications"):
        wanted["modifications"] = None
    order_id, is_new = await request.app[OFFERS].accept(actor, path_of(request)["offer_id"], **wanted)
    entry = await request.app[ORDER_READS].entry(actor, order_id)
    return json_response(order_view(entry, actor, addresses(request.app), language_of(request)), 201 if is_new else 200)


@limited("order_action")
@docs(tags=TAGS, summary="Decline an offer; for its buyer", responses=_CLOSED)
@login_required
@match_info_schema(OfferPath)
@json_schema(OfferReason)
@response_schema(OfferView, 200)
@idempotent
async def decline_offer(request: web.Request) -> web.StreamResponse:
    offer = await request.app[OFFERS].decline(actor_of(request), **path_of(request), **body_of(request))
    return json_response(offer_view(offer))


@limited("order_action")
@docs(tags=TAGS, summary="Withdraw an offer; for the creator that made it", responses=_CLOSED)
@login_required
@match_info_schema(OfferPath)
@json_schema(OfferReason)
@response_schema(OfferView, 200)
@idempotent
async def withdraw_offer(request: web.Request) -> web.StreamResponse:
    offer = await request.app[OFFERS].withdraw(actor_of(request), **path_of(request), **body_of(request))
    return json_response(offer_view(offer))


#: Longer numbers are no ids of the database; their addresses do not exist.
_OF_CONVERSATION = r"/api/v1/conversations/{conversation_id:\d{1,18}}/offers/"
_OFFER = r"/api/v1/offers/{offer_id:\d{1,18}}/"

_VERSIONED: tuple[Route, ...] = (
    route("GET", _OF_CONVERSATION, list_of_conversation, "market.conversation-offers"),
    route("POST", _OF_CONVERSATION, send_offer, "market.conversation-offers"),
    route("GET", "/api/v1/offers/", list_offers, "market.offers"),
    route("GET", _OFFER, read_offer, "market.offer"),
    route("POST", _OFFER + "accept/", accept_offer, "market.offer-accept"),
    route("POST", _OFFER + "decline/", decline_offer, "market.offer-decline"),
    route("POST", _OFFER + "withdraw/", withdraw_offer, "market.offer-withdraw"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
