"""Build the creators' profiles and their skills."""

from __future__ import annotations

from aiohttp import web

from mystar.creators.availability import AvailabilityService
from mystar.creators.availability_repository import PERSONAL_DATA as AVAILABILITY_DATA
from mystar.creators.handlers import ROUTES as ROUTES
from mystar.creators.keys import AVAILABILITY, CREATORS, SKILLS
from mystar.creators.repository import CONSTRAINTS as CONSTRAINTS
from mystar.creators.repository import PERSONAL_DATA
from mystar.creators.service import CreatorService
from mystar.creators.skills import SkillService
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure
from mystar.kit.background import every

#: Seconds between two looks for absences that have begun or ended.
_ABSENCE_SECONDS = 60.0


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA, AVAILABILITY_DATA)
    app[CREATORS] = creators = CreatorService(infra.db, app[FILES], infra.clock)
    creators.listen(infra.events)
    app[SKILLS] = SkillService(infra.db, infra.clock)
    app[AVAILABILITY] = availability = AvailabilityService(infra.db, creators, infra.clock)
    app.cleanup_ctx.append(every(_ABSENCE_SECONDS, availability.follow_absences, name="creators' absences"))
