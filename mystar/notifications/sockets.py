"""`/ws/notifications/`: what a person is told, as it happens (docs/dialects/market.md, D33)."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema

from mystar.accounts.access import actor_of, signed_in_socket
from mystar.accounts.sessions.sockets import opened
from mystar.errors import Text, Unreadable
from mystar.kit.events import Events
from mystar.kit.realtime.connection import Speak, text_frame
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.websocket import answering
from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.routes import route
from mystar.kit.web.validation import query_of
from mystar.notifications.handlers import TAGS, reading_language
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.model import Notification, Notified
from mystar.notifications.schemas import notification_view
from mystar.notifications.service import NotificationService

TOPIC = "notifications"


class NobodyListens(Unreadable):
    """A frame was sent to the socket of notifications, which only sends."""

    code = "nobody_listens"
    text = Text("Сюда ничего не отправляют: здесь только уведомления.", "Nothing is taken here, only told.")


class NotificationSocketQuery(BaseSchema):
    after = BoundedInteger(min_value=0, max_value=2**63 - 1, load_default=None, allow_none=True)


def tell_sockets(notifications: NotificationService, hub: Hub, events: Events) -> None:
    """Have open sockets hear of notifications once they are committed."""
    hub.serve(TOPIC, notifications)

    async def notified(event: Notified) -> None:
        # One person's ids have gaps, so only the table knows whether others come before this one.
        hub.news(TOPIC, event.notification.account_id)

    events.after_commit(Notified, notified)


def _spoken(notification: Notification, *, language: str) -> bytes:
    return text_frame(notification_view(notification, language))


#: One way of speaking for each language, the same object for everybody who reads it.
_SPEAK: dict[str, Speak] = {language: partial(_spoken, language=language) for language in ("ru", "en")}


@docs(tags=TAGS, summary="My notifications, live")
@signed_in_socket
@querystring_schema(NotificationSocketQuery)
async def notification_socket(request: web.Request) -> web.WebSocketResponse:
    notifications, account_id, after = request.app[NOTIFICATIONS], actor_of(request).id, query_of(request)["after"]
    position = after
    has_gap = after is not None and after < await notifications.forgotten(account_id)
    if after is None or has_gap:
        position = (await notifications.ends([account_id])).get(account_id, 0)
    async with opened(request, _SPEAK[await reading_language(request)]) as peer:
        if has_gap:
            peer.tell({"type": "gap", "after": after})
        async with request.app[HUB].following(peer, TOPIC, account_id, position):
            if after is not None and not has_gap:
                peer.tell({"type": "resumed", "after": after})
            await answering(request, peer, _refuse)
    return peer.socket


async def _refuse(_frame: dict[str, Any]) -> None:
    raise NobodyListens


ROUTES = (
    # OpenAPI has no words for sockets: see contracts/asyncapi.py.
    route("GET", "/ws/notifications/", notification_socket, "market.ws-notifications", documented=False),
)
