"""Providers that are down, switched off or confused; secrets that must not show; people who race."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.accounts.keys import SIGN_IN
from mystar.app import create_app
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.accounts.oauth.oauth_flow import (
    FLOWS,
    PROVIDERS,
    VK,
    YANDEX,
    YANDEX_GREETINGS,
    choose,
    come_back,
    link_of,
    login,
    register,
    token_of,
)
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess

OLGA = {"person": "olga.demo"}


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.faults()


async def test_a_provider_that_is_down_is_503(api: Api, sandbox: SandboxProcess) -> None:
    for flow in PROVIDERS:
        token, back = await token_of(api, flow, **OLGA), await choose(await link_of(api, flow), **OLGA)
        await sandbox.faults(down=True)
        for answer in (
            await come_back(api, flow, back),
            await login(api, flow, token),
            await register(api, flow, token),
        ):
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            body = await answer.json()
            assert isinstance(body, list) if flow.is_greetings else body["code"] == "provider_unavailable"
        await sandbox.faults()
        assert (await register(api, flow, token)).status in (200, 201, 400)


async def test_a_slow_provider_times_out(make_settings: Callable[..., Settings], sandbox: SandboxProcess) -> None:
    settings = make_settings(OAUTH__TIMEOUT_SECONDS="0.2")
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        back = await choose(await link_of(Api(client), YANDEX), **OLGA)
        await sandbox.faults(delay_seconds=[2, 2])
        assert (await come_back(Api(client), YANDEX, back)).status == 503


async def test_a_provider_without_a_client_id_is_off(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    off = {name: one.model_copy(update={"client_id": ""}) for name, one in settings.oauth.providers().items()}
    settings = settings.model_copy(update={"oauth": settings.oauth.model_copy(update=off)})
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        for flow in FLOWS:
            for answer in (
                await api.get(flow.link),
                await login(api, flow, "token"),
                await register(api, flow, "token"),
            ):
                assert answer.status == 404
        assert (await (await api.get("/vk/link")).json())["code"] == "provider_off"


async def test_a_channel_can_have_its_own_redirect_url(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(
        OAUTH__YANDEX__REDIRECT_URL="https://site.example/yandex/callback/",
        OAUTH__YANDEX__REDIRECT_URLS='{"greetings": "https://stars.example/api/mid-yandex"}',
    )
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        link = await link_of(Api(client), YANDEX)
        assert link.query["redirect_uri"] == "https://site.example/yandex/callback/"
        back = await choose(link, **OLGA)
        assert str(back).startswith("https://site.example/yandex/callback/?")
        assert (await come_back(Api(client), YANDEX, back)).status == 200
        greeting = await link_of(Api(client), YANDEX_GREETINGS)
        assert greeting.query["redirect_uri"] == "https://stars.example/api/mid-yandex"


async def test_redirects_lead_to_the_site(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__SITE_URL="https://site.example")
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        for flow in (YANDEX, YANDEX_GREETINGS):
            link = await link_of(Api(client), flow)
            assert link.query["redirect_uri"] == "https://site.example/yandex/callback"


async def test_of_twenty_concurrent_registrations_one_creates_the_account(api: Api, app: web.Application) -> None:
    token = await token_of(api, YANDEX, login="racer", email="racer@example.com")
    answers = await asyncio.gather(*(register(api, YANDEX, token) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
    assert await app[DATABASE].value("select count(*) from accounts where username_key like 'racer%%'") == 1


async def test_concurrent_registrations_of_one_name_get_different_user_names(api: Api) -> None:
    people = [{"login": f"\u200b{n}000000", "first_name": "Иван", "last_name": "Иванов"} for n in range(6)]
    tokens = [await token_of(api, VK, **person) for person in people]
    answers = await asyncio.gather(*(register(api, VK, token) for token in tokens))
    assert [answer.status for answer in answers] == [200] * 6


async def test_of_twenty_concurrent_callbacks_one_is_exchanged(api: Api) -> None:
    back = await choose(await link_of(api, YANDEX), **OLGA)
    answers = await asyncio.gather(*(come_back(api, YANDEX, back) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19


async def test_secrets_are_not_in_logs_or_metrics(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = []
    for flow in FLOWS:
        link = await link_of(api, flow)
        back = await choose(link, **OLGA)
        token = str((await (await come_back(api, flow, back)).json())["access_token"])
        await register(api, flow, token)
        await login(api, flow, token)
        secrets += [link.query["state"], back.query["code"], token]
    # This logger repeats addresses, so `configure_logging` mutes it.
    told = "\n".join(str(record.__dict__) for record in caplog.records if record.name != "aiohttp.access")
    told += await (await api.get("/metrics")).text()
    assert [secret for secret in secrets if secret in told] == []
    assert 'mystar_sign_in_provider_calls_total{outcome="ok",provider="yandex"}' in told


async def test_finished_attempts_are_deleted(api: Api, app: web.Application) -> None:
    await token_of(api, YANDEX, **OLGA)
    await link_of(api, YANDEX)
    over = "update sign_in_attempts set expires_at = now() - interval '1 day'"
    await app[DATABASE].execute(over)
    await app[SIGN_IN].sweep()
    # The token of the first one lives on.
    assert await app[DATABASE].value("select count(*) from sign_in_attempts") == 1
    await app[DATABASE].execute("update sign_in_attempts set token_until = expires_at")
    await app[SIGN_IN].sweep()
    assert await app[DATABASE].value("select count(*) from sign_in_attempts") == 0


async def test_a_reset_of_an_unconfirmed_account_drops_its_identities(
    api: Api, factory: Factory, app: web.Application, sandbox: SandboxProcess
) -> None:
    """A thief registers through VK with the victim's e-mail; the victim takes the account over by the mailbox."""
    token = await token_of(api, VK, login="thief", email="hijacked@example.com")
    assert (await register(api, VK, token)).status == 200
    assert (await api.post("/password_reset/", {"email": "hijacked@example.com"})).status == 200
    mail = await sandbox.wait_for_mail("hijacked@example.com", "арол", timeout=20)
    reset = next(part for part in str(mail).split() if "token=" in part and "password_reset" in part)
    secret = reset.split("token=")[1][:48]
    answer = await api.post("/password_reset/confirm/", {"password": "Greeting-for-Mum-78", "token": secret})
    assert answer.status == 200, await answer.text()
    assert (await login(api, VK, token)).status == 400


def test_an_attempt_expires_after_ten_minutes(settings: Settings) -> None:
    assert timedelta(seconds=settings.oauth.attempt_seconds) == timedelta(minutes=10)
