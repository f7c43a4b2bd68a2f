"""A service whose clock can be moved, and persons with second factors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from mystar.accounts.model import Role
from mystar.app import create_app
from mystar.settings import Settings
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.owner import AheadClock, Owner
from tests.conftest import Api
from tests.factory import Factory

NewOwner = Callable[..., Awaitable[Owner]]


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
async def app(settings: Settings, clock: AheadClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


@pytest.fixture
def new_owner(api: Api, factory: Factory, clock: AheadClock) -> NewOwner:
    async def come(email: str | None = None, role: Role | None = None) -> Owner:
        return Owner(api, await factory.person(email=email, role=role, channel="market"), clock)

    return come


@pytest.fixture
async def owner(new_owner: NewOwner) -> Owner:
    return await new_owner()


@pytest.fixture
def authenticator(api: Api) -> Authenticator:
    return Authenticator(api.url)
