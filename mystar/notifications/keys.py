"""What the application keeps of notifications: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.kit.realtime.connection import Encoder
    from mystar.notifications.announcements.service import AnnouncementService
    from mystar.notifications.push.service import PushService
    from mystar.notifications.service import NotificationService

#: By language, for WebSockets.
ENCODERS: web.AppKey[dict[str, Encoder]] = web.AppKey("notification_encoders")
ANNOUNCEMENTS: web.AppKey[AnnouncementService] = web.AppKey("announcements")
NOTIFICATIONS: web.AppKey[NotificationService] = web.AppKey("notifications")
PUSH: web.AppKey[PushService] = web.AppKey("push")
