"""Where the doors find the creators."""

from __future__ import annotations

from aiohttp import web

from mystar.creators.service import CreatorService

CREATORS: web.AppKey[CreatorService] = web.AppKey("creators", CreatorService)
