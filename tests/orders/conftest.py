"""A small market, and an unpaid order of a greeting."""

from __future__ import annotations

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.orders.market import Market, open_market


@pytest.fixture
async def market(app: web.Application, api: Api, factory: Factory) -> Market:
    return await open_market(app, api, factory)


@pytest.fixture
def db(app: web.Application) -> Database:
    return app[DATABASE]


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star()


@pytest.fixture
async def order_id(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)
