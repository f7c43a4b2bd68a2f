"""Build the chat service and its WebSockets."""

from __future__ import annotations

from aiohttp import web

from mystar.chat import handlers, sockets
from mystar.chat.keys import CHAT, LIVE_CHAT
from mystar.chat.repository import CONSTRAINTS as CONSTRAINTS
from mystar.chat.service import ChatService
from mystar.files.forms import addresses
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = (*handlers.ROUTES, *sockets.ROUTES)


def add(app: web.Application, infra: Infrastructure) -> None:
    app[CHAT] = chat = ChatService(infra.db, app[FILES], infra.limits, infra.clock)
    app[LIVE_CHAT] = sockets.LiveChat(chat, addresses(app), app[HUB], infra.events)
