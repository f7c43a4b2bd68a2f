"""Build notifications, the mails that go with them, and their sockets."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route
from mystar.notifications import handlers, sockets
from mystar.notifications.keys import ENCODERS, NOTIFICATIONS
from mystar.notifications.listeners import Listeners
from mystar.notifications.mails import OrderMails
from mystar.notifications.repository import PERSONAL_DATA
from mystar.notifications.service import NotificationService
from mystar.notifications.staff_mails import StaffMails
from mystar.notifications.tasks import Digests, tasks
from mystar.orders.keys import ORDERS

ROUTES: tuple[Route, ...] = (*handlers.ROUTES, *sockets.ROUTES)
CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    settings, mailer, clock = infra.settings.notifications, infra.mailer, infra.clock
    digest = timedelta(minutes=settings.digest_minutes)
    notifications = NotificationService(
        infra.db,
        infra.signer,
        clock,
        public_url=infra.settings.http.public_url,
        digest=digest,
        keep=timedelta(days=settings.keep_days),
        keep_unread=timedelta(days=settings.keep_unread_days),
        mails_per_hour=settings.mails_per_hour,
    )
    OrderMails(mailer, app[ORDERS], infra.site, clock, mails_per_hour=settings.mails_per_hour).listen(infra.events)
    StaffMails(mailer, infra.settings.mail.support, infra.settings.http.public_url).listen(infra.events)
    Listeners(notifications, mailer, clock, quiet=digest).listen(infra.events)
    sockets.notify_sockets(notifications, app[HUB], infra.events)
    app[NOTIFICATIONS], app[ENCODERS] = notifications, sockets.encoders(infra.site)
    app.cleanup_ctx.extend(tasks(notifications, Digests(infra.db, notifications, mailer, clock), digest))
