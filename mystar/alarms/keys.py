"""What the application keeps of alarms: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.alarms.service import AlarmService

ALARMS: web.AppKey[AlarmService] = web.AppKey("alarms")
