"""Market endpoints of creators' pages, works and their images."""

from __future__ import annotations

from mystar.kit.web.routes import Route
from mystar.portfolio.handlers.creators import ROUTES as CREATOR_ROUTES
from mystar.portfolio.handlers.works import ROUTES as WORK_ROUTES
from mystar.portfolio.keys import PORTFOLIO, SHOWCASE

__all__ = ["PORTFOLIO", "ROUTES", "SHOWCASE"]

ROUTES: tuple[Route, ...] = (*CREATOR_ROUTES, *WORK_ROUTES)
