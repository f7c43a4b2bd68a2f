"""What the application keeps of catalog: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.catalog.listings import ServiceListings
    from mystar.catalog.service import CatalogService
    from mystar.catalog.taxonomy import TaxonomyService

CATALOG: web.AppKey[CatalogService] = web.AppKey("catalog")
LISTINGS: web.AppKey[ServiceListings] = web.AppKey("listings")
TAXONOMY: web.AppKey[TaxonomyService] = web.AppKey("taxonomy")
