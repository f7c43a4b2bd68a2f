"""What the application keeps of admin: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.admin.access import PanelSecurity
    from mystar.admin.filters.service import FilterService
    from mystar.admin.list_export import ListExport
    from mystar.admin.notes.service import NoteService
    from mystar.admin.repository import ListRepository
    from mystar.kit.clock import Clock
    from mystar.kit.outbox.admin import OutboxAdmin

CLOCK: web.AppKey[Clock] = web.AppKey("admin_clock")
PANEL_SECURITY: web.AppKey[PanelSecurity] = web.AppKey("admin_gate")
FILTERS: web.AppKey[FilterService] = web.AppKey("staff_filters")
LIST_EXPORT: web.AppKey[ListExport] = web.AppKey("list_export")
NOTES: web.AppKey[NoteService] = web.AppKey("staff_notes")
ROWS: web.AppKey[ListRepository] = web.AppKey("admin_rows")
OUTBOX_ADMIN: web.AppKey[OutboxAdmin] = web.AppKey("second_tries")
