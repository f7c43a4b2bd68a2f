"""The house's doors to creators' pages, and to works and their images."""

from __future__ import annotations

from mystar.kit.web.routes import Route
from mystar.portfolio.handlers.creators import ROUTES as CREATOR_ROUTES
from mystar.portfolio.handlers.creators import SHOWCASE
from mystar.portfolio.handlers.works import PORTFOLIO
from mystar.portfolio.handlers.works import ROUTES as WORK_ROUTES

__all__ = ["PORTFOLIO", "ROUTES", "SHOWCASE"]

ROUTES: tuple[Route, ...] = (*CREATOR_ROUTES, *WORK_ROUTES)
