"""What the application keeps of texts: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.texts.service import TextService

TEXTS: web.AppKey[TextService] = web.AppKey("texts")
