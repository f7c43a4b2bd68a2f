"""deploy/nginx.conf, run by a real nginx in front of the service and of another service that it protects."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from mystar.chat.keys import CHAT
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.uploading import form
from tests.ports import unused_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
AROUND = """{user}
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mystar.conf;
}}
"""


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(HTTP__TRUSTED_PROXIES="127.0.0.1", LIMITS__ENABLED="true")


@pytest.fixture
async def other_service() -> AsyncIterator[TestServer]:
    """Answers with the request as it arrived."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs, "headers": dict(request.headers)})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", echo)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


class Proxy:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"

    def logged(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


@pytest.fixture
async def proxy(api: Api, settings: Settings, other_service: TestServer, tmp_path: Path) -> AsyncIterator[Proxy]:
    folder, port = tmp_path / "nginx", unused_port()
    folder.mkdir()
    config = EXAMPLE.read_text()
    for printed, real in (
        ("127.0.0.1:8080", f"127.0.0.1:{settings.http.port}"),
        ("127.0.0.1:9000", f"127.0.0.1:{other_service.port}"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert printed in config
        config = config.replace(printed, real)
    (folder / "mystar.conf").write_text(config)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder))
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "start.log")]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await _listening(process, port)
        yield Proxy(folder, port)
    finally:
        process.terminate()
        async with asyncio.timeout(90):
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            assert process.returncode is None, "nginx refuses its configuration"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return await writer.wait_closed()


@pytest.fixture
async def outside(proxy: Proxy) -> AsyncIterator[ClientSession]:
    async with ClientSession(proxy.url, timeout=ClientTimeout(30)) as session:
        yield session


def of(person: Person, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}", **headers}


async def test_the_other_service_accepts_the_actor_from_nginx_only(outside: ClientSession, factory: Factory) -> None:
    anna = await factory.person(channel="messenger")
    forged = of(anna, **{"X-Account-Id": "1000000", "X-Forwarded-For": "203.0.113.1"})
    answer = await outside.post("/neighbour/tea?sugar=2", headers=forged, data=b"milk")
    arrived = await answer.json()
    assert (answer.status, arrived["path"]) == (200, "/tea?sugar=2")
    assert arrived["headers"]["X-Account-Id"] == str(anna.id)
    assert arrived["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert not {"Authorization", "authorization"} & arrived["headers"].keys()


async def test_the_other_service_is_closed_without_a_valid_token(
    outside: ClientSession, api: Api, factory: Factory
) -> None:
    anna = await factory.person(channel="messenger")
    assert (await outside.get("/neighbour/", headers=of(anna))).status == 200
    assert (await api.post("/api/auth/logout/", as_=anna)).status == 204
    for headers in ({}, {"X-Account-Id": str(anna.id)}, {"Authorization": "Bearer x"}, of(anna)):
        answer = await outside.post("/neighbour/", headers=headers, data=b"tea")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert {"detail", "message", "code"} <= set(await answer.json())
    assert (await outside.get("/_who", headers=of(anna))).status == 404


async def test_behind_nginx_a_forged_address_is_ignored(outside: ClientSession) -> None:
    """S19: ten guesses a minute from one address, whatever headers it sends."""
    answer = await outside.get("/auth/current_ip/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (await answer.json())["ip"] == "127.0.0.1"
    statuses = []
    for number in range(12):
        body = {"email": f"nobody{number}@example.org", "password": "Wrong-guess-77"}
        forged = {"X-Forwarded-For": f"203.0.113.{number}"}
        statuses.append((await outside.post("/auth/login/", json=body, headers=forged)).status)
    assert statuses == [401] * 10 + [429] * 2


async def test_metrics_are_hidden_behind_nginx(outside: ClientSession) -> None:
    answer = await outside.get("/metrics")
    assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


async def test_too_many_requests_are_refused_with_the_json_error(outside: ClientSession) -> None:
    answers = await asyncio.gather(*(outside.get("/healthz") for _ in range(120)))
    refused = [answer for answer in answers if answer.status != 200]
    assert 20 < len(refused) < 80
    assert {answer.status for answer in refused} == {429}
    assert (await refused[0].json())["code"] == "too_many_requests"
    assert refused[0].headers["Retry-After"]


async def test_sockets_pass_and_their_tokens_are_not_logged(
    app: web.Application, outside: ClientSession, proxy: Proxy, factory: Factory
) -> None:
    anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
    conversation, _ = await app[CHAT].open(actor(anna), boris.id)
    path = f"/ws/conversations/{conversation.id}/"
    async with (
        outside.ws_connect(path, params={"token": anna.token}) as one,
        outside.ws_connect(path, headers=of(boris)) as other,
        outside.ws_connect("/ws/notifications/", protocols=("bearer", boris.token)) as news,
    ):
        await one.send_json({"message": "слышно?"})
        for socket in (one, other):
            assert (await socket.receive_json(timeout=10))["message"] == "слышно?"
        assert (await news.receive_json(timeout=10))["type"] == "message"
        assert news.protocol == "bearer"
    with pytest.raises(WSServerHandshakeError) as refusal:
        await outside.ws_connect(path)
    assert refusal.value.status == 401
    assert anna.token not in proxy.logged()


async def test_a_large_upload_passes(outside: ClientSession, factory: Factory) -> None:
    anna = await factory.person(channel="messenger")
    data = form(avatar_file=("me.jpg", picture() + bytes(12 * 2**20)))
    assert (await outside.patch("/users/upload-avatar/", data=data, headers=of(anna))).status == 200


async def test_an_unreachable_service_gives_a_json_error_and_no_token_is_logged(
    outside: ClientSession, proxy: Proxy, other_service: TestServer, factory: Factory
) -> None:
    """S8: some dialects put tokens into URLs."""
    anna = await factory.person(channel="messenger")
    assert (await outside.get("/validate/jwt/access", params={"access": anna.token})).status == 200
    await other_service.close()
    answer = await outside.get("/neighbour/", params={"token": anna.token}, headers=of(anna))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (await answer.json())["code"] == "unavailable"
    logged = proxy.logged()
    assert '"GET /validate/jwt/access" 200' in logged
    assert anna.token not in logged
    assert anna.token.rpartition(".")[2] not in logged


async def test_with_tls_and_several_processes_the_configuration_is_valid(tmp_path: Path) -> None:
    """As docs/operate/proxy.md switches them on."""
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    await _finished(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=stars.example"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    switched = re.sub(r"^( *)#(?:tls|several) ?", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    switched = re.sub(r"^.*#plain\n", "", switched, flags=re.MULTILINE)
    for printed, real in (
        ("/etc/letsencrypt/live/stars.example/", f"{tmp_path}/"),
        ("/var/log/nginx/", f"{tmp_path}/"),
    ):
        assert printed in switched
        switched = switched.replace(printed, real)
    assert switched.count("max_fails=0") == 3
    assert not re.search(r"^ *#(tls|several)", switched, re.MULTILINE)
    (tmp_path / "mystar.conf").write_text(switched)
    user = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(AROUND.format(user=user, folder=tmp_path))
    await _finished(str(NGINX), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr")


async def _finished(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
