"""Market endpoints of reviews (docs/dialects/market.md#reviews)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, limited, login_required
from mystar.kit.web.http import PUBLIC_URL, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import Page, PageQuery, page_of, page_request, page_response
from mystar.kit.web.replicas import may_be_old
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of
from mystar.reviews.keys import REVIEWS
from mystar.reviews.model import Review
from mystar.reviews.schemas import (
    CreatorPath,
    OrderPath,
    ReplyDraft,
    ReviewDraft,
    ReviewPath,
    ReviewView,
    ServicePath,
    review_view,
)

TAGS = ["market: reviews"]


@limited("review")
@docs(tags=TAGS, summary="Review a completed order, once; for the buyer")
@login_required
@match_info_schema(OrderPath)
@json_schema(ReviewDraft)
@response_schema(ReviewView, 201)
@idempotent
async def write_review(request: web.Request) -> web.StreamResponse:
    review = await request.app[REVIEWS].write(actor_of(request), path_of(request)["order_id"], **body_of(request))
    return json_response(review_view(review, request.app[PUBLIC_URL]), 201)


@limited("review")
@docs(
    tags=TAGS,
    summary="Reply to a review, or correct the reply once; for the creator",
    responses={200: {"schema": ReviewView, "description": "The reply is corrected"}},
)
@login_required
@match_info_schema(ReviewPath)
@json_schema(ReplyDraft)
@response_schema(ReviewView, 201)
@idempotent
async def reply_to_review(request: web.Request) -> web.StreamResponse:
    review, is_first = await request.app[REVIEWS].reply(
        actor_of(request), path_of(request)["review_id"], **body_of(request)
    )
    return json_response(review_view(review, request.app[PUBLIC_URL]), 201 if is_first else 200)


@docs(tags=TAGS, summary="Read a review")
@match_info_schema(ReviewPath)
@response_schema(ReviewView, 200)
async def read_review(request: web.Request) -> web.Response:
    review = await request.app[REVIEWS].read(path_of(request)["review_id"])
    return json_response(review_view(review, request.app[PUBLIC_URL]))


@docs(tags=TAGS, summary="List reviews of a creator, newest first")
@match_info_schema(CreatorPath)
@querystring_schema(PageQuery)
@response_schema(page_of(ReviewView), 200)
@may_be_old
async def list_of_creator(request: web.Request) -> web.Response:
    page, creator_id = page_request(request), path_of(request)["creator_id"]
    return _page(request, await request.app[REVIEWS].of_creator(creator_id, page))


@docs(tags=TAGS, summary="List reviews of a service, newest first")
@match_info_schema(ServicePath)
@querystring_schema(PageQuery)
@response_schema(page_of(ReviewView), 200)
@may_be_old
async def list_of_service(request: web.Request) -> web.Response:
    page, service_id = page_request(request), path_of(request)["service_id"]
    return _page(request, await request.app[REVIEWS].of_service(service_id, page))


def _page(request: web.Request, found: Page[Review]) -> web.Response:
    return page_response(request, [review_view(one, request.app[PUBLIC_URL]) for one in found.rows], found.count)


_REVIEW = r"/api/v1/reviews/{review_id:\d{1,18}}/"
_VERSIONED: tuple[Route, ...] = (
    route("POST", r"/api/v1/orders/{order_id:\d{1,18}}/reviews/", write_review, "market.order-reviews"),
    route("GET", r"/api/v1/creators/{creator_id:\d{1,18}}/reviews/", list_of_creator, "market.creator-reviews"),
    route("GET", r"/api/v1/services/{service_id:\d{1,18}}/reviews/", list_of_service, "market.service-reviews"),
    route("GET", _REVIEW, read_review, "market.review"),
    route("POST", _REVIEW + "reply/", reply_to_review, "market.review-reply"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
