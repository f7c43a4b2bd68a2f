"""Build notifications, the mails that go with them, and their sockets."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from aiohttp import web

from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.outbox.web_push import VapidKey, WebPush
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route
from mystar.kit.web.site import Site
from mystar.notifications import handlers, sockets
from mystar.notifications.announcements.repository import CONSTRAINTS as ANNOUNCEMENT_CONSTRAINTS
from mystar.notifications.announcements.repository import PERSONAL_DATA as ANNOUNCEMENT_DATA
from mystar.notifications.announcements.service import AnnouncementService
from mystar.notifications.keys import ANNOUNCEMENTS, ENCODERS, NOTIFICATIONS, PUSH
from mystar.notifications.listeners import Listeners
from mystar.notifications.mails import OrderMails
from mystar.notifications.model import Notification, Subject
from mystar.notifications.notice_mails import NoticeMails
from mystar.notifications.push import handlers as push_handlers
from mystar.notifications.push import tasks as push_tasks
from mystar.notifications.push.repository import PERSONAL_DATA as PUSH_DATA
from mystar.notifications.push.service import TOPIC as PUSH_TOPIC
from mystar.notifications.push.service import PushService
from mystar.notifications.repository import PERSONAL_DATA
from mystar.notifications.service import NotificationService
from mystar.notifications.staff_mails import StaffMails
from mystar.notifications.tasks import Digests, tasks
from mystar.orders.keys import ORDERS

#: Seconds between two looks for announcements; one that is being sent goes on at once.
_ANNOUNCEMENT_SECONDS = 5.0
ROUTES: tuple[Route, ...] = (*handlers.ROUTES, *push_handlers.ROUTES, *sockets.ROUTES)
CONSTRAINTS: Constraints = ANNOUNCEMENT_CONSTRAINTS


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA, PUSH_DATA, ANNOUNCEMENT_DATA)
    settings, mailer, clock = infra.settings.notifications, infra.mailer, infra.clock
    digest = timedelta(minutes=settings.digest_minutes)
    notifications = NotificationService(
        infra.db,
        infra.signer,
        clock,
        infra.texts,
        public_url=infra.settings.http.public_url,
        digest=digest,
        keep=timedelta(days=settings.keep_days),
        keep_unread=timedelta(days=settings.keep_unread_days),
        mails_per_hour=settings.mails_per_hour,
    )
    most = settings.mails_per_hour
    OrderMails(mailer, app[ORDERS], infra.site, clock, mails_per_hour=most).listen(infra.events)
    StaffMails(mailer, infra.settings.mail.support, infra.settings.http.public_url).listen(infra.events)
    mails = NoticeMails(mailer, infra.site, clock, mails_per_hour=most)
    Listeners(notifications, mails, clock, quiet=digest).listen(infra.events)
    sockets.notify_sockets(notifications, app[HUB], infra.events)
    app[NOTIFICATIONS], app[ENCODERS] = notifications, sockets.encoders(notifications, infra.site)
    app.cleanup_ctx.extend(
        tasks(notifications, Digests(infra.db, notifications, mailer, clock, partial(_page_of, infra.site)), digest)
    )
    app[ANNOUNCEMENTS] = announcements = AnnouncementService(infra.db, clock, notifications, mailer, infra.site)
    app.cleanup_ctx.append(every(_ANNOUNCEMENT_SECONDS, announcements.send_next, name="announcements", batch=1))
    _add_push(app, infra)


def _add_push(app: web.Application, infra: Infrastructure) -> None:
    settings, sender = infra.settings.push, None
    if settings.private_key:
        contact = f"mailto:{parseaddr(infra.settings.mail.support)[1]}"
        key, seconds = VapidKey(settings.private_key), settings.timeout_seconds
        sender = WebPush(key, contact=contact, timeout=seconds, private=settings.allow_private)
    app[PUSH] = push = PushService(
        infra.db,
        infra.clock,
        infra.outbox,
        infra.limits,
        infra.site,
        infra.texts,
        sender,
        ttl=timedelta(hours=settings.ttl_hours),
    )
    if sender is None:
        return
    push.listen(infra.events)
    infra.outbox.handle(PUSH_TOPIC, push.send, concurrency=4)
    app.cleanup_ctx.extend(push_tasks.tasks(push))
    app.on_cleanup.append(lambda _app: sender.close())


def _page_of(site: Site, notification: Notification | None) -> str:
    """The page of a notification, else the first one of the site; "" = there is no site."""
    home = site.link("market", "home")
    if notification is None or notification.subject not in list(Subject):
        return home
    return site.link("market", notification.subject, id=notification.subject_id) or home
