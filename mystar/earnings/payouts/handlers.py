"""The market's endpoints of payouts, and the balance that they empty."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, limited, login_required
from mystar.earnings.keys import EARNINGS, PAYOUTS
from mystar.earnings.model import OWN
from mystar.earnings.payouts.schemas import PayoutDraft, PayoutPath, PayoutSettings, PayoutView, payout_view
from mystar.earnings.schemas import OverviewView
from mystar.kit.money import rubles_text
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of

TAGS = ["market: payouts"]
_REFUSED = {
    409: {
        "description": "`code` is payout_open, nothing_available, below_minimum, details_missing, details_cooling or "
        "paused; `available` is the balance in rubles."
    }
}


@docs(tags=["market: earnings"], summary="Read my balance, and when it can be paid out")
@login_required
@response_schema(OverviewView, 200)
async def read_overview(request: web.Request) -> web.Response:
    creator_id = actor_of(request).id
    balance, clearing = await request.app[EARNINGS].balance(creator_id)
    next_payout, paused = await request.app[PAYOUTS].outlook(creator_id)
    return json_response(
        {
            "currency": "RUB",
            **{str(account): rubles_text(getattr(balance, account)) for account in OWN},
            "next_clearing": clearing and {"at": clearing.at, "amount": rubles_text(clearing.amount)},
            "next_payout": next_payout,
            "paused": paused,
        }
    )


@limited("payout")
@docs(tags=TAGS, summary="Request a payout", responses=_REFUSED)
@login_required
@json_schema(PayoutDraft)
@response_schema(PayoutView, 201)
@idempotent
async def request_payout(request: web.Request) -> web.StreamResponse:
    payout = await request.app[PAYOUTS].request(actor_of(request), body_of(request)["amount"])
    return json_response(payout_view(payout), 201)


@docs(tags=TAGS, summary="List my payouts, newest first")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(PayoutView), 200)
async def list_payouts(request: web.Request) -> web.Response:
    found = await request.app[PAYOUTS].of_creator(actor_of(request).id, page_request(request))
    return page_response(request, [payout_view(payout) for payout in found.rows], found.count)


@docs(tags=TAGS, summary="Read a payout of mine")
@login_required
@match_info_schema(PayoutPath)
@response_schema(PayoutView, 200)
async def read_payout(request: web.Request) -> web.Response:
    payout = await request.app[PAYOUTS].get(actor_of(request), path_of(request)["payout_id"])
    return json_response(payout_view(payout))


@limited("payout")
@docs(
    tags=TAGS,
    summary="Withdraw a payout that has not been sent",
    responses={409: {"description": "It is on its way, or has ended: `status`."}},
)
@login_required
@match_info_schema(PayoutPath)
@response_schema(PayoutView, 200)
@idempotent
async def cancel_payout(request: web.Request) -> web.StreamResponse:
    payout = await request.app[PAYOUTS].cancel(actor_of(request), path_of(request)["payout_id"])
    return json_response(payout_view(payout))


@docs(tags=TAGS, summary="Read whether my payouts are scheduled")
@login_required
@response_schema(PayoutSettings, 200)
async def read_settings(request: web.Request) -> web.Response:
    by_hand = await request.app[PAYOUTS].is_by_hand(actor_of(request).id)
    return json_response({"by_schedule": not by_hand})


@docs(tags=TAGS, summary="Set whether my payouts are scheduled")
@login_required
@json_schema(PayoutSettings)
@response_schema(PayoutSettings, 200)
async def change_settings(request: web.Request) -> web.Response:
    by_schedule = body_of(request)["by_schedule"]
    await request.app[PAYOUTS].set_by_hand(actor_of(request).id, not by_schedule)
    return json_response({"by_schedule": by_schedule})


_PAYOUTS = "/api/v1/payouts/"
#: What cannot be an id of the database is an address that does not exist.
_PAYOUT = _PAYOUTS + r"{payout_id:\d{1,18}}/"
_VERSIONED: tuple[Route, ...] = (
    route("GET", "/api/v1/earnings/", read_overview, "market.earnings"),
    route("POST", _PAYOUTS, request_payout, "market.payouts"),
    route("GET", _PAYOUTS, list_payouts, "market.payouts"),
    route("GET", _PAYOUTS + "settings/", read_settings, "market.payout-settings"),
    route("PATCH", _PAYOUTS + "settings/", change_settings, "market.payout-settings"),
    route("GET", _PAYOUT, read_payout, "market.payout"),
    route("POST", _PAYOUT + "cancel/", cancel_payout, "market.payout-cancel"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
