"""Build the texts of mails: loaded at start, after a change, and once in a while."""

from __future__ import annotations

from aiohttp import web

from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.realtime.hub import HUB
from mystar.kit.web.routes import Route
from mystar.texts.keys import TEXTS
from mystar.texts.repository import PERSONAL_DATA
from mystar.texts.service import TextService
from mystar.texts.tasks import TOPIC, reloading

ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    bus = app[HUB].bus
    app[TEXTS] = texts = TextService(infra.db, infra.clock, infra.texts, lambda: bus.publish(TOPIC, 0))

    app.cleanup_ctx.append(reloading(texts, bus))
