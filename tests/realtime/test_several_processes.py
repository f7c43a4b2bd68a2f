"""Three processes behind a proxy are one service, and killing them loses nothing (promises T1, T2, T8; law 8)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.kit.background import cancel_and_wait
from mystar.kit.realtime.connection import CloseCode
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.realtime.crowd import Device, check, talk_all
from tests.realtime.listener import Listener
from tests.realtime.run import Plan, behind, prepared, run
from tests.realtime.servers import Servers

LONG = pytest.mark.long
#: Each test runs on one bus in the suite and on the other in its long form.
POSTGRES_FIRST = pytest.mark.parametrize("bus_name", ["postgres", pytest.param("redis", marks=LONG)])
REDIS_FIRST = pytest.mark.parametrize("bus_name", ["redis", pytest.param("postgres", marks=LONG)])


@pytest.fixture
def bus(request: pytest.FixtureRequest, bus_name: str) -> str:
    """The value of MYSTAR_BUS__URL."""
    return "postgres" if bus_name == "postgres" else request.getfixturevalue("redis_url")


@pytest.fixture
def environment(bus: str, settings: Settings, make_settings: Callable[..., Settings]) -> dict[str, str]:
    """Of the processes, over the same database as ``app``. Looks are rare, so that it is the bus that brings news."""
    make_settings(
        BUS__URL=bus,
        SECRET_KEY=settings.secret_key,
        SOCKETS__SWEEP_SECONDS=60,
        SOCKETS__RECHECK_SECONDS=60,
        SOCKETS__FRAMES_PER_MINUTE=100_000,
    )
    return dict(os.environ)


@POSTGRES_FIRST
async def test_every_message_reaches_every_device_once_despite_kills(
    app: web.Application, api: Api, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["MYSTAR_SOCKETS__SWEEP_SECONDS"] = "2"
    plan = Plan(seed=5, talks=8, messages=40, devices=3, kills=6, cuts=60)
    talks = await prepared(app, plan.talks)
    print(await run(plan, talks, environment, tmp_path / "servers.log"))


@POSTGRES_FIRST
async def test_a_rolling_restart_fails_no_request_and_loses_no_message(
    app: web.Application, api: Api, environment: dict[str, str], tmp_path: Path
) -> None:
    """Promise T10: sockets are told to come back, and a client that tries again never hears of it."""
    environment["MYSTAR_SOCKETS__SWEEP_SECONDS"] = "2"
    talks = await prepared(app, 3)
    async with (
        Servers(environment, tmp_path / "servers.log", servers=3) as servers,
        behind(servers) as (_, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        devices = {talk.id: [Device(session, url, talk, token) for token in talk.tokens] for talk in talks}
        reading = asyncio.create_task(_read_on(session, url, talks[0].tokens[0]))
        talking = asyncio.create_task(talk_all(talks, devices, messages=50, dice=random.Random(10)))
        for port in servers.ports:
            await servers.replace(port)
        await talking
        await check(talks, devices, messages=50)
        assert not reading.done()
        await cancel_and_wait(reading)
        endings = [code for some in devices.values() for device in some for code in device.endings]
        assert CloseCode.GOING_AWAY in endings
        await asyncio.gather(*(device.close() for some in devices.values() for device in some))


async def _read_on(session: aiohttp.ClientSession, url: str, token: str) -> None:
    """Over and over; what broke on its way is asked again, and no answer may be a failure."""
    while True:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with session.get(
                f"{url}/api/v1/conversations/", headers={"Authorization": f"Bearer {token}"}
            ) as answer:
                assert answer.status == 200
                await answer.read()
        await asyncio.sleep(0.005)


@REDIS_FIRST
async def test_messages_and_ends_of_sessions_reach_other_processes(
    app: web.Application, factory: Factory, environment: dict[str, str], tmp_path: Path
) -> None:
    anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
    conversation, _ = await app[CHAT].open(actor(anna), boris.id)
    async with Servers(environment, tmp_path / "log", servers=2) as servers, aiohttp.ClientSession() as session:
        here, there = (f"http://127.0.0.1:{port}" for port in servers.ports)
        path = f"/ws/conversations/{conversation.id}/"
        one = Listener(await session.ws_connect(here + path, headers={"Authorization": f"Bearer {anna.token}"}))
        other = Listener(await session.ws_connect(there + path, headers={"Authorization": f"Bearer {boris.token}"}))
        news = Listener(
            await session.ws_connect(there + "/ws/notifications/", headers={"Authorization": f"Bearer {boris.token}"})
        )
        # Far sooner than anybody would look by himself.
        async with asyncio.timeout(30):
            await one.say(message="слышно?")
            assert (await other.hear())["message"] == (await one.hear())["message"] == "слышно?"
            assert (await news.hear())["type"] == "message"
            await session.post(here + "/api/auth/logout/", headers={"Authorization": f"Bearer {boris.token}"})
            assert (await other.farewell())[0] == (await news.farewell())[0] == CloseCode.SESSION_ENDED
            # Nor is it remembered there for the half second that it was.
            headers = {"Authorization": f"Bearer {boris.token}"}
            assert (await session.get(there + "/api/v1/notifications/", headers=headers)).status == 401
