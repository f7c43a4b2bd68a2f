"""What the application keeps of reviews: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.reviews.service import ReviewService

REVIEWS: web.AppKey[ReviewService] = web.AppKey("reviews")
