"""What the application keeps of audit: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.audit.handlers import RecentRefusals
    from mystar.audit.service import AuditService

AUDIT: web.AppKey[AuditService] = web.AppKey("audit")
RECENT_REFUSALS: web.AppKey[RecentRefusals] = web.AppKey("audit_repetitions")
