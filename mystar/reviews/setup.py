"""Build reviews of finished orders."""

from __future__ import annotations

from aiohttp import web

from mystar.creators.keys import CREATORS
from mystar.infrastructure import Infrastructure
from mystar.orders.keys import ORDERS
from mystar.reviews.handlers import ROUTES as ROUTES
from mystar.reviews.keys import REVIEWS
from mystar.reviews.repository import CONSTRAINTS as CONSTRAINTS
from mystar.reviews.service import ReviewService


def add(app: web.Application, infra: Infrastructure) -> None:
    app[REVIEWS] = ReviewService(infra.db, app[ORDERS], app[CREATORS], infra.clock)
