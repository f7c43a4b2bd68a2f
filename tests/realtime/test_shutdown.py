"""A process that stops: no WebSocket is opened any more, and those that are being opened are told at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType, web

from mystar.accounts.keys import ACCOUNTS
from mystar.kit.background import cancel_and_wait
from mystar.kit.realtime.connection import CloseCode
from mystar.kit.realtime.hub import HUB
from mystar.kit.realtime.websocket import HANDSHAKES
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory
from tests.realtime.conftest import Pair, WebSockets
from tests.server_process import ServerProcess, server_in
from tests.waiting import eventually

_NOTIFICATIONS = "/ws/notifications/"
#: Seconds in which a stop ends after the longest request.
_STOPS_WITHIN = 5.0
#: Clients of the storm, and how many of them have opened a WebSocket when the process is stopped.
_CLIENTS, _SOME = 300, 50


async def test_a_handshake_after_the_stop_is_refused(app: web.Application, websockets: WebSockets, pair: Pair) -> None:
    await app[HUB].close()
    for path in (pair.path, _NOTIFICATIONS):
        status, body = await websockets.refused(path, pair.anna)
        assert (status, body["code"]) == (503, "unavailable")


async def test_handshakes_that_wait_for_a_slot_are_refused_when_the_process_leaves(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    slots = app[HANDSHAKES]
    held = 0
    while not slots.locked():
        await slots.acquire()
        held += 1
    waiting = [asyncio.create_task(websockets.refused(pair.path, pair.anna)) for _ in range(20)]

    async def all_wait() -> bool:
        return len(slots._waiters or ()) == len(waiting)

    await eventually(all_wait)
    await app[HUB].close()
    for _ in range(held):
        slots.release()
    assert {status for status, _ in await asyncio.gather(*waiting)} == {503}


async def test_a_handshake_in_progress_is_closed_with_try_again_later(
    app: web.Application, websockets: WebSockets, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub says goodbye after it knows the connection and before the upgrade."""
    began, goes_on = asyncio.Event(), asyncio.Event()
    authenticate = app[ACCOUNTS].authenticate

    async def slow(*arguments: Any, **named: Any) -> Any:
        if app[HUB].connection_count(pair.anna.id):
            began.set()
            await goes_on.wait()
        return await authenticate(*arguments, **named)

    monkeypatch.setattr(app[ACCOUNTS], "authenticate", slow)
    opening = asyncio.create_task(websockets.open(_NOTIFICATIONS, pair.anna))
    await began.wait()
    closing = asyncio.create_task(app[HUB].close())
    await asyncio.sleep(0)
    goes_on.set()
    code, reason = await (await opening).farewell()
    assert code == CloseCode.GOING_AWAY
    assert 0 <= orjson.loads(reason)["reconnect_in"] <= 1
    await closing


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[ServerProcess]:
    with server_in(
        tmp_path,
        DATABASE__URL=settings.database.url,
        SECRET_KEY=settings.secret_key,
        SOCKETS__SOCKETS_PER_PERSON=100_000,
        HTTP__EVENT_LOOP="uvloop",
    ) as process:
        yield process


class Storm:
    """Clients that all open a WebSocket at the same moment, read until it is closed, and come back."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url + _NOTIFICATIONS, {"Authorization": f"Bearer {token}"}
        self.opened, self.some_opened = 0, asyncio.Event()
        self.longest = 0.0
        self.codes: set[int | None] = set()

    async def client(self, session: aiohttp.ClientSession) -> None:
        while True:
            began = time.monotonic()
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.ws_connect(self._url, headers=self._headers) as socket:
                    self._count()
                    self.longest = max(self.longest, time.monotonic() - began)
                    while (await socket.receive()).type is WSMsgType.TEXT:
                        pass
                    self.codes.add(socket.close_code)
            await asyncio.sleep(0.05)

    def _count(self) -> None:
        self.opened += 1
        if self.opened == _SOME:
            self.some_opened.set()


async def test_a_stop_during_many_handshakes_ends_soon(api: Api, server: ServerProcess, factory: Factory) -> None:
    anna = await factory.person("anna", channel="market")
    storm = Storm(server.url, anna.token)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [asyncio.create_task(storm.client(session)) for _ in range(_CLIENTS)]
        await storm.some_opened.wait()
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - began < _STOPS_WITHIN + storm.longest
        await cancel_and_wait(*tasks)
    assert storm.opened < len(tasks), "handshakes were in progress"
    assert CloseCode.GOING_AWAY in storm.codes
