"""A small market."""

from __future__ import annotations

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import Factory
from tests.orders.market import Market, open_market


@pytest.fixture
async def market(app: web.Application, api: Api, factory: Factory) -> Market:
    return await open_market(app, api, factory)


@pytest.fixture
def db(app: web.Application) -> Database:
    return app[DATABASE]
