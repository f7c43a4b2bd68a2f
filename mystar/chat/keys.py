"""Keys of chat in the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.chat.moderation import Moderation
    from mystar.chat.offers.service import OfferService
    from mystar.chat.service import ChatService
    from mystar.chat.sockets import LiveChat
    from mystar.chat.staff_reading import StaffReading

MODERATION: web.AppKey[Moderation] = web.AppKey("chat_moderation")
CHAT: web.AppKey[ChatService] = web.AppKey("chat")
OFFERS: web.AppKey[OfferService] = web.AppKey("offers")
STAFF_READING: web.AppKey[StaffReading] = web.AppKey("staff_reading")
LIVE_CHAT: web.AppKey[LiveChat] = web.AppKey("live_chat")
