"""No secret appears in logs, metrics or errors of a running server (S8, short)."""

from __future__ import annotations

import asyncio
import itertools

import aiohttp
import pytest
from psycopg2 import extensions

from tests.operations.conftest import Serve
from tests.server_process import ServerProcess

_numbers = itertools.count(1)


def planted() -> str:
    """A secret that can be found again. Long and mixed enough for a password."""
    return f"Marked-{next(_numbers)}-Xq7"


@pytest.fixture
def server(serve: Serve, dsn: str) -> ServerProcess:
    """A server at log level debug whose secrets are all known to the test."""
    return serve(
        LOG__LEVEL="debug",
        DATABASE__URL=extensions.make_dsn(dsn, password=planted()),
        SECRET_KEY=planted() * 3,
        PAYMENTS__YOOKASSA__SECRET_KEY=planted(),
        MAIL__USERNAME="mystar",
        MAIL__PASSWORD=planted(),
    )


async def told(client: aiohttp.ClientSession, method: str, path: str, **how: object) -> str:
    async with client.request(method, path, allow_redirects=False, **how) as answer:  # type: ignore[arg-type]
        return f"{answer.status} {dict(answer.headers)} {await answer.text()}"


async def raw(server: ServerProcess, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


async def test_no_secret_is_in_answers_or_logs(server: ServerProcess) -> None:
    password, jwt = planted(), f"eyJhbGciOiJIUzI1NiJ9.{planted()}.{planted()}"
    person = {"username": "marina", "email": "marina@stars.example", "password": password, "re_password": password}
    async with aiohttp.ClientSession(server.url) as client:
        answers = [
            # Clients send secrets to the wrong place by mistake.
            await told(client, "POST", "/api/registration/", json=person),
            await told(client, "POST", "/api/registration/", json={**person, "email": "?"}),
            await told(client, "POST", "/api/login/", json={"username": "marina", "password": planted()}),
            await told(client, "POST", "/api/login/", data=f'{{"password": "{planted()}"'),
            await told(client, "POST", "/api/login/", data={"username": "x", "password": planted()}),
            await told(client, "POST", "/api/auth/token/", json={"username": "marina", "password": planted()}),
            await told(client, "POST", "/api/auth/token/refresh/", json={"refresh": jwt}),
            await told(client, "POST", "/api/auth/token/verify/", json={"token": jwt}),
            await told(client, "GET", f"/api/auth/verify-email/?token={planted()}"),
            await told(client, "GET", f"/validate/jwt/access?access={jwt}"),
            await told(client, "GET", f"/validate/jwt/refresh?refresh={jwt}"),
            await told(client, "POST", "/authorization/login/email", json={"email": "x", "hash_password": planted()}),
            await told(client, "POST", "/api/token/", json={"phone_number": "+79161234567", "password": planted()}),
            await told(client, "POST", "/api/auth/token/", headers={"Cookie": f"mystar_device=1.{planted()}"}, json={}),
            await told(client, "POST", "/password_reset/", json={"email": "marina@stars.example"}),
            await told(client, "GET", f"/password_reset/confirm/?token={planted()}"),
            await told(client, "POST", "/password_reset/confirm/", data={"token": planted(), "password": planted()}),
            await told(client, "GET", f"/api/registration-confirm/?token={planted()}"),
            await told(client, "GET", f"/payments/?order_id=1&sig={planted()}"),
            await told(client, "GET", f"/media/private/file.jpg?signature={planted()}"),
            await told(client, "GET", f"/nowhere?access_token={jwt}&code={planted()}"),
            await told(client, "GET", "/api/personal/", headers={"Authorization": f"Bearer {jwt}"}),
            await told(client, "GET", "/api/personal/", headers={"Authorization": jwt, "Cookie": f"s={planted()}"}),
            await told(client, "GET", "/healthz", headers={"X-Request-ID": f"token={planted()}"}),
            await told(client, "POST", "/payments/notifications/", json={"object": {"id": "x", "token": planted()}}),
            # What aiohttp refuses before any code of ours sees it.
            await raw(server, f"GET /x?token={planted()} NONSENSE\r\n\r\n"),
            await raw(server, f"GET /x?token={planted()} HTTP/1.1\r\nHost: x\r\nAuthorization {jwt}\r\n\r\n"),
            await raw(server, f"GET /?token={'a' * 9000}{planted()} HTTP/1.1\r\nHost: x\r\n\r\n"),
            # What is not packed as it says.
            await told(client, "POST", "/api/login/", headers={"Content-Encoding": "gzip"}, data=planted()),
        ]
        metrics = await told(client, "GET", "/metrics")
    assert server.stop() == 0
    log = server.said()
    for place, text in {"a log": log, "the metrics": metrics, **{a[:40]: a for a in answers}}.items():
        assert "Marked-" not in text, f"{place}: …{text[max(0, text.find('Marked-') - 300) :][:400]}…"
    assert len(server.records()) > len(answers), "it did say something"
    assert "Traceback" not in log


async def test_every_line_of_the_log_is_json_and_every_request_has_its_id_there(serve: Serve) -> None:
    server = serve()
    async with aiohttp.ClientSession(server.url) as client:
        async with client.get("/healthz", headers={"X-Request-ID": "trace-me-1234"}) as answer:
            assert answer.headers["X-Request-ID"] == "trace-me-1234"
        async with client.get("/api/star/id/?star_id=1&token=x") as answer:
            named = answer.headers["X-Request-ID"]
    assert server.stop() == 0
    lines = server.said().splitlines()
    assert len(lines) == len(server.records())
    by_id = {record["request_id"]: record for record in server.records() if record["logger"] == "mystar.access"}
    assert by_id["trace-me-1234"]["route"] == "/healthz"
    assert (by_id[named]["route"], by_id[named]["method"]) == ("/api/star/id", "GET")
    assert not [record for record in server.records() if record["logger"] == "aiohttp.access"]
