"""Headers and cookies of every dialect: HSTS, nosniff, no-store, and the prefix ``__Host-``."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from mystar.app import create_app
from mystar.settings import Settings
from tests.accounts.oauth.oauth_flow import choose
from tests.conftest import Api
from tests.factory import Factory

PERSONAL = {
    "market": "/api/v1/users/me/sessions/",
    "greetings": "/api/personal/",
    "messenger": "/users/user/",
    "studio": "/api/orders/orders/",
}


@pytest.mark.parametrize("dialect", PERSONAL)
async def test_personal_answers_are_not_stored(api: Api, factory: Factory, dialect: str) -> None:
    person = await factory.person(channel=dialect)
    answer = await api.get(PERSONAL[dialect], as_=person)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    # Market's answers with an ETag are stored, and checked with every use.
    assert answer.headers["Cache-Control"] in ("no-store", "private, no-cache")


async def test_public_answers_may_be_stored(api: Api) -> None:
    assert "no-store" not in (await api.get("/api/v1/categories/")).headers.get("Cache-Control", "")


async def test_https_brings_hsts_and_host_cookies(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__PUBLIC_URL="https://stars.example")
    async with TestClient(TestServer(await create_app(settings, settings.database.url))) as client:
        answer = await client.get("/yandex/link")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        cookie = answer.cookies["__Host-mystar_sign_in_yandex"]
        assert (cookie["path"], cookie["secure"], cookie["domain"]) == ("/", True, "")


async def test_what_deletes_a_host_cookie_is_as_secure_as_the_cookie(make_settings: Callable[..., Settings]) -> None:
    """A browser takes it for nothing otherwise, and keeps the cookie."""
    settings = make_settings(HTTP__PUBLIC_URL="https://stars.example")
    app = await create_app(settings, settings.database.url)
    async with TestClient(TestServer(app)) as client:
        staff = await Factory(app).staff("viewer")
        signed_in = f"__Host-mystar_admin={staff.token}"
        page = await (await client.get("/admin/security/", headers={"Cookie": signed_in})).text()
        token = re.findall(r'name="form_token" value="([^"]+)"', page)[0]
        form = {"data": {"form_token": token}, "headers": {"Cookie": signed_in}, "allow_redirects": False}
        out = await client.post("/admin/sign-out/", **form)
        assert out.status == 303, await out.text()

        begun = await client.get("/yandex/link")
        attempt = f"__Host-mystar_sign_in_yandex={begun.cookies['__Host-mystar_sign_in_yandex'].value}"
        back = await choose(URL(await begun.json()), person="olga.demo")
        ended = await client.get("/yandex/get/token", params=back.query, headers={"Cookie": attempt})
        assert ended.status == 200, await ended.text()

        for answer, name in ((out, "__Host-mystar_admin"), (ended, "__Host-mystar_sign_in_yandex")):
            cookie = answer.cookies[name]
            assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/"), name
            assert cookie["secure"] is True, name


async def test_http_has_neither(api: Api) -> None:
    answer = await api.get("/yandex/link")
    assert "Strict-Transport-Security" not in answer.headers
    assert "mystar_sign_in_yandex" in answer.cookies
