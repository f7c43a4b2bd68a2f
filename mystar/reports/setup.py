"""Build reports by users."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.keys import STAFF
from mystar.catalog.keys import CATALOG
from mystar.chat.keys import MODERATION
from mystar.infrastructure import Constraints, Infrastructure
from mystar.reports.handlers import ROUTES as ROUTES
from mystar.reports.keys import REPORTS
from mystar.reports.model import ReportExists
from mystar.reports.repository import PERSONAL_DATA
from mystar.reports.service import ReportService
from mystar.reviews.keys import REVIEWS

CONSTRAINTS: Constraints = {"reports_reporter_key": ReportExists}


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    app[REPORTS] = ReportService(
        infra.db,
        infra.limits,
        infra.clock,
        catalog=app[CATALOG],
        reviews=app[REVIEWS],
        messages=app[MODERATION],
        staff=app[STAFF],
    )
