"""`/ws/notifications/`: the notifications of an account, live (docs/dialects/market.md, D33)."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema

from mystar.accounts.access import actor_of, login_required_socket
from mystar.accounts.sessions.sockets import open_socket
from mystar.errors import Text, Unreadable
from mystar.kit.events import Events
from mystar.kit.realtime.connection import Connection, Encoder, text_frame
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.websocket import answer_frames
from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.http import language_of
from mystar.kit.web.routes import route
from mystar.kit.web.site import Site
from mystar.kit.web.validation import query_of
from mystar.notifications.handlers import TAGS, reading_language
from mystar.notifications.keys import ENCODERS, NOTIFICATIONS
from mystar.notifications.model import Notification, NotificationCreated
from mystar.notifications.schemas import notification_view
from mystar.notifications.service import NotificationService

TOPIC = "notifications"


class SendOnly(Unreadable):
    """A frame was sent to the WebSocket of notifications, which only sends."""

    code = "nobody_listens"
    text = Text("Сюда ничего не отправляют: здесь только уведомления.", "Nothing is taken here, only told.")


class NotificationSocketQuery(BaseSchema):
    after = BoundedInteger(
        min_value=0,
        max_value=2**63 - 1,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Identifier of the newest notification that the client has; what follows comes first."
        },
    )


def notify_sockets(notifications: NotificationService, hub: Hub, events: Events) -> None:
    """Send notifications to open WebSockets once they are committed."""
    hub.register_topic(TOPIC, notifications)

    async def notified(event: NotificationCreated) -> None:
        # The ids of one account have gaps, so only the table shows whether others come before this one.
        hub.notify(TOPIC, event.account_id)

    events.after_commit(NotificationCreated, notified)


def encoders(notifications: NotificationService, site: Site) -> dict[str, Encoder]:
    """One encoder for each language, shared by all connections of it."""

    def encode(notification: Notification, language: str) -> bytes:
        return text_frame(notification_view(notification, notifications.words(notification, language), site))

    return {language: partial(encode, language=language) for language in ("ru", "en")}


@docs(tags=TAGS, summary="Stream the account's notifications")
@login_required_socket
@querystring_schema(NotificationSocketQuery)
async def notification_socket(request: web.Request) -> web.WebSocketResponse:
    notifications, hub, account_id = request.app[NOTIFICATIONS], request.app[HUB], actor_of(request).id
    after, announced = query_of(request)["after"], hub.announced(TOPIC, account_id)
    position, known = after, None
    has_gap = after is not None and after < await notifications.purged_up_to(account_id)
    if after is None or has_gap:
        position, known = (await notifications.ends([account_id])).get(account_id, 0), announced

    language = language_of(request)

    async def serve(connection: Connection) -> None:
        if has_gap:
            connection.send_json({"type": "gap", "after": after})
        async with hub.subscribe(connection, TOPIC, account_id, position, known):
            if after is not None and not has_gap:
                connection.send_json({"type": "resumed", "after": after})
            await answer_frames(connection, language, _refuse)

    return await open_socket(request, request.app[ENCODERS][await reading_language(request)], serve)


async def _refuse(_frame: dict[str, Any]) -> None:
    raise SendOnly


ROUTES = (
    # OpenAPI has no words for sockets: see contracts/asyncapi.py.
    route("GET", "/ws/notifications/", notification_socket, "market.ws-notifications", documented=False),
)
