"""What strangers can do to a connection: malformed requests, slow heads, many connections, sudden ends."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Callable

import orjson
import pytest
from aiohttp import helpers, web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.kit.web import server
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.waiting import eventually

MakeSettings = Callable[..., Settings]
ORIGIN = "https://site.example"


async def connect(api: Api) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = api.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def send_raw(api: Api, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name and body of the answer to these bytes."""
    reader, writer = await connect(api)
    writer.write(request)
    async with asyncio.timeout(60):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return int(status.split()[1]), headers, body


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", f"Origin: {ORIGIN}", *lines, "", ""]).encode() + body


MALFORMED = {
    "long line": (request("/api/login/" + "a" * 70_000), 400),
    "long header": (request("/api/login/", "X-Long: " + "a" * 70_000), 400),
    "control character": (request("/api/login/", "X-Name: a\x00b"), 400),
    "control character in the origin": (b"GET /api/login/ HTTP/1.1\r\nHost: x\r\nOrigin: \x01\r\n\r\n", 400),
    "raw UTF-8": (request("/api/login/звезда"), 400),
    "unknown encoding": (request("/api/login/", "Content-Encoding: zstd", "Content-Length: 2", body=b"{}"), 415),
    "expectation": (request("/api/login/", "Expect: miracles"), 400),
    "two lengths": (request("/api/login/", "Content-Length: 2", "Content-Length: 3", body=b"{}"), 400),
    "bad length": (request("/api/login/", "Content-Length: many"), 400),
    "bad chunk": (request("/api/login/", "Transfer-Encoding: chunked", method="POST", body=b"zz\r\n{}"), 400),
    "target at a host that is none": (request("http://xn--" + "a" * 100 + "/api/login/"), 400),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_request_is_answered_in_the_dialect_of_its_path(api: Api, case: str) -> None:
    sent, status = MALFORMED[case]
    answered, headers, body = await send_raw(api, sent)
    assert answered == status, body
    assert headers["content-type"].startswith("application/json")
    assert headers["x-request-id"]
    assert headers["server"] == "mystar"
    found = orjson.loads(body)
    assert b"pip" not in body
    if case not in ("long line", "no HTTP", "control character in the origin"):
        assert headers["access-control-allow-origin"] == ORIGIN
    assert isinstance(found, dict | list)


@pytest.mark.parametrize(
    "kind", ["(a)" * 2700, "(" * 8000, "a/b;x*=" + '"' * 8000, "a/b" + ";a*0=b" * 1300, ";" * 8000]
)
async def test_a_content_type_is_not_read_by_the_parser_of_mails(
    api: Api, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """That parser takes seconds for these, or raises."""

    def parse(_: str) -> None:
        pytest.fail("aiohttp's parse_content_type was called")

    monkeypatch.setattr(helpers, "parse_content_type", parse)
    body = b'{"reminder_after": "x"}'
    lines = (f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    status, _, answered = await send_raw(api, request("/api/auth/token/", *lines, method="POST", body=body))
    assert status == 422, answered


async def test_a_malformed_request_of_another_dialect_has_its_error_object(api: Api) -> None:
    _, _, body = await send_raw(api, request("/api/v1/orders/", "X-Long: " + "a" * 70_000))
    assert orjson.loads(body)["code"] == "unreadable"


async def test_an_incomplete_head_is_closed_and_a_slow_body_is_not(make_settings: MakeSettings) -> None:
    settings = make_settings(HTTP__HEAD_SECONDS=0.5)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        for beginning in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await connect(api)
            writer.write(beginning)
            assert await reader.read() == b""
            writer.close()
        # A second head on a connection that was used before.
        reader, writer = await connect(api)
        writer.write(request("/healthz"))
        assert await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /healthz HT")
        await reader.read()
        assert reader.at_eof()
        writer.close()
        # A complete head whose body comes later is not late.
        reader, writer = await connect(api)
        writer.write(request("/api/login/", "Content-Length: 2", method="POST"))
        await asyncio.sleep(1.5)
        writer.write(b"{}")
        assert b" 400 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize("loop", ["one write", "stream"])
async def test_a_client_that_does_not_read_is_disconnected(make_settings: MakeSettings, loop: str) -> None:
    settings = make_settings(HTTP__WRITE_SECONDS="1")
    app, ended = await create_app(settings, settings.database.url), asyncio.Event()

    async def large(request: web.Request) -> web.StreamResponse:
        try:
            if loop == "one write":
                return web.Response(body=bytes(64_000_000))
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(1000):
                await response.write(bytes(64_000))
            return response
        finally:
            request.task.add_done_callback(lambda _: ended.set())

    # The routes of the service are shared with other applications, and frozen.
    app._router = web.UrlDispatcher()
    app.router.add_get("/large", large)
    async with ApiTestServer(app, host="127.0.0.1", port=settings.http.port) as running:
        silent = socket.socket()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.setblocking(False)
        await asyncio.get_running_loop().sock_connect(silent, ("127.0.0.1", running.port))
        await asyncio.get_running_loop().sock_sendall(silent, request("/large"))
        async with asyncio.timeout(30):
            await ended.wait()
        silent.close()
        # One that reads, slowly, gets all of it.
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=4096)
        writer.write(request("/large"))
        await reader.readuntil(b"\r\n\r\n")
        received = 0
        while received < 20_000_000:
            received += len(await reader.read(1_000_000))
        writer.close()


async def test_connections_of_one_address_are_limited(make_settings: MakeSettings) -> None:
    settings = make_settings(HTTP__CONNECTIONS_PER_ADDRESS=3)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        held = [await connect(api) for _ in range(3)]
        for reader, writer in held:
            writer.write(request("/healthz"))
            assert b" 200 " in await reader.readline()
        reader, writer = await connect(api)
        with pytest.raises(ConnectionError):
            assert await reader.read() == b""
            raise ConnectionResetError
        writer.close()
        held[0][1].close()

        async def is_admitted() -> bool:
            reader, writer = await connect(api)
            writer.write(request("/healthz"))
            try:
                return b" 200 " in await reader.readline()
            except ConnectionError:
                return False
            finally:
                writer.close()

        assert await eventually(is_admitted)
        for _, writer in held:
            writer.close()


async def test_above_the_limit_of_connections_only_health_is_answered(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mystar.app.max_connections", lambda: 3)
    settings = make_settings()
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        held = [await connect(api) for _ in range(3 + 20)]

        async def is_healthy() -> bool:
            """Silent connections beyond the limit are soon closed."""
            reader, writer = await connect(api)
            try:
                writer.write(request("/healthz"))
                return b" 200 " in await reader.readline()
            except ConnectionError:
                return False
            finally:
                writer.close()

        await eventually(is_healthy)
        for path, status in (("/healthz", b" 200 "), ("/readyz", b" 200 "), ("/api/categories/", b" 503 ")) * 10:
            reader, writer = await connect(api)
            writer.write(request(path))
            answer = await reader.read()
            assert status in answer.partition(b"\r\n")[0], "and the connection is closed, so that others get its place"
            writer.close()
        for _, writer in held:
            writer.close()
    (warning,) = [one for one in caplog.records if "further ones are refused" in one.getMessage()]
    assert warning.levelno == logging.WARNING


async def test_connections_of_a_trusted_proxy_are_not_limited(make_settings: MakeSettings) -> None:
    settings = make_settings(HTTP__CONNECTIONS_PER_ADDRESS=1, HTTP__TRUSTED_PROXIES="127.0.0.1")
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        held = [await connect(Api(client)) for _ in range(3)]
        for reader, writer in held:
            writer.write(request("/healthz"))
            assert b" 200 " in await reader.readline()
            writer.close()


async def test_a_client_that_disconnects_in_its_body_is_not_logged_as_an_error(
    api: Api, app: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for content_type in ("application/json", "multipart/form-data; boundary=b"):
        _, writer = await connect(api)
        lines = (f"Content-Type: {content_type}", "Content-Length: 100")
        writer.write(request("/api/login/", *lines, method="POST", body=b"--b\r\n"))
        await writer.drain()
        writer.close()

    async def are_recorded() -> bool:
        return sum("499" in record.getMessage() for record in caplog.records if record.name == "mystar.access") == 2

    assert await eventually(are_recorded)
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
    assert not [record for record in caplog.records if record.exc_info]
    assert {record.levelno for record in caplog.records if "499" in record.getMessage()} == {logging.DEBUG}


def test_the_limit_of_open_files_is_raised_and_a_low_one_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits = [512, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, values: limits.__setitem__(slice(None), values))
    server.raise_open_files()
    assert limits == [4096, 4096]
    assert server.max_connections() == 3840
    assert not caplog.records
    limits[:] = [512, 512]
    server.raise_open_files()
    assert "only 256 connections are possible" in caplog.text
