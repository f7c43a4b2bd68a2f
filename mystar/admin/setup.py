"""Build the staff panel."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import Gate
from mystar.admin.handlers.render import set_up
from mystar.admin.keys import CLOCK, GATE, ROWS, TRIES
from mystar.admin.repository import RegisterRepository
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.outbox.admin import OutboxAdmin
from mystar.kit.web.routes import Route

#: The panel is a contract of its own, see `mystar.contracts.panel`.
ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    app[GATE] = Gate(infra.signer, infra.settings.tokens.admin_access)
    app[ROWS] = RegisterRepository(infra.db)
    app[TRIES], app[CLOCK] = OutboxAdmin(infra.db), infra.clock
    set_up(app)
