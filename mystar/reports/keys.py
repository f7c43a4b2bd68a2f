"""What the application keeps of reports: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.reports.service import ReportService

REPORTS: web.AppKey[ReportService] = web.AppKey("reports")
