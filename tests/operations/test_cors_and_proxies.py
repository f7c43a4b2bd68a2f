"""CORS, and the client's address behind proxies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.settings import Settings
from tests.api_server import ApiTestServer

MakeSettings = Callable[..., Settings]
FRIEND, STRANGER = "https://site.example", "https://evil.example"


class ServerFactory:
    """Opens services with other settings."""

    def __init__(self, make_settings: MakeSettings) -> None:
        self._make = make_settings
        self._open: list[TestClient] = []

    async def open(self, **variables: object) -> TestClient:
        settings = self._make(**variables)
        client = TestClient(ApiTestServer(await create_app(settings, settings.database.url)))
        await client.start_server()
        self._open.append(client)
        return client

    async def close(self) -> None:
        for client in self._open:
            await client.close()


@pytest.fixture
async def servers(make_settings: MakeSettings) -> AsyncIterator[ServerFactory]:
    servers = ServerFactory(make_settings)
    yield servers
    await servers.close()


def asking(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }


async def test_a_page_of_an_allowed_origin_can_call_and_read_errors(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS=f"{FRIEND}, https://other.example")
    for path in ("/api/login/", "/api/login"):
        preflight = await client.options(path, headers=asking(FRIEND))
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == FRIEND
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        assert {"AUTHORIZATION", "CONTENT-TYPE", "IDEMPOTENCY-KEY"} <= {
            name.strip().upper() for name in preflight.headers["Access-Control-Allow-Headers"].split(",")
        }
        refused = await client.post(path, json={}, headers={"Origin": FRIEND})
        assert refused.status == 400
        assert refused.headers["Access-Control-Allow-Origin"] == FRIEND
        assert "X-Request-ID" in refused.headers["Access-Control-Expose-Headers"]


async def test_a_page_of_another_origin_cannot_call(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS=FRIEND)
    for origin in (STRANGER, "null", FRIEND + ".evil.example", FRIEND.replace("https", "http"), FRIEND + ":8443"):
        assert (await client.options("/api/login/", headers=asking(origin))).status == 403
        answer = await client.get("/api/categories/", headers={"Origin": origin})
        assert answer.ok
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


async def test_without_origins_no_page_can_call(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS="[]")
    assert (await client.options("/api/login/", headers=asking(FRIEND))).status == 204
    answer = await client.get("/api/categories/", headers={"Origin": FRIEND})
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


async def test_every_answer_of_every_path_can_be_read_by_allowed_pages(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS=FRIEND)
    for method, path, status in (
        ("GET", "/nowhere/at/all", 404),
        ("DELETE", "/api/login/", 405),
        ("GET", "/api/v1/orders/", 401),
        ("GET", "/media/none.jpeg", 404),
        ("PUT", "/healthz", 405),
    ):
        preflight = await client.options(path, headers=asking(FRIEND, method))
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Methods"] == method
        answer = await client.request(method, path, headers={"Origin": FRIEND})
        assert answer.status == status
        for one in (preflight, answer):
            assert one.headers["Access-Control-Allow-Origin"] == FRIEND
            assert one.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Origin" in one.headers["Vary"]


@pytest.mark.parametrize("origins", [FRIEND, "*", "[]"])
async def test_caches_are_told_that_answers_depend_on_the_origin(servers: ServerFactory, origins: str) -> None:
    """Also where there is none, or another: what a picture on a page was answered is not for a script that reads it."""
    client = await servers.open(HTTP__CORS_ORIGINS=origins)
    for headers in ({}, {"Origin": FRIEND}, {"Origin": STRANGER}):
        for path in ("/media/none.jpeg", "/healthz", "/nowhere/"):
            answer = await client.get(path, headers=headers)
            assert ("Origin" in answer.headers.get("Vary", "")) == (origins != "[]"), (path, headers)
        assert "Origin" not in (await client.get("/admin/sign-in/", headers=headers)).headers.get("Vary", "")


async def test_a_plain_options_answers_with_the_allowed_methods(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS=FRIEND)
    for headers in ({}, {"Origin": FRIEND}, {"Origin": STRANGER}):
        answer = await client.options("/api/v1/orders/", headers=headers)
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
        assert ("Access-Control-Allow-Origin" in answer.headers) == (headers.get("Origin") == FRIEND)
    assert (await client.options("/nowhere/")).status == 404


async def test_the_panel_is_closed_to_pages_of_other_origins(servers: ServerFactory) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS="*")
    preflight = await client.options("/admin/sign-in/", headers=asking(FRIEND))
    answer = await client.get("/admin/sign-in/", headers={"Origin": FRIEND})
    for one in (preflight, answer):
        assert not [name for name in one.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    ("setting", "origin", "stranger"),
    [
        ("capacitor://localhost", "capacitor://localhost", "capacitor://localhost.evil"),
        ("tauri://localhost", "tauri://localhost", "http://localhost"),
        ("https://магазин.рф", "https://xn--80aairftm.xn--p1ai", "https://xn--80aairftm.com"),
        ("null", "null", "https://null"),
        ("https://*.example.com", "https://a.b.example.com", "https://example.com"),
        ("https://*.example.com", "https://shop.example.com", "https://evil-example.com"),
        ("https://*.example.com:8443", "https://shop.example.com:8443", "https://shop.example.com"),
        ("HTTPS://Site.Example:443", "https://site.example", "http://site.example"),
        ("http://[::1]:3000", "http://[::1]:3000", "http://[::2]:3000"),
    ],
)
async def test_origins_are_compared_as_browsers_send_them(
    servers: ServerFactory, setting: str, origin: str, stranger: str
) -> None:
    client = await servers.open(HTTP__CORS_ORIGINS=setting)
    assert (await client.options("/api/login/", headers=asking(origin))).status == 200
    answer = await client.get("/api/categories/", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert (await client.options("/api/login/", headers=asking(stranger))).status == 403


async def failures(client: TestClient, forwarded: list[str]) -> list[int]:
    """The statuses of sign-ins, each with another name and X-Forwarded-For."""
    statuses = []
    for number, addresses in enumerate(forwarded):
        body = {"username": f"nobody{number}", "password": "Wrong-guess-1"}
        headers = {"X-Forwarded-For": addresses}
        statuses.append((await client.post("/api/auth/token/", json=body, headers=headers)).status)
    return statuses


async def test_a_forged_forwarded_header_does_not_evade_limits(servers: ServerFactory) -> None:
    """S19: guesses from one connection are counted together, whatever headers they send."""
    client = await servers.open(LIMITS__ENABLED="true")
    statuses = await failures(client, [f"203.0.113.{number}" for number in range(12)])
    assert 429 not in statuses[:10]
    assert statuses[10:] == [429, 429]


CLAIMS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")


async def test_hundreds_of_forged_addresses_get_ten_guesses(servers: ServerFactory) -> None:
    """S19: in every dialect, for every header, and from a connection that is trusted elsewhere."""
    client = await servers.open(LIMITS__ENABLED="true", HTTP__TRUSTED_PROXIES="10.0.0.0/8, ::2")

    at_once = asyncio.Semaphore(20)  # more would be told to come back before they are counted

    async def guess(number: int) -> int:
        address = f"2001:db8::{number:x}" if number % 3 else f"10.{number % 200}.{number // 200}.1"
        claim = CLAIMS[number % len(CLAIMS)]
        value = f"for={address};proto=https" if claim == "Forwarded" else f"{address}, 127.0.0.1"
        body = {"email": f"nobody{number}@example.org", "password": "Wrong-guess-1"}
        async with at_once:
            return (await client.post("/auth/login/", json=body, headers={claim: value})).status

    statuses = await asyncio.gather(*map(guess, range(300)))
    assert Counter(statuses) == {401: 10, 429: 290}


async def test_behind_a_trusted_proxy_clients_are_counted_separately(servers: ServerFactory) -> None:
    client = await servers.open(LIMITS__ENABLED="true", HTTP__TRUSTED_PROXIES="127.0.0.0/8")
    assert 429 not in await failures(client, [f"203.0.113.{number}" for number in range(12)])
    # Addresses that the client itself wrote in front of the proxy's are not trusted.
    statuses = await failures(client, [f"10.0.0.{number}, 198.51.100.1" for number in range(12)])
    assert statuses[10:] == [429, 429]
