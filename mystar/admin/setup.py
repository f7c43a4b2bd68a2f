"""Build the staff panel."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import PanelSecurity
from mystar.admin.handlers.render import set_up
from mystar.admin.keys import CLOCK, OUTBOX_ADMIN, PANEL_SECURITY, ROWS
from mystar.admin.repository import ListRepository
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.outbox.admin import OutboxAdmin
from mystar.kit.web.routes import Route

#: The panel is a contract of its own, see `mystar.contracts.panel`.
ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    app[PANEL_SECURITY] = PanelSecurity(infra.signer, infra.settings.tokens.admin_access)
    app[ROWS] = ListRepository(infra.db)
    app[OUTBOX_ADMIN], app[CLOCK] = OutboxAdmin(infra.db), infra.clock
    set_up(app)
