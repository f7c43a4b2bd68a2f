"""The market's endpoints of earnings: each account reads its own."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.earnings.keys import EARNINGS
from mystar.earnings.schemas import (
    EntryQuery,
    EntryView,
    QuoteQuery,
    QuoteView,
    entry_view,
    quote_view,
)
from mystar.kit.web.http import json_response
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import query_of

TAGS = ["market: earnings"]


@docs(tags=TAGS, summary="Quote what a price of my service earns")
@login_required
@querystring_schema(QuoteQuery)
@response_schema(QuoteView, 200)
async def read_quote(request: web.Request) -> web.Response:
    return json_response(quote_view(await request.app[EARNINGS].quote(actor_of(request), **query_of(request))))


@docs(tags=TAGS, summary="List the entries of my accounts, newest first")
@login_required
@querystring_schema(EntryQuery)
@response_schema(page_of(EntryView), 200)
async def list_entries(request: web.Request) -> web.Response:
    query = query_of(request)
    which = {name: query[name] for name in ("since", "until", "kind")}
    found = await request.app[EARNINGS].entries(actor_of(request).id, page_request(request), **which)
    return page_response(request, [entry_view(entry) for entry in found.rows], found.count)


_VERSIONED: tuple[Route, ...] = (
    route("GET", "/api/v1/earnings/quote/", read_quote, "market.earnings-quote"),
    route("GET", "/api/v1/earnings/entries/", list_entries, "market.earnings-entries"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
