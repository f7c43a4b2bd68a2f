"""What the application keeps of exports and erasures: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.privacy.builder import ExportBuilder
    from mystar.privacy.erasures import ErasureService
    from mystar.privacy.service import ExportService

ERASURES: web.AppKey[ErasureService] = web.AppKey("erasures")
EXPORTS: web.AppKey[ExportService] = web.AppKey("data_exports")
EXPORT_BUILDER: web.AppKey[ExportBuilder] = web.AppKey("export_builder")
