"""Build the chat service, its offers and its WebSockets."""

from __future__ import annotations

from aiohttp import web
from yarl import URL

from mystar.catalog.keys import CATALOG
from mystar.chat import handlers, sockets
from mystar.chat.contact_filter import ContactFilter
from mystar.chat.keys import CHAT, LIVE_CHAT, MODERATION, OFFERS, STAFF_READING
from mystar.chat.moderation import Moderation
from mystar.chat.offers import handlers as offer_handlers
from mystar.chat.offers.repository import PERSONAL_DATA as OFFERS_DATA
from mystar.chat.offers.service import OfferService
from mystar.chat.repository import CONSTRAINTS as CONSTRAINTS
from mystar.chat.repository import PERSONAL_DATA
from mystar.chat.service import ChatService
from mystar.chat.staff_reading import StaffReading
from mystar.files.forms import addresses
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure
from mystar.kit.background import every
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route
from mystar.orders.keys import ORDERS

#: Seconds between two looks for offers whose time is over.
_EXPIRY_SECONDS = 30.0
ROUTES: tuple[Route, ...] = (*handlers.ROUTES, *offer_handlers.ROUTES, *sockets.ROUTES)


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA, OFFERS_DATA)
    http, settings = infra.settings.http, infra.settings.chat
    own_hosts = (*(URL(url).host or "" for url in (http.public_url, http.site_url)), *settings.allowed_hosts)
    contacts = ContactFilter(is_on=settings.hold_back_contacts, own_hosts=own_hosts, registry=infra.metrics.registry)
    app[CHAT] = chat = ChatService(infra.db, app[FILES], infra.limits, infra.clock, contacts)
    app[MODERATION] = Moderation(infra.db, app[FILES], infra.clock)
    app[STAFF_READING] = StaffReading(infra.db)
    app[LIVE_CHAT] = sockets.LiveChat(chat, addresses(app), app[HUB], infra.events)
    app[OFFERS] = offers = OfferService(
        infra.db, infra.clock, chat=chat, catalog=app[CATALOG], orders=app[ORDERS], limits=infra.limits
    )
    app.cleanup_ctx.append(every(_EXPIRY_SECONDS, offers.expire_due, name="offer expiry"))
