"""Forty forged, replayed or broken callbacks per provider: none opens a session (S7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.accounts.oauth.callback_attacks import ATTACKS, OLGA, AttackContext, MovableClock
from tests.accounts.oauth.oauth_flow import (
    CHALLENGE,
    PROVIDERS,
    VERIFIER,
    VK,
    YANDEX,
    YANDEX_GREETINGS,
    Flow,
    browser_of,
    choose,
    link_of,
    register,
    token_of,
)
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.sandbox_process import SandboxProcess


@pytest.fixture
async def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def app(settings: Settings, clock: MovableClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


@pytest.fixture
def sessions_of(app: web.Application) -> Callable[[], Awaitable[Any]]:
    async def count() -> Any:
        return await app[DATABASE].value("select count(*) from sessions")

    return count


@pytest.mark.parametrize("flow", PROVIDERS, ids=str)
async def test_hostile_callbacks_open_no_session(
    api: Api,
    app: web.Application,
    sandbox_process: SandboxProcess,
    clock: MovableClock,
    sessions_of: Callable[[], Awaitable[Any]],
    flow: Flow,
) -> None:
    context = AttackContext(api, app, sandbox_process, clock, flow)
    assert len(ATTACKS) >= 40
    allowed = {"our_own_access_token_as_the_providers": 1}
    before = 0
    for attack in ATTACKS:
        answer = await attack(context)
        text, name = await answer.text(), f"{attack.__name__} at {flow}"
        assert answer.status in (400, 422), f"{name}: {answer.status} {text}"
        body = await answer.json()
        if flow.is_greetings:
            assert isinstance(body, list | dict), name
        else:
            assert {"detail", "message", "code"} <= body.keys(), name
        assert "access_token" not in body or body["code"] == "invalid", name
        before += allowed.get(attack.__name__, 0)
        assert await sessions_of() == before, name
        clock.ahead = timedelta()


async def test_vk_id_can_be_limited_to_own_tokens(
    make_settings: Callable[..., Settings], sandbox_process: SandboxProcess
) -> None:
    """What production does, where VK does not say whom a token is for."""
    settings = make_settings(OAUTH__VK__OWN_TOKENS_ONLY="true")
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        # A token for our own client that never came through us.
        link = await link_of(api, VK)
        back = await choose(link.update_query(code_challenge=CHALLENGE), **OLGA)
        form = {"grant_type": "authorization_code", "client_id": settings.oauth.vk.client_id, **back.query}
        form |= {"code_verifier": VERIFIER, "redirect_uri": link.query["redirect_uri"]}
        async with aiohttp.ClientSession() as session, session.post(settings.oauth.vk.token_url, data=form) as said:
            outside = (await said.json())["access_token"]
        refused = await register(api, VK, outside)
        assert (await refused.json())["code"] == "provider_token_refused"
        assert (await register(api, VK, await token_of(api, VK, **OLGA))).status == 200


async def test_an_error_of_the_provider_has_its_own_status(api: Api) -> None:
    for flow in (YANDEX, YANDEX_GREETINGS):
        for error, status in (("server_error", 503), ("temporarily_unavailable", 503), ("invalid_scope", 400)):
            link, cookie = await browser_of(api, flow)
            api.forget_cookies()
            query = {"error": error, "state": link.query["state"]}
            headers = {"Cookie": f"mystar_sign_in_{flow.name}={cookie}"}
            answer = await api.get(flow.code, params=query, headers=headers)
            assert (answer.status, error in await answer.text()) == (status, True), await answer.text()
