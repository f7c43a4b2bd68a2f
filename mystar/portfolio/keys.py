"""What the application keeps of portfolio: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.portfolio.service import PortfolioService
    from mystar.portfolio.showcase import Showcase

PORTFOLIO: web.AppKey[PortfolioService] = web.AppKey("portfolio")
SHOWCASE: web.AppKey[Showcase] = web.AppKey("showcase")
