"""Market endpoints of notifications, and the page behind a mail's unsubscribe link.

See docs/dialects/market.md#notifications.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.errors import Invalid, Text
from mystar.kit.web.http import html_response, json_response, language_of
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, path_of, query_of
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.model import Notification
from mystar.notifications.schemas import (
    DeletedCountView,
    MarkedCountView,
    MarkedView,
    NotificationPath,
    NotificationQuery,
    NotificationSettings,
    NotificationSettingsChange,
    NotificationView,
    UnreadCountView,
    UnsubscribeLink,
    notification_view,
)

_REQUIRED = Text("Обязательное поле.", "Missing data for required field.")
TAGS = ["market: notifications"]
_PAGE = {200: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}}


async def reading_language(request: web.Request) -> str:
    """What the client asks for, else the language of the account: "ru" or "en"."""
    if request.headers.get("Accept-Language"):
        return language_of(request)
    return await request.app[NOTIFICATIONS].language(actor_of(request))


@docs(tags=TAGS, summary="List notifications, newest first")
@login_required
@querystring_schema(NotificationQuery)
@response_schema(page_of(NotificationView), 200)
async def list_notifications(request: web.Request) -> web.Response:
    page, language = page_request(request), await reading_language(request)
    found = await request.app[NOTIFICATIONS].notifications(actor_of(request), page, read=query_of(request)["read"])
    return page_response(request, [_view(request, one, language) for one in found.rows], found.count)


def _view(request: web.Request, notification: Notification, language: str) -> dict[str, Any]:
    return notification_view(notification, request.app[NOTIFICATIONS].words(notification, language), request.app[SITE])


@docs(tags=TAGS, summary="Read a notification")
@login_required
@match_info_schema(NotificationPath)
@response_schema(NotificationView, 200)
async def read_notification(request: web.Request) -> web.Response:
    found = await request.app[NOTIFICATIONS].notification(actor_of(request), **path_of(request))
    return json_response(_view(request, found, await reading_language(request)))


@docs(tags=TAGS, summary="Count unread notifications")
@login_required
@response_schema(UnreadCountView, 200)
async def count_unread(request: web.Request) -> web.Response:
    return json_response({"unread_count": await request.app[NOTIFICATIONS].unread(actor_of(request))})


@docs(tags=TAGS, summary="Mark a notification as read")
@login_required
@match_info_schema(NotificationPath)
@response_schema(MarkedView, 200)
@idempotent
async def mark_read(request: web.Request) -> web.StreamResponse:
    notification_id = path_of(request)["notification_id"]
    await request.app[NOTIFICATIONS].mark_read(actor_of(request), notification_id)
    return json_response({"id": notification_id, "is_read": True})


@docs(tags=TAGS, summary="Mark all notifications as read")
@login_required
@response_schema(MarkedCountView, 200)
@idempotent
async def mark_all_read(request: web.Request) -> web.StreamResponse:
    marked = await request.app[NOTIFICATIONS].mark_all_read(actor_of(request))
    return json_response({"marked_count": marked, "unread_count": 0})


@docs(tags=TAGS, summary="Delete a notification", responses={204: {"description": "Deleted"}})
@login_required
@match_info_schema(NotificationPath)
async def remove(request: web.Request) -> web.Response:
    await request.app[NOTIFICATIONS].remove(actor_of(request), **path_of(request))
    return web.Response(status=204)


@docs(tags=TAGS, summary="Delete all notifications")
@login_required
@response_schema(DeletedCountView, 200)
@idempotent
async def clear(request: web.Request) -> web.StreamResponse:
    return json_response({"deleted_count": await request.app[NOTIFICATIONS].clear(actor_of(request))})


@docs(tags=TAGS, summary="Read the mail settings")
@login_required
@response_schema(NotificationSettings, 200)
async def read_settings(request: web.Request) -> web.Response:
    return json_response(await _settings(request))


async def _settings(request: web.Request) -> dict[str, Any]:
    actor, notifications = actor_of(request), request.app[NOTIFICATIONS]
    return {"email": await notifications.wants_mail(actor), "muted": await notifications.mail_muted(actor)}


@docs(tags=TAGS, summary="Update the mail settings")
@login_required
@json_schema(NotificationSettingsChange)
@response_schema(NotificationSettings, 200)
async def change_settings(request: web.Request) -> web.Response:
    body = body_of(request)
    if body["email"] is None and body["muted"] is None:
        raise Invalid(fields={"email": [_REQUIRED]})
    await request.app[NOTIFICATIONS].set_mail(actor_of(request), body["email"], body["muted"])
    return json_response(await _settings(request))


@docs(tags=TAGS, summary="Show the page of a mailed unsubscribe link", responses=_PAGE)
@querystring_schema(UnsubscribeLink)
async def show_unsubscribe_page(request: web.Request) -> web.Response:
    link = query_of(request)
    await request.app[NOTIFICATIONS].check_unsubscribe_link(link["account"], link["sig"])
    return html_response(render_page("unsubscribe.html", language_of(request), is_done=False))


@docs(tags=TAGS, summary="Unsubscribe from mails, from the page or in one click (RFC 8058)", responses=_PAGE)
@querystring_schema(UnsubscribeLink)
async def unsubscribe(request: web.Request) -> web.Response:
    link = query_of(request)
    await request.app[NOTIFICATIONS].unsubscribe(link["account"], link["sig"])
    return html_response(render_page("unsubscribe.html", language_of(request), is_done=True))


_ALL = "/api/v1/notifications/"
#: What cannot be an id of the database is an address that does not exist.
_ONE = _ALL + r"{notification_id:\d{1,18}}/"
_ROUTES: tuple[Route, ...] = (
    route("GET", _ALL, list_notifications, "market.notifications"),
    route("GET", _ALL + "unread-count/", count_unread, "market.notifications-unread-count"),
    route("POST", _ALL + "mark-all-read/", mark_all_read, "market.notifications-mark-all-read"),
    route("POST", _ALL + "clear-all/", clear, "market.notifications-clear-all"),
    route("DELETE", _ALL + "clear-all/", clear, "market.notifications-clear-all"),
    route("GET", _ALL + "settings/", read_settings, "market.notifications-settings"),
    route("PATCH", _ALL + "settings/", change_settings, "market.notifications-settings"),
    route("GET", _ONE, read_notification, "market.notification"),
    route("DELETE", _ONE, remove, "market.notification"),
    route("POST", _ONE + "mark-as-read/", mark_read, "market.notification-read"),
    route("POST", _ONE + "mark-read/", mark_read, "market.notification-read-short", documented=False),
)
#: Addresses that the document's frontend uses: with the word doubled at its own origin, and without a version.
_ELSEWHERE = (_ALL + "notifications/", "/api/notifications/", "/api/notifications/notifications/")
ROUTES: tuple[Route, ...] = (
    *_ROUTES,
    *(alias(one.path.replace(_ALL, base, 1), one) for base in _ELSEWHERE for one in _ROUTES),
    route("GET", "/notifications/unsubscribe/", show_unsubscribe_page, "market.unsubscribe"),
    route("POST", "/notifications/unsubscribe/", unsubscribe, "market.unsubscribe"),
)
