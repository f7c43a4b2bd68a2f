"""What the application keeps of creators: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.creators.availability import AvailabilityService
    from mystar.creators.service import CreatorService
    from mystar.creators.skills import SkillService

CREATORS: web.AppKey[CreatorService] = web.AppKey("creators")
AVAILABILITY: web.AppKey[AvailabilityService] = web.AppKey("availability")
SKILLS: web.AppKey[SkillService] = web.AppKey("skills")
