"""Who may open a WebSocket, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.accounts.model import ClientInfo
from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.chat.sockets import TOPIC
from mystar.kit.realtime.connection import CloseCode
from mystar.kit.realtime.hub import HUB
from mystar.kit.realtime.websocket import WEBSOCKET_SETTINGS
from mystar.kit.web.http import dumps
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.realtime.conftest import Pair, WebSockets
from tests.size import size
from tests.subtests import as_subtests
from tests.waiting import eventually

# Before the upgrade


@pytest.mark.parametrize("path", ["/ws/conversations/1/", "/ws/notifications/"])
async def test_a_handshake_needs_a_token(websockets: WebSockets, path: str) -> None:
    for options in ({}, {"params": {"token": "nonsense"}}, {"headers": {"Sec-WebSocket-Protocol": "bearer, nonsense"}}):
        status, body = await websockets.refused(path, **options)
        assert (status, set(body)) == (401, {"error", "detail", "code"})


async def test_foreign_and_unknown_conversations_are_404(websockets: WebSockets, factory: Factory, pair: Pair) -> None:
    stranger = await factory.person(channel="market")
    for path in (pair.path, "/ws/conversations/999999/", f"/ws/conversations/{10**18}/"):
        status, body = await websockets.refused(path, stranger)
        assert (status, body["code"]) in ((404, "conversation_unknown"), (404, "not_found"))


@as_subtests
@pytest.mark.parametrize("after", ["x", "-1", "1.5", str(2**63), "999999"])
async def test_a_malformed_after_is_refused(websockets: WebSockets, pair: Pair, after: str) -> None:
    status, body = await websockets.refused(pair.path, pair.anna, params={"after": after})
    assert (status, body["code"]) == ((404, "message_unknown") if after == "999999" else (422, "invalid"))


@pytest.mark.parametrize("path", ["conversation", "/ws/notifications/"])
async def test_a_request_without_upgrade_is_refused(api: Api, pair: Pair, path: str) -> None:
    answer = await api.get(pair.path if path == "conversation" else path, as_=pair.anna)
    assert (answer.status, (await answer.json())["code"]) == (400, "upgrade_needed")


async def test_a_token_may_come_in_a_header_the_query_or_the_protocol(websockets: WebSockets, pair: Pair) -> None:
    token = pair.anna.token
    for options in (
        {"headers": {"Authorization": token}},
        {"params": {"token": token}},
        {"protocols": ("bearer", token)},
    ):
        socket = await websockets.open(pair.path, **options)  # type: ignore[arg-type]
        assert socket.socket.protocol == ("bearer" if "protocols" in options else None)
        await socket.say(message="это я")
        assert (await socket.hear())["sender"]["id"] == pair.anna.id


async def test_tokens_of_handshakes_never_reach_the_log(
    websockets: WebSockets, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    token = pair.anna.token
    with caplog.at_level(logging.INFO):
        await (await websockets.open(pair.path, params={"token": token})).close()
        await (await websockets.open(pair.path, protocols=("bearer", token))).close()
        await websockets.refused(pair.path, params={"token": token + "x"})
    # The test server logs addresses as they come; the service does not.
    said = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert said
    assert not [line for line in said if token in line]


@pytest.fixture
def listed_origin(make_settings: Any) -> Settings:
    return make_settings(HTTP__CORS_ORIGINS="https://site.example")


async def test_pages_of_other_sites_may_not_connect(listed_origin: Settings) -> None:
    app = await create_app(listed_origin, listed_origin.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        person = await Factory(app).person(channel="market")
        headers = {"Authorization": f"Bearer {person.token}"}
        for origin in ("https://site.example", f"http://{client.host}:{client.port}", None):
            sent = headers if origin is None else {**headers, "Origin": origin}
            async with client.ws_connect("/ws/notifications/", headers=sent) as socket:
                assert not socket.closed
        for origin in ("https://evil.example", "null", "https://site.example.evil.example", "http://[bad"):
            with pytest.raises(WSServerHandshakeError) as refusal:
                await client.ws_connect("/ws/notifications/", headers={**headers, "Origin": origin})
            assert refusal.value.status == 403
        for host in ("site.example:no-port", "[::1]x", "", "é" * 100):
            with pytest.raises(WSServerHandshakeError) as refusal:
                evil = {"Origin": "https://evil.example", "Host": host}
                await client.ws_connect("/ws/notifications/", headers={**headers, **evil})
            assert refusal.value.status == 403


async def test_websockets_per_account_are_limited(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(SOCKETS__SOCKETS_PER_PERSON=2)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        person = await Factory(app).person(channel="market")
        path = f"/ws/notifications/?token={person.token}"
        first, _second = [await client.ws_connect(path) for _ in range(2)]
        with pytest.raises(WSServerHandshakeError) as refusal:
            await client.ws_connect(path)
        assert refusal.value.status == 429
        await first.close()
        await client.ws_connect(path)


# How it ends


async def test_the_end_of_a_session_closes_its_websockets(
    api: Api, websockets: WebSockets, pair: Pair, app: web.Application
) -> None:
    chat, news = await websockets.open(pair.path, pair.anna), await websockets.open("/ws/notifications/", pair.anna)
    other = await websockets.open(pair.path, pair.boris)
    assert (await api.post("/api/auth/logout/", as_=pair.anna)).status == 204
    await app[CHAT].send(actor(pair.boris), pair.id, "этого она не услышит")
    assert (await chat.farewell())[0] == (await news.farewell())[0] == CloseCode.SESSION_ENDED
    assert (await other.hear())["message"] == "этого она не услышит"
    assert (await websockets.refused(pair.path, pair.anna))[0] == 401


async def test_blocking_an_account_closes_all_its_websockets(
    app: web.Application, websockets: WebSockets, factory: Factory, pair: Pair
) -> None:
    staff = await factory.staff()
    several = [await websockets.open(path, pair.anna) for path in (pair.path, pair.path, "/ws/notifications/")]
    boris = await websockets.open(pair.path, pair.boris)
    await app[STAFF].block(actor(staff, "owner"), pair.anna.id)
    await app[CHAT].send(actor(pair.boris), pair.id, "этого она не услышит")
    for socket in several:
        assert (await socket.farewell())[0] == CloseCode.SESSION_ENDED
    assert (await boris.hear())["message"] == "этого она не услышит"
    assert (await websockets.refused(pair.path, pair.anna))[0] == 401


async def test_nothing_is_sent_after_the_end_of_a_session(
    app: web.Application, websockets: WebSockets, factory: Factory, pair: Pair
) -> None:
    """Promise T8: the ending and a message race, fifty times."""

    async def trial(number: int) -> None:
        entered = await app[ACCOUNTS].sign_in(pair.anna.id, ClientInfo(), "market")
        person = Person(pair.anna.id, "anna", "", "", entered.access, None)
        listener = await websockets.open(pair.path, person)
        who = await app[ACCOUNTS].authenticate(entered.access)
        await app[ACCOUNTS].log_out(who)
        await app[CHAT].send(actor(pair.boris), pair.id, f"после {number}")
        async with asyncio.timeout(1):
            while (message := await listener.socket.receive()).type is WSMsgType.TEXT:
                assert orjson.loads(message.data)["message"] != f"после {number}"
        assert message.data == CloseCode.SESSION_ENDED

    for wave in range(size(5, 50)):
        await asyncio.gather(*(trial(10 * wave + number) for number in range(10)))


async def test_an_unpublished_end_of_a_session_is_noticed(
    app: web.Application, websockets: WebSockets, pair: Pair, db: Any
) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    await db.execute("update sessions set expires_at = created_at where account_id = %(id)s", id=pair.anna.id)
    assert (await socket.farewell())[0] == CloseCode.SESSION_ENDED


async def test_a_stopping_process_closes_websockets_with_try_again_later(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    several = [await websockets.open(pair.path, pair.anna) for _ in range(5)]
    closing = asyncio.create_task(app[HUB].close())
    for socket in several:
        code, reason = await socket.farewell()
        assert code == CloseCode.GOING_AWAY
        assert 0 <= orjson.loads(reason)["reconnect_in"] <= 1
    await closing


async def test_a_client_that_does_not_read_is_closed_and_others_are_not_delayed(
    app: web.Application, websockets: WebSockets, pair: Pair, api: Api
) -> None:
    """Promise T5: its send queue stays small, and no other client waits."""
    good = await websockets.open(pair.path, pair.boris)
    stuck = await _deaf_socket(api.url, pair.path, pair.anna)
    settings = app[WEBSOCKET_SETTINGS]
    (connection,) = (one for one in app[HUB].subscribers(TOPIC, pair.id) if one.account_id == pair.anna.id)
    heard = asyncio.create_task(good.hear_several(1))
    big = dumps({"x": "x" * 60_000})
    for _ in range(400):
        connection.send_json(orjson.loads(big))
        assert connection.waiting <= settings.outbox_bytes
        await asyncio.sleep(0)
    assert connection.close_code is CloseCode.TOO_SLOW
    await app[CHAT].send(actor(pair.boris), pair.id, "дальше без неё")
    assert (await heard)[0]["message"] == "дальше без неё"

    async def left() -> bool:
        return pair.anna.id not in app[HUB].sessions().values()

    await eventually(left)
    stuck.close()


async def test_a_client_without_pongs_is_closed(make_settings: Callable[..., Settings]) -> None:
    """Promise T7: networks that break without a word."""
    settings = make_settings(SOCKETS__HEARTBEAT_SECONDS=1)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        person = await Factory(app).person(channel="market")
        dead = await _deaf_socket(str(client.make_url("")).rstrip("/"), "/ws/notifications/", person)
        lively = await client.ws_connect("/ws/notifications/", headers={"Authorization": f"Bearer {person.token}"})
        listening = asyncio.create_task(lively.receive())

        async def one_is_left() -> bool:
            return app[HUB].connection_count(person.id) == 1

        await eventually(one_is_left)
        await asyncio.sleep(1.6)
        assert await one_is_left()
        assert not lively.closed
        await lively.close()
        await listening
        dead.close()


async def _deaf_socket(url: str, path: str, person: Person) -> sockets.socket:
    """A client that shakes hands and then takes as little as a machine may."""
    host, _, port = url.removeprefix("http://").partition(":")
    deaf = sockets.socket()
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (host, int(port)))
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await loop.sock_sendall(deaf, request.encode())
    assert (await loop.sock_recv(deaf, 12)).endswith(b"101")
    await asyncio.sleep(0.1)
    return deaf


# Who is typing, who is here


@pytest.mark.parametrize("switched", [False, True])
async def test_typing_and_presence_are_sent_only_if_switched_on(
    make_settings: Callable[..., Settings], switched: bool
) -> None:
    settings = make_settings(SOCKETS__TYPING=switched, SOCKETS__PRESENCE=switched)
    app = await create_app(settings, settings.database.url)
    heard: list[str] = []
    async with TestClient(ApiTestServer(app)) as client:
        factory = Factory(app)
        anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await app[CHAT].open(actor(anna), boris.id)
        path = f"/ws/conversations/{conversation.id}/"
        async with client.ws_connect(f"{path}?events=1&token={boris.token}") as listener:
            async with client.ws_connect(f"{path}?token={anna.token}") as speaker:
                for _ in range(3):
                    await speaker.send_str('{"type": "typing"}')
                await speaker.send_str('{"message": "вот"}')
                await speaker.receive()
            await app[CHAT].send(actor(anna), conversation.id, "конец")
            # Who comes and goes is not in the log, so it may be heard before or after what is said meanwhile.
            while heard.count("message") < 2 or (switched and len(heard) < 5):
                heard.append((await listener.receive_json(timeout=5))["type"])
    extra = sorted(name for name in heard if name != "message")
    assert extra == (["presence", "presence", "typing"] if switched else [])
