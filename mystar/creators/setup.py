"""Build the creators' profiles and their skills."""

from __future__ import annotations

from aiohttp import web

from mystar.creators.handlers import ROUTES as ROUTES
from mystar.creators.keys import CREATORS, SKILLS
from mystar.creators.repository import CONSTRAINTS as CONSTRAINTS
from mystar.creators.repository import PERSONAL_DATA
from mystar.creators.service import CreatorService
from mystar.creators.skills import SkillService
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    app[CREATORS] = creators = CreatorService(infra.db, app[FILES], infra.clock)
    creators.listen(infra.events)
    app[SKILLS] = SkillService(infra.db, infra.clock)
