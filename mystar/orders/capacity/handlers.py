"""Market endpoints of a creator's availability (docs/dialects/market.md#availability)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.creators.keys import AVAILABILITY
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of
from mystar.orders.capacity.schemas import (
    AbsenceDraft,
    AbsencePath,
    AbsenceView,
    AvailabilityChange,
    AvailabilityView,
    absence_view,
    availability_view,
)
from mystar.orders.capacity.service import OwnCapacity
from mystar.orders.keys import CAPACITY

TAGS = ["market: availability"]


@docs(tags=TAGS, summary="Read the availability; for creators")
@login_required
@response_schema(AvailabilityView, 200)
async def read_availability(request: web.Request) -> web.Response:
    return _shown(request, await request.app[CAPACITY].own(actor_of(request)))


@docs(tags=TAGS, summary="Update the availability: open orders at a time, days before work begins; for creators")
@login_required
@json_schema(AvailabilityChange)
@response_schema(AvailabilityView, 200)
async def change_availability(request: web.Request) -> web.Response:
    actor, change = actor_of(request), body_of(request)
    found = (await request.app[CAPACITY].own(actor)).availability
    wanted = {"max_open_orders": found.max_open_orders, "lead_days": found.lead_days} | change
    return _shown(request, await request.app[CAPACITY].change(actor, **wanted))


@docs(tags=TAGS, summary="Add an absence, in which no orders are taken; for creators")
@login_required
@json_schema(AbsenceDraft)
@response_schema(AbsenceView, 201)
@idempotent
async def add_absence(request: web.Request) -> web.StreamResponse:
    absence = await request.app[AVAILABILITY].add_absence(actor_of(request), **body_of(request))
    return json_response(absence_view(absence), 201)


@docs(tags=TAGS, summary="Remove an absence; for its creator", responses={204: {"description": "Removed"}})
@login_required
@match_info_schema(AbsencePath)
async def remove_absence(request: web.Request) -> web.Response:
    await request.app[AVAILABILITY].remove_absence(actor_of(request), **path_of(request))
    return web.Response(status=204)


def _shown(request: web.Request, own: OwnCapacity) -> web.Response:
    return json_response(availability_view(own, request.app[AVAILABILITY].today()))


_ABSENCES = "/api/v1/users/me/absences/"
_VERSIONED: tuple[Route, ...] = (
    route("GET", "/api/v1/users/me/availability/", read_availability, "market.availability"),
    route("PATCH", "/api/v1/users/me/availability/", change_availability, "market.availability"),
    route("POST", _ABSENCES, add_absence, "market.absences"),
    route("DELETE", _ABSENCES + r"{absence_id:\d{1,18}}/", remove_absence, "market.absence"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
