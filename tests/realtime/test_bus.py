"""Notes may be late, double or lost; what they speak of is not."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from prometheus_client import CollectorRegistry
from yarl import URL

from mystar.accounts.keys import ACCOUNTS
from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.kit.postgres.database import Database
from mystar.kit.realtime.backends import BusSettings, PostgresBackend, RedisBackend
from mystar.kit.realtime.connection import CloseCode
from mystar.kit.realtime.hub import HUB
from mystar.kit.realtime.pubsub import PACKET_BYTES, Bus, PubSubConnection
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.factory import Factory, actor
from tests.realtime.listener import Listener
from tests.realtime.load_balancer import LoadBalancer
from tests.server_process import run_cli
from tests.tcp_proxy import TcpProxy, proxied
from tests.waiting import eventually


@pytest.fixture(params=["postgres", "redis"])
async def backend(request: pytest.FixtureRequest, dsn: str) -> PostgresBackend | RedisBackend:
    return PostgresBackend(dsn) if request.param == "postgres" else RedisBackend(request.getfixturevalue("redis_url"))


@contextlib.asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Bus]:
    async for _ in bus.running(web.Application()):
        yield bus


async def test_messages_reach_other_processes_and_not_the_sender(backend: Any) -> None:
    heard: dict[str, list[tuple[str, ...]]] = {"one": [], "other": [], "third": []}
    buses = {name: Bus(backend) for name in heard}
    for name, bus in buses.items():
        bus.subscribe("word", lambda *rest, name=name: heard[name].append(rest))
    async with running(buses["one"]) as one, running(buses["other"]), running(buses["third"]):
        assert one.connected
        one.publish("word", 1, "")
        one.publish("unknown", 2)
        for number in range(5000):
            one.publish("word", number, "x")

        async def all_heard() -> bool:
            return len(heard["other"]) == len(heard["third"]) == 5001

        await eventually(all_heard)
        assert heard["one"] == []
        assert heard["other"][:2] == [("1", ""), ("0", "x")]


async def test_a_process_that_is_about_to_end_tells_the_others_first(backend: Any) -> None:
    heard: list[tuple[str, ...]] = []
    other, ending = Bus(backend), Bus(backend)
    other.subscribe("word", lambda *rest: heard.append(rest))
    async with running(other):
        for number in range(3000):
            ending.publish("word", number)
        await ending.flush()

        async def all_heard() -> bool:
            return len(heard) == 3000

        await eventually(all_heard)


async def test_a_process_that_cannot_tell_the_others_ends_nevertheless(caplog: pytest.LogCaptureFixture) -> None:
    ending = Bus(SilentBackend())
    await ending.flush()
    ending.publish("word", 1)
    await ending.flush()
    assert [record.message.partition(";")[0] for record in caplog.records] == ["the other processes are not told"]


async def test_a_command_that_blocks_an_account_tells_who_has_its_sockets(
    factory: Factory, settings: Settings, tmp_path: Path
) -> None:
    staff = await factory.person(role="viewer")
    ended: list[tuple[str, ...]] = []
    serving = Bus(PostgresBackend(settings.database.url))
    serving.subscribe("session", lambda *rest: ended.append(rest))
    async with running(serving):
        given = {"DATABASE__URL": settings.database.url, "BUS__URL": "postgres"}
        done = await asyncio.to_thread(run_cli, "admin", "disable", staff.username, directory=tmp_path, **given)
        assert done.returncode == 0, done.stderr

        async def told() -> bool:
            return ended == [(str(staff.id), "")]

        await eventually(told)


async def test_a_bus_without_a_backend_is_always_connected() -> None:
    async with running(Bus()) as bus:
        bus.publish("word")
        assert bus.connected


async def test_a_bus_stops_while_messages_are_published(backend: Any) -> None:
    async with asyncio.timeout(30):
        for number in range(40):
            async with running(Bus(backend)) as bus:
                bus.publish("word", number)
                await asyncio.sleep(0.001 * (number % 10))


async def test_a_bus_stops_while_its_connection_breaks() -> None:
    """A task group prefers the error of its task to being cancelled itself."""

    class BreakingBackend(SilentBackend):
        async def receive(self) -> str:
            try:
                return await super().receive()
            except asyncio.CancelledError:
                raise ConnectionResetError from None

    backend = BreakingBackend()
    async with asyncio.timeout(10):
        async with running(Bus(backend)):

            async def dialled() -> bool:
                return backend.tries > 1

            await eventually(dialled)


class SilentBackend:
    """A backend that breaks on the first try, then takes everything and lets nothing be heard but what is said."""

    def __init__(self) -> None:
        self.tries = 0
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.sent: list[str] = []

    async def connect(self) -> PubSubConnection:
        self.tries += 1
        if self.tries == 1:
            raise ConnectionRefusedError
        return self

    async def send(self, message: str) -> None:
        self.sent.append(message)
        self.messages.put_nowait(message)

    async def receive(self) -> str:
        return await self.messages.get()

    async def close(self) -> None:
        pass


async def test_messages_published_during_an_outage_are_sent_later_and_once() -> None:
    backend, gaps = SilentBackend(), []
    bus = Bus(backend)
    bus.on_gap(lambda: gaps.append(1))
    for _ in range(3):
        bus.publish("word", "я" * 100)
    async with running(bus):

        async def said() -> bool:
            return bool(backend.sent)

        await eventually(said)
        assert [message.split(" ")[1:] for message in backend.sent if " " in message] == [["word:" + "я" * 100]]
        assert gaps == [1]


async def test_too_many_waiting_messages_become_a_gap() -> None:
    backend, gaps = SilentBackend(), []
    bus = Bus(backend)
    for number in range(25_000):
        bus.publish("word", number)
    async with running(bus):

        async def said() -> bool:
            return any(message.endswith(" word:24999") for message in backend.sent)

        await eventually(said)
        assert all(len(message) <= PACKET_BYTES for message in backend.sent)
        assert sum(len(message.split(" ")) - 1 for message in backend.sent) < 15_000
        assert backend.sent[0].split(" ")[1] == "*"
        bus.on_gap(lambda: gaps.append(1))
        backend.messages.put_nowait("other * word:1")

        async def told() -> bool:
            return bool(gaps)

        await eventually(told)


@pytest.mark.parametrize(
    ("url", "kind"),
    [("", None), ("postgres", PostgresBackend), ("postgresql://a/b", PostgresBackend), ("redis://a", RedisBackend)],
)
def test_the_setting_chooses_the_backend(url: str, kind: type | None) -> None:
    chosen = BusSettings(url=url).backend("dbname=own")
    assert type(chosen) is (kind or type(None))


@pytest.mark.parametrize("url", ["nats://a", "redis://", "nonsense", "postgresql://[", "rediss://:secret@"])
def test_other_buses_are_refused_without_quoting_them(url: str) -> None:
    with pytest.raises(ValueError, match="must be") as refusal:
        BusSettings(url=url)
    assert "secret" not in str(refusal.value.errors()[0]["msg"])  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[tuple[web.Application, TestClient[Any, Any]]]:
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        yield app, client


async def test_a_broken_connection_is_replaced_and_missed_messages_arrive(
    make_settings: Callable[..., Settings], db: Database, redis_url: str
) -> None:
    port = URL(redis_url).port
    assert port is not None
    proxy = LoadBalancer([port])
    redis = str(URL(redis_url).with_port(URL(await proxy.start()).port))
    for bus in ("postgres", redis):
        settings = make_settings(BUS__URL=bus, SOCKETS__SWEEP_SECONDS=60, SOCKETS__RECHECK_SECONDS=60)
        async with process(settings) as (here, _), process(settings) as (there, client):
            factory = Factory(here)
            one, other = [
                await factory.person(f"{who}-{len(bus)}", email=f"{who}-{len(bus)}@example.com", channel="market")
                for who in ("one", "other")
            ]
            conversation, _ = await here[CHAT].open(actor(one), other.id)
            path = f"/ws/conversations/{conversation.id}/?token={other.token}"
            listener = Listener(await client.ws_connect(path))
            for number in range(5):
                if bus == "postgres":
                    await db.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and query ilike '%%listen%%' and pid <> pg_backend_pid()"
                    )
                else:
                    proxy.cut(100, random.Random(number))
                await here[CHAT].send(actor(one), conversation.id, str(number))
                assert (await listener.hear())["message"] == str(number)

            async def mended() -> bool:
                return here[HUB].bus.connected and there[HUB].bus.connected

            await eventually(mended)
    await proxy.stop()


@pytest.fixture(params=["postgres", "redis"])
async def proxied_backend(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[tuple[TcpProxy, str]]:
    """What joins the processes, in our hands, and its address."""
    if request.param == "postgres":
        async with proxied(dsn) as proxy:
            yield proxy, proxy.dsn()
    else:
        redis = URL(request.getfixturevalue("redis_url"))
        proxy = TcpProxy(str(redis.host), int(redis.port or 0))
        await proxy.start()
        yield proxy, str(redis.with_port(proxy.port))
        await proxy.stop()


async def test_a_cut_connection_always_reports_a_gap(proxied_backend: tuple[TcpProxy, str]) -> None:
    """Messages published meanwhile are lost, and subscribers are told of the gap."""
    gaps: list[int] = []
    registry = CollectorRegistry()
    bus = Bus(BusSettings(url=proxied_backend[1]).backend(""), registry)
    bus.on_gap(lambda: gaps.append(1))
    async with running(bus):
        for cut in range(1, 4):

            async def told(cuts: int = cut) -> bool:
                return len(gaps) >= cuts

            await eventually(told)
            await proxied_backend[0].stop()
            await proxied_backend[0].start()
        assert (registry.get_sample_value("mystar_bus_losses_total") or 0) >= 2
    assert registry.get_sample_value("mystar_bus_connected") == 0


async def test_ended_sessions_are_closed_while_the_bus_is_silent(
    proxied_backend: tuple[TcpProxy, str], make_settings: Callable[..., Settings]
) -> None:
    """Promise T8 on the worst of days: the network drops everything without an error."""
    settings = make_settings(BUS__URL=proxied_backend[1], SOCKETS__SWEEP_SECONDS=60, SOCKETS__RECHECK_SECONDS=60)
    async with process(settings) as (here, _), process(settings) as (_there, client):
        factory = Factory(here)
        one, other = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await here[CHAT].open(actor(one), other.id)
        listener = Listener(await client.ws_connect(f"/ws/conversations/{conversation.id}/?token={other.token}"))
        proxied_backend[0].freeze()
        await here[CHAT].send(actor(one), conversation.id, "слышно?")
        assert (await listener.hear())["message"] == "слышно?"
        await here[ACCOUNTS].log_out(await here[ACCOUNTS].authenticate(other.token))
        assert (await listener.farewell())[0] == CloseCode.SESSION_ENDED


async def test_presence_ends_with_the_last_device(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(BUS__URL="postgres", SOCKETS__PRESENCE=True)
    async with process(settings) as (app, here), process(settings) as (_, there):
        factory = Factory(app)
        anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await app[CHAT].open(actor(anna), boris.id)
        path = f"/ws/conversations/{conversation.id}/?events=1&token="

        async def heard(socket: Listener, *, online: bool) -> None:
            while await socket.hear() != {"type": "presence", "account_id": anna.id, "online": online}:
                pass

        devices = [Listener(await client.ws_connect(path + anna.token)) for client in (here, here, there)]
        # Newcomers are told who is here, by this process and by the other.
        sockets = [Listener(await client.ws_connect(path + boris.token)) for client in (here, there)]
        for socket in sockets:
            await heard(socket, online=True)
        for device in devices[:2]:
            await device.close()
        # This process knows of no other device, and is told of one.
        await heard(sockets[0], online=False)
        await heard(sockets[0], online=True)
        await devices[2].close()
        for socket in sockets:
            await heard(socket, online=False)


async def test_messages_arrive_more_slowly_without_the_bus(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(BUS__URL="redis://127.0.0.1:1", SOCKETS__SWEEP_SECONDS=60, SOCKETS__RECHECK_SECONDS=60)
    async with process(settings) as (here, _), process(settings) as (_there, client):
        factory = Factory(here)
        one, other = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await here[CHAT].open(actor(one), other.id)
        listener = Listener(await client.ws_connect(f"/ws/conversations/{conversation.id}/?token={other.token}"))
        await here[CHAT].send(actor(one), conversation.id, "пешком")
        assert (await listener.hear())["message"] == "пешком"
