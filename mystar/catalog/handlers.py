"""Where the doors find the catalogue."""

from __future__ import annotations

from aiohttp import web

from mystar.catalog.service import CatalogService

CATALOG: web.AppKey[CatalogService] = web.AppKey("catalog", CatalogService)
