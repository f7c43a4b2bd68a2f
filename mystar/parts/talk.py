"""Chat, notifications and their sockets."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.chat.handlers import CHAT
from mystar.chat.handlers import ROUTES as CHAT_ROUTES
from mystar.chat.repository import CONSTRAINTS as CHAT_CONSTRAINTS
from mystar.chat.service import ChatService
from mystar.chat.sockets import LIVE_CHAT, LiveChat
from mystar.chat.sockets import ROUTES as CHAT_SOCKETS
from mystar.files.forms import FILES, addresses
from mystar.infrastructure import Ground
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route
from mystar.notifications.handlers import NOTIFICATIONS
from mystar.notifications.handlers import ROUTES as NOTIFICATION_ROUTES
from mystar.notifications.listeners import Listeners
from mystar.notifications.mails import OrderMails
from mystar.notifications.service import NotificationService
from mystar.notifications.sockets import ROUTES as NOTIFICATION_SOCKETS
from mystar.notifications.sockets import tell_sockets
from mystar.notifications.tasks import Digests
from mystar.notifications.tasks import tasks as notification_tasks
from mystar.orders.handlers import ORDERS

ROUTES: tuple[Route, ...] = (*CHAT_ROUTES, *CHAT_SOCKETS, *NOTIFICATION_ROUTES, *NOTIFICATION_SOCKETS)
CONSTRAINTS = CHAT_CONSTRAINTS


def add(app: web.Application, ground: Ground) -> None:
    _add_chat(app, ground)
    _add_notifications(app, ground)


def _add_chat(app: web.Application, ground: Ground) -> None:
    app[CHAT] = chat = ChatService(ground.db, app[FILES], ground.limits, ground.clock)
    app[LIVE_CHAT] = LiveChat(chat, addresses(app), app[HUB], ground.events)


def _add_notifications(app: web.Application, ground: Ground) -> None:
    settings, mailer, clock = ground.settings.notifications, ground.mailer, ground.clock
    digest = timedelta(minutes=settings.digest_minutes)
    notifications = NotificationService(
        ground.db,
        ground.signer,
        clock,
        public_url=ground.settings.http.public_url,
        digest=digest,
        keep=timedelta(days=settings.keep_days),
    )
    OrderMails(mailer, app[ORDERS]).listen(ground.events)
    Listeners(notifications, mailer, clock, quiet=digest).listen(ground.events)
    tell_sockets(notifications, app[HUB], ground.events)
    app[NOTIFICATIONS] = notifications
    app.cleanup_ctx.extend(notification_tasks(notifications, Digests(ground.db, notifications, mailer, clock), digest))
