"""What the application keeps of notifications: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.notifications.service import NotificationService

NOTIFICATIONS: web.AppKey[NotificationService] = web.AppKey("notifications")
