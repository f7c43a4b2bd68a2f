"""The panel of the staff."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import GATE, Gate
from mystar.admin.handlers.forms import ROWS
from mystar.admin.handlers.home import CLOCK
from mystar.admin.handlers.outbox import TRIES
from mystar.admin.handlers.render import set_up
from mystar.admin.repository import RegisterRepository
from mystar.infrastructure import Ground
from mystar.kit.outbox.admin import SecondTries
from mystar.kit.web.routes import Route

#: The panel is a contract of its own, see `mystar.contracts.panel`.
ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: dict[str, object] = {}


def add(app: web.Application, ground: Ground) -> None:
    app[GATE] = Gate(ground.signer, ground.settings.tokens.admin_access)
    app[ROWS] = RegisterRepository(ground.db)
    app[TRIES], app[CLOCK] = SecondTries(ground.db), ground.clock
    set_up(app)
