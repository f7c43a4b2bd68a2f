"""What tests of earnings start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from mystar.app import create_app
from mystar.settings import Settings
from tests.conftest import Api
from tests.earnings.scenario import EarningsScenario, open_scenario
from tests.factory import Factory
from tests.payments.conftest import MovedClock

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

#: Sessions outlive the clearance.
SETTINGS = dict.fromkeys(("TOKENS__HOUSE_ACCESS", "TOKENS__HOUSE_REFRESH"), 7_776_000)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def further_settings(request: pytest.FixtureRequest) -> dict[str, object]:
    """Of a test that is marked by ``@pytest.mark.parametrize("further_settings", [...], indirect=True)``."""
    return dict(getattr(request, "param", {}))


@pytest.fixture
def settings(make_settings: Callable[..., Settings], further_settings: dict[str, object]) -> Settings:
    return make_settings(**SETTINGS, **further_settings)


@pytest.fixture
async def app(settings: Settings, clock: MovedClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


@pytest.fixture
async def scenario(
    app: web.Application, api: Api, factory: Factory, sandbox_process: SandboxProcess, clock: MovedClock
) -> EarningsScenario:
    return await open_scenario(app, api, factory, sandbox_process, clock)
