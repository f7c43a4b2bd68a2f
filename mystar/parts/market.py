"""What is sold and by whom: files, creators, the catalogue."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.access import ACCOUNTS
from mystar.catalog.handlers import CATALOG, DESK, SHOP
from mystar.catalog.handlers import ROUTES as CATALOG_ROUTES
from mystar.catalog.listings import Shop
from mystar.catalog.repository import CONSTRAINTS as CATALOG_CONSTRAINTS
from mystar.catalog.service import CatalogService
from mystar.catalog.taxonomy import CatalogDesk
from mystar.creators.handlers import CREATORS, SKILLS
from mystar.creators.handlers import ROUTES as CREATOR_ROUTES
from mystar.creators.repository import CONSTRAINTS as CREATOR_CONSTRAINTS
from mystar.creators.service import CreatorService
from mystar.creators.skills import SkillService
from mystar.files.handlers import FILES, STORAGES
from mystar.files.handlers import ROUTES as FILE_ROUTES
from mystar.files.service import FileService
from mystar.files.storage_selection import storages
from mystar.files.tasks import tasks as file_tasks
from mystar.infrastructure import Ground
from mystar.kit.web.routes import Route
from mystar.portfolio.handlers import PORTFOLIO, SHOWCASE
from mystar.portfolio.handlers import ROUTES as PORTFOLIO_ROUTES
from mystar.portfolio.service import PortfolioService
from mystar.portfolio.showcase import Showcase

ROUTES: tuple[Route, ...] = (*CREATOR_ROUTES, *CATALOG_ROUTES, *PORTFOLIO_ROUTES, *FILE_ROUTES)
CONSTRAINTS = {**CREATOR_CONSTRAINTS, **CATALOG_CONSTRAINTS}


def add(app: web.Application, ground: Ground) -> None:
    app[STORAGES] = places = storages(
        ground.settings.storage, ground.settings.data_dir / "media", ground.metrics.registry
    )
    files = FileService(
        ground.db,
        places.both,
        app[ACCOUNTS],
        ground.signer,
        ground.clock,
        settings=ground.settings.files,
        signed_link=ground.settings.tokens.signed_link,
    )
    creators = CreatorService(ground.db, files, ground.clock)
    catalog = CatalogService(ground.db, app[ACCOUNTS], creators, files, ground.clock)
    catalog.listen(ground.events)
    shop = Shop(ground.db, creators, ground.clock)
    shop.listen(ground.events)
    app[SHOP], app[DESK] = shop, CatalogDesk(ground.db, files)
    app[FILES], app[CREATORS], app[CATALOG] = files, creators, catalog
    app[SKILLS] = skills = SkillService(ground.db, ground.clock)
    app[PORTFOLIO] = portfolio = PortfolioService(ground.db, creators, files, ground.clock)
    app[SHOWCASE] = Showcase(ground.db, creators=creators, catalog=catalog, skills=skills, portfolio=portfolio)
    app.cleanup_ctx.extend(file_tasks(files))

    async def close(_app: web.Application) -> None:
        await places.both.close()

    app.on_cleanup.append(close)
