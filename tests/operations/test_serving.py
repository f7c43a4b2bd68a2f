"""Start, stop and kill of the serving process."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import time
from pathlib import Path

import aiohttp
import pytest

from tests.operations.conftest import Serve
from tests.server_process import ServerProcess, run_cli


async def get(server: ServerProcess, path: str) -> int:
    """The status; 0 if nothing listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(server.url + path) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientError:
        return 0


class SlowPost:
    """A request whose body has begun and not ended."""

    def __init__(self, server: ServerProcess, path: str, body: bytes) -> None:
        self._port, self._path, self._body = server.port, path, body

    async def begin(self) -> SlowPost:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self._body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + self._body[:1])
        await self._writer.drain()
        await asyncio.sleep(0.2)
        return self

    def drop(self) -> None:
        self._writer.close()

    async def end(self) -> bytes:
        """Send the rest; the whole answer, or nothing when the connection was cut."""
        try:
            self._writer.write(self._body[1:])
            await self._writer.drain()
            return await asyncio.wait_for(self._reader.read(), 20)
        except ConnectionError:
            return b""
        finally:
            self._writer.close()


LOGIN = "/api/login/"
UNKNOWN_LOGIN = b'{"username": "nobody", "password": "nothing-right-1"}'


@pytest.mark.parametrize("loop", ["uvloop", pytest.param("asyncio", marks=pytest.mark.long)])
async def test_a_signal_to_stop_lets_requests_in_flight_end(serve: Serve, loop: str) -> None:
    server = serve(HTTP__EVENT_LOOP=loop)
    request = await SlowPost(server, LOGIN, UNKNOWN_LOGIN).begin()
    server.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert await get(server, "/healthz") == 0, "new connections are refused"
    answer = await request.end()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert "non_field_errors" in answer.decode()
    assert server.wait() == 0


async def test_systemd_is_told_when_requests_are_answered_and_when_it_stops(serve: Serve, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            server = serve()
        assert manager.recv(100) == b"READY=1"
        assert await get(server, "/readyz") == 200
        server.send_signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
    assert server.wait() == 0


async def test_while_draining_the_server_is_not_ready_and_still_answers(serve: Serve) -> None:
    server = serve(HTTP__DRAIN_SECONDS=1.5)
    assert await get(server, "/readyz") == 200
    async with aiohttp.ClientSession() as session:
        # The page is kept, and has been sent before.
        for address in (f"{server.url}/healthz", *3 * [f"{server.url}/api/v1/services/"]):
            async with session.get(address) as kept:
                assert "Connection" not in kept.headers
        server.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        for address in (f"{server.url}/healthz", f"{server.url}/api/v1/services/"):
            async with session.get(address) as last:
                assert last.headers["Connection"] == "close", "a proxy would send another request over it"
    assert (await get(server, "/readyz"), await get(server, "/healthz")) == (503, 200)
    assert server.wait() == 0


async def test_a_second_signal_stops_at_once(serve: Serve) -> None:
    server = serve(HTTP__DRAIN_SECONDS=20)
    request = await SlowPost(server, LOGIN, UNKNOWN_LOGIN).begin()
    server.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    asked = time.monotonic()
    server.send_signal(signal.SIGINT)
    assert server.wait() == 1
    assert time.monotonic() - asked < 10
    assert "cut off" in server.said()
    assert await request.end() == b""


async def test_a_request_that_never_ends_is_cut_off_after_the_timeout(serve: Serve) -> None:
    server = serve(HTTP__SHUTDOWN_SECONDS=0.5)
    request = await SlowPost(server, LOGIN, UNKNOWN_LOGIN).begin()
    assert server.stop() == 0
    request.drop()


async def test_a_killed_server_starts_again_without_manual_repair(serve: Serve) -> None:
    """O1, short. How long it takes is measured by the benchmark, not by a test on a shared machine."""
    server = serve()
    for _ in range(2):
        server.kill()
        server.start()
        assert await get(server, "/readyz") == 200
    assert server.stop() == 0


async def test_a_port_in_use_is_reported_in_one_sentence(serve: Serve, tmp_path: Path, dsn: str) -> None:
    server = serve()
    done = run_cli("serve", directory=tmp_path, DATABASE__URL=dsn, HTTP__PORT=server.port)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_schema_that_is_behind_is_refused(empty_dsn: str, tmp_path: Path) -> None:
    done = run_cli("serve", directory=tmp_path, DATABASE__URL=empty_dsn, HTTP__PORT=0)
    assert done.returncode == 1
    assert re.search(r"lacks \d+ migrations, 0001_accounts to \w+: run `mystar migrate` first", done.stderr)
    assert "Traceback" not in done.stderr


def test_an_unreachable_database_is_reported_in_one_sentence(tmp_path: Path) -> None:
    done = run_cli("serve", directory=tmp_path, DATABASE__URL="postgresql://nobody:marked-secret@127.0.0.1:1/mystar")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "marked-secret" not in done.stderr
    assert "Traceback" not in done.stderr
