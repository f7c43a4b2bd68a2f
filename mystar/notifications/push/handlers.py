"""Market endpoints of web push (docs/dialects/market.md#push)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.kit.outbox.web_push import Subscriber
from mystar.kit.web.fields import NoParameters
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of
from mystar.notifications.keys import PUSH
from mystar.notifications.push.model import MAX_AGENT
from mystar.notifications.push.schemas import (
    PushDraft,
    PushKeyView,
    PushPath,
    PushSettings,
    PushSubscriptionView,
    subscription_view,
)

TAGS = ["market: push"]
_AGAIN = {200: {"schema": PushSubscriptionView, "description": "This address was subscribed already"}}


@docs(tags=TAGS, summary="Read the key that browsers subscribe with")
@response_schema(PushKeyView, 200)
async def read_key(request: web.Request) -> web.Response:
    return json_response({"public_key": request.app[PUSH].public_key})


@docs(tags=TAGS, summary="List the browsers that are subscribed to notifications")
@login_required
@querystring_schema(NoParameters)
@response_schema(PushSubscriptionView(many=True), 200)
async def list_subscriptions(request: web.Request) -> web.Response:
    found = await request.app[PUSH].subscriptions(actor_of(request))
    return json_response([subscription_view(one) for one in found])


@docs(tags=TAGS, summary="Subscribe the browser of this session, until the session ends", responses=_AGAIN)
@login_required
@json_schema(PushDraft)
@response_schema(PushSubscriptionView, 201)
@idempotent
async def subscribe(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    agent = request.headers.get("User-Agent", "")[:MAX_AGENT]
    browser = Subscriber(body["endpoint"], **body["keys"])
    found, is_new = await request.app[PUSH].subscribe(actor_of(request), browser, agent)
    return json_response(subscription_view(found), 201 if is_new else 200)


@docs(tags=TAGS, summary="Unsubscribe a browser", responses={204: {"description": "Unsubscribed"}})
@login_required
@match_info_schema(PushPath)
async def unsubscribe(request: web.Request) -> web.Response:
    await request.app[PUSH].unsubscribe(actor_of(request), **path_of(request))
    return web.Response(status=204)


@docs(tags=TAGS, summary="Read which kinds of notifications are not pushed")
@login_required
@response_schema(PushSettings, 200)
async def read_settings(request: web.Request) -> web.Response:
    return json_response({"muted": await request.app[PUSH].muted(actor_of(request))})


@docs(tags=TAGS, summary="Set which kinds of notifications are not pushed")
@login_required
@json_schema(PushSettings)
@response_schema(PushSettings, 200)
async def change_settings(request: web.Request) -> web.Response:
    await request.app[PUSH].set_muted(actor_of(request), body_of(request)["muted"])
    return json_response({"muted": await request.app[PUSH].muted(actor_of(request))})


_ALL = "/api/v1/push/"
_SUBSCRIPTIONS = _ALL + "subscriptions/"
_ROUTES: tuple[Route, ...] = (
    route("GET", _ALL + "key/", read_key, "market.push-key"),
    route("GET", _SUBSCRIPTIONS, list_subscriptions, "market.push-subscriptions"),
    route("POST", _SUBSCRIPTIONS, subscribe, "market.push-subscriptions"),
    route("DELETE", _SUBSCRIPTIONS + r"{subscription_id:\d{1,18}}/", unsubscribe, "market.push-subscription"),
    route("GET", _ALL + "settings/", read_settings, "market.push-settings"),
    route("PATCH", _ALL + "settings/", change_settings, "market.push-settings"),
)
ROUTES: tuple[Route, ...] = (*_ROUTES, *(alias(one.path.replace("/api/v1/", "/api/", 1), one) for one in _ROUTES))
