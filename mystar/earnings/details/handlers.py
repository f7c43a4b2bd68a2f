"""The market's endpoints of payout details, and the page behind a mail's link that stops payouts."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, limited, login_required
from mystar.earnings.details.model import BANKS
from mystar.earnings.details.schemas import (
    BankView,
    Confirmation,
    DetailsDraft,
    DetailsView,
    NotMeLink,
    bank_view,
    details_view,
)
from mystar.earnings.keys import PAYOUT_DETAILS, PAYOUT_SENDING
from mystar.kit.web.http import html_response, json_response, language_of
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, query_of

TAGS = ["market: payouts"]
_PAGE = {200: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}}


@docs(tags=TAGS, summary="Read my payout details, masked")
@login_required
@response_schema(DetailsView, 200)
async def read_details(request: web.Request) -> web.Response:
    return json_response(details_view(await request.app[PAYOUT_DETAILS].current(actor_of(request).id)))


@limited("payout_details")
@docs(tags=TAGS, summary="Set my payout details; they are used after a cool-down")
@login_required
@json_schema(DetailsDraft)
@response_schema(DetailsView, 200)
async def put_details(request: web.Request) -> web.Response:
    return json_response(details_view(await request.app[PAYOUT_DETAILS].put(actor_of(request), **body_of(request))))


@limited("payout_details")
@docs(tags=TAGS, summary="Remove my payout details", responses={204: {"description": "Removed"}})
@login_required
@json_schema(Confirmation)
async def remove_details(request: web.Request) -> web.Response:
    await request.app[PAYOUT_DETAILS].remove(actor_of(request), body_of(request)["password"])
    return web.Response(status=204)


@docs(tags=TAGS, summary="List banks that SBP reaches")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(BankView), 200)
async def list_banks(request: web.Request) -> web.Response:
    page, sending = page_request(request), request.app.get(PAYOUT_SENDING)
    banks = (await sending.banks() if sending else ()) or BANKS
    found = banks[page.offset : page.offset + page.size]
    return page_response(request, [bank_view(bank) for bank in found], len(banks))


@docs(tags=TAGS, summary="Show the page of a mailed link that stops payouts", responses=_PAGE)
@querystring_schema(NotMeLink)
async def ask_to_stop(request: web.Request) -> web.Response:
    link = query_of(request)
    request.app[PAYOUT_DETAILS].check_not_me_link(link["account"], link["sig"])
    return html_response(render_page("payouts_not_me.html", language_of(request), is_done=False))


@docs(tags=TAGS, summary="Stop payouts by a mailed link until the staff have checked", responses=_PAGE)
@querystring_schema(NotMeLink)
async def stop_payouts(request: web.Request) -> web.Response:
    link = query_of(request)
    await request.app[PAYOUT_DETAILS].stop_by_link(link["account"], link["sig"])
    return html_response(render_page("payouts_not_me.html", language_of(request), is_done=True))


_DETAILS = "/api/v1/payouts/details/"
_VERSIONED: tuple[Route, ...] = (
    route("GET", _DETAILS, read_details, "market.payout-details"),
    route("PUT", _DETAILS, put_details, "market.payout-details"),
    route("DELETE", _DETAILS, remove_details, "market.payout-details"),
    route("GET", "/api/v1/payouts/banks/", list_banks, "market.payout-banks"),
)
ROUTES: tuple[Route, ...] = (
    *_VERSIONED,
    *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED),
    route("GET", "/payouts/not-me/", ask_to_stop, "market.payouts-stop"),
    route("POST", "/payouts/not-me/", stop_payouts, "market.payouts-stop"),
)
