"""Build reviews of finished orders."""

from __future__ import annotations

from aiohttp import web

from mystar.creators.keys import CREATORS
from mystar.infrastructure import Infrastructure
from mystar.orders.keys import ORDERS
from mystar.reviews.handlers import ROUTES as ROUTES
from mystar.reviews.keys import REVIEWS
from mystar.reviews.repository import CONSTRAINTS as CONSTRAINTS
from mystar.reviews.repository import PERSONAL_DATA
from mystar.reviews.service import ReviewService


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    app[REVIEWS] = ReviewService(infra.db, app[ORDERS], app[CREATORS], infra.clock)
