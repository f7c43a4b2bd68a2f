"""Build portfolios and the page that shows a creator as a whole."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.keys import PROFILES
from mystar.catalog.keys import CATALOG
from mystar.creators.keys import CREATORS, SKILLS
from mystar.files.keys import FILES
from mystar.infrastructure import Constraints, Infrastructure
from mystar.portfolio.handlers import ROUTES as ROUTES
from mystar.portfolio.keys import PORTFOLIO, SHOWCASE
from mystar.portfolio.repository import PERSONAL_DATA
from mystar.portfolio.service import PortfolioService
from mystar.portfolio.showcase import Showcase

CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    app[PORTFOLIO] = portfolio = PortfolioService(infra.db, app[CREATORS], app[FILES], infra.clock)
    app[SHOWCASE] = Showcase(
        infra.db,
        profiles=app[PROFILES],
        files=app[FILES],
        creators=app[CREATORS],
        catalog=app[CATALOG],
        skills=app[SKILLS],
        portfolio=portfolio,
    )
