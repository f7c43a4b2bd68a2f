"""Fixtures of all tests: a real database, the real sandbox, and the whole service in this process."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from aiohttp import ClientResponse, web, web_app
from aiohttp.test_utils import TestClient
from limits.aio.storage import memory as limits_in_memory

from mystar.app import create_app
from mystar.settings import Settings, load_settings
from tests.api_server import ApiTestServer
from tests.clock import MidnightClock
from tests.factory import Factory, Person
from tests.ports import unused_port
from tests.refusals import declared

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxProcess

#: Private to aiohttp, and the one place where it keeps applications alive: up to 1024 of them, with all that they hold.
_BUILT_MIDDLEWARES = web_app._cached_build_middleware

pytest_plugins = [
    "tests.database",
    "tests.sandbox_process",
    "tests.redis_server",
    "tests.s3_server",
    "tests.schedule",
    "tests.workers",
]


def pytest_collection_finish() -> None:
    """Objects imported and collected by now are never freed, so the garbage collector need not visit them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_runtest_logfinish() -> None:
    _BUILT_MIDDLEWARES.cache_clear()


@pytest.fixture(autouse=True)
def _windows_of_limits_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_in_memory, "time", MidnightClock())


class SignedIn(Protocol):
    """Anything with an access token."""

    token: str


class Api:
    """An HTTP client of the service, with the token of any account."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self._client = client

    @property
    def url(self) -> str:
        return str(self._client.make_url("")).rstrip("/")

    def forget_cookies(self) -> None:
        self._client.session.cookie_jar.clear()

    async def request(
        self, method: str, path: str, *, as_: SignedIn | None = None, language: str | None = None, **options: Any
    ) -> ClientResponse:
        headers = dict(options.pop("headers", {}))
        if as_ is not None:
            headers["Authorization"] = f"Bearer {as_.token}"
        if language is not None:
            headers["Accept-Language"] = language
        path = path.removeprefix(self.url)
        return await self._client.request(
            method, path, headers=headers, allow_redirects=options.pop("allow_redirects", False), **options
        )

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> ClientResponse:
        return await self.request("POST", path, **_with(json, options))

    async def put(self, path: str, json: Any = None, **options: Any) -> ClientResponse:
        return await self.request("PUT", path, **_with(json, options))

    async def patch(self, path: str, json: Any = None, **options: Any) -> ClientResponse:
        return await self.request("PATCH", path, **_with(json, options))

    async def delete(self, path: str, json: Any = None, **options: Any) -> ClientResponse:
        return await self.request("DELETE", path, **_with(json, options))


def _with(json: Any, options: dict[str, Any]) -> dict[str, Any]:
    return options if json is None else {**options, "json": json}


@pytest.fixture
def make_settings(
    dsn: str, tmp_path: Path, sandbox_process: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Settings]:
    """Settings of the test profile over this test's database and sandbox; keywords are MYSTAR_* without the prefix."""

    def make(**variables: object) -> Settings:
        port = unused_port()
        values = {
            "PROFILE": "test",
            "MAIL__HOST": sandbox_process.smtp_host,
            "MAIL__PORT": sandbox_process.smtp_port,
            "PAYMENTS__YOOKASSA__URL": sandbox_process.yookassa,
            **sandbox_process.oauth,
            "DATA_DIR": tmp_path / "var",
            "DATABASE__URL": dsn,
            "HTTP__PORT": port,
            "HTTP__PUBLIC_URL": f"http://127.0.0.1:{port}",
            **variables,
        }
        for name, value in values.items():
            monkeypatch.setenv(f"MYSTAR_{name}", str(value))
        return load_settings() if _PLACES & set(variables) else _moved(dsn, tmp_path / "var", port)

    return make


#: Of the settings that are the same for most tests, these are not.
_PLACES = {"DATA_DIR", "DATABASE__URL", "HTTP__PORT", "HTTP__PUBLIC_URL"}


def _moved(dsn: str, data_dir: Path, port: int) -> Settings:
    """What `load_settings` reads, which takes 8 ms, but for places."""
    given = {name: value for name, value in os.environ.items() if name.startswith("MYSTAR_")}
    settings = _loaded(tuple((name, value) for name, value in given.items() if name[7:] not in _PLACES))
    http = settings.http.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}"})
    database = settings.database.model_copy(update={"url": dsn})
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "secret_key").write_text(settings.secret_key)
    (data_dir / "push_key").write_text(settings.push.private_key)
    return settings.model_copy(update={"data_dir": data_dir, "database": database, "http": http})


@cache
def _loaded(_variables: tuple[tuple[str, str], ...]) -> Settings:
    return load_settings()


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[web.Application]:
    """The whole service, not started; `api` starts and stops it."""
    app = await create_app(settings, settings.database.url)
    yield app
    if not app.frozen:
        app.freeze()
        await app.cleanup()


@pytest.fixture
async def api(app: web.Application, settings: Settings) -> AsyncIterator[Api]:
    """The running service with its background tasks; no operation may answer an error that its document omits."""
    server = ApiTestServer(app, host="127.0.0.1", port=settings.http.port)
    async with TestClient(server) as client:
        with declared():
            yield Api(client)


@pytest.fixture
def factory(app: web.Application, api: Api) -> Factory:
    """Creates accounts, stars and orders through the services."""
    return Factory(app)


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star()


@pytest.fixture
async def order_id(factory: Factory, customer: Person, star: Person) -> int:
    """A greeting that the customer has ordered of the star, and not paid for."""
    return await factory.order(customer, star)
