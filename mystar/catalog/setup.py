"""Build the catalogue: greetings, services, categories and tags."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.catalog.changes_repository import CatalogChanges
from mystar.catalog.handlers import ROUTES as ROUTES
from mystar.catalog.kept_services import KeptServices
from mystar.catalog.keys import CATALOG, LISTINGS, TAXONOMY
from mystar.catalog.listings import ServiceListings
from mystar.catalog.model import PriceLimits
from mystar.catalog.personal_data import CatalogPersonalData
from mystar.catalog.repository import CONSTRAINTS as CONSTRAINTS
from mystar.catalog.service import CatalogService
from mystar.catalog.taxonomy import TaxonomyService
from mystar.creators.keys import CREATORS
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure
from mystar.kit.background import every
from mystar.kit.web.response_cache import CACHE, ResponseCache

#: Between two purges; what is kept is asked for anew after each.
_PURGE_SECONDS = 600.0


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.personal_data.add(CatalogPersonalData(infra.db))
    creators, files, payments = app[CREATORS], app[FILES], infra.settings.payments
    limits = PriceLimits(payments.price_minimum, payments.price_maximum)
    changes = CatalogChanges(infra.db)
    app[CACHE] = cache = ResponseCache(changes, infra.settings.http.cache_bytes, infra.metrics.registry)
    kept = KeptServices(infra.db, cache)
    app[CATALOG] = catalog = CatalogService(infra.db, app[ACCOUNTS], creators, files, infra.clock, kept, limits)
    catalog.listen(infra.events)
    app[LISTINGS] = listings = ServiceListings(infra.db, creators, files, infra.clock, limits)
    listings.listen(infra.events)
    app[TAXONOMY] = TaxonomyService(infra.db, files)
    app.cleanup_ctx.append(every(_PURGE_SECONDS, changes.purge, name="purge of changes"))
