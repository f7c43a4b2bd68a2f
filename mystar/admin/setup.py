"""Build the staff panel."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import PanelSecurity
from mystar.admin.filters.repository import PERSONAL_DATA as FILTERS_DATA
from mystar.admin.filters.service import FilterService
from mystar.admin.handlers.render import set_up
from mystar.admin.keys import CLOCK, FILTERS, LIST_EXPORT, NOTES, OUTBOX_ADMIN, PANEL_SECURITY, ROWS
from mystar.admin.list_export import ListExport
from mystar.admin.notes.repository import PERSONAL_DATA
from mystar.admin.notes.service import NoteService
from mystar.admin.repository import ListRepository
from mystar.audit.keys import AUDIT
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.outbox.admin import OutboxAdmin
from mystar.kit.web.routes import Route

#: The panel is a contract of its own, see `mystar.contracts.panel`.
ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    app[PANEL_SECURITY] = PanelSecurity(infra.signer, infra.settings.tokens.admin_access)
    infra.add_personal_data(PERSONAL_DATA, FILTERS_DATA)
    app[FILTERS] = FilterService(infra.db)
    app[LIST_EXPORT] = ListExport(infra.db, app[AUDIT])
    app[NOTES] = NoteService(infra.db, infra.clock, app[AUDIT])
    app[ROWS] = ListRepository(infra.db)
    app[OUTBOX_ADMIN], app[CLOCK] = OutboxAdmin(infra.db), infra.clock
    set_up(app)
