"""What the application keeps of catalog: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.catalog.listings import Shop
    from mystar.catalog.service import CatalogService
    from mystar.catalog.taxonomy import CatalogDesk

CATALOG: web.AppKey[CatalogService] = web.AppKey("catalog")
LISTINGS: web.AppKey[Shop] = web.AppKey("listings")
TAXONOMY: web.AppKey[CatalogDesk] = web.AppKey("taxonomy")
