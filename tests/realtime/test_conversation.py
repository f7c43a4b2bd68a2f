"""`/ws/conversations/{id}/`: messages sent once reach all connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.chat.model import Change
from mystar.chat.sockets import TOPIC
from mystar.kit.realtime.connection import Encoder
from mystar.kit.realtime.hub import HUB
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.realtime.conftest import Pair, WebSockets
from tests.realtime.listener import Listener


async def test_a_message_reaches_both_members_in_the_documented_shape(websockets: WebSockets, pair: Pair) -> None:
    anna, boris = await websockets.open(pair.path, pair.anna), await websockets.open(pair.path, pair.boris)
    await anna.say(message="Привет!")
    heard = await boris.hear()
    assert heard == await anna.hear()
    assert heard["sender"] == {"id": pair.anna.id, "username": "anna", "avatar": None}
    assert (heard["message"], heard["number"], "type" in heard) == ("Привет!", 1, False)
    assert set(heard) >= {"id", "sender", "message", "timestamp"}


async def test_a_message_sent_over_http_arrives_on_websockets(api: Api, websockets: WebSockets, pair: Pair) -> None:
    boris = await websockets.open(pair.path, pair.boris)
    answer = await api.post(f"/api/v1/conversations/{pair.id}/messages/", {"message": "по почте"}, as_=pair.anna)
    assert answer.status == 201
    assert await boris.hear() == await answer.json()


async def test_missed_messages_come_first_in_order_and_once(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    chat, anna = app[CHAT], actor(pair.anna)
    first = (await chat.send(anna, pair.id, "0")).message
    for number in range(1, 30):
        await chat.send(anna, pair.id, str(number))
    boris = await websockets.open(pair.path, pair.boris, params={"after": first.id})
    await chat.send(anna, pair.id, "30")
    frames = await boris.hear_several(31)
    resumed = [frame for frame in frames if frame.get("type")]
    assert resumed == [{"type": "resumed", "after": first.id}]
    assert [frame["message"] for frame in frames if "type" not in frame] == [str(number) for number in range(1, 31)]
    assert await boris.silent()


async def test_a_connection_opened_while_others_write_misses_nothing(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    """Promise T4, at its narrowest: between the last look of a replay and the first live word."""
    chat, anna, messages = app[CHAT], actor(pair.anna), 200

    async def join(number: int) -> None:
        await asyncio.sleep(number * 0.01)
        boris = await websockets.open(pair.path, pair.boris, params={"after": 0})
        heard = [frame["number"] for frame in await boris.hear_several(messages + 1) if "number" in frame]
        assert heard == list(range(1, messages + 1))

    joining = [asyncio.create_task(join(number)) for number in range(25)]
    for number in range(messages):
        await chat.send(anna, pair.id, str(number))
    await asyncio.gather(*joining)


async def test_a_message_sent_while_a_replay_ends_is_not_missed(
    app: web.Application, websockets: WebSockets, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise T4: it has reached the connections before this one has joined them, and its replay has read past it."""
    chat, anna, read, late = app[CHAT], actor(pair.anna), app[CHAT].after, ["два"]
    await chat.send(anna, pair.id, "раз")
    other = await websockets.open(pair.path, pair.boris)

    async def after(conversation_id: int, position: int = 0, limit: int = 100) -> list[Change]:
        entries = await read(conversation_id, position, limit)
        if late and position == 0:
            await chat.send(anna, pair.id, late.pop())
            assert (await other.hear())["number"] == 2
        return entries

    monkeypatch.setattr(chat, "after", after)
    boris = await websockets.open(pair.path, pair.boris, params={"after": 0})
    await chat.send(anna, pair.id, "три")
    assert [frame["number"] for frame in await boris.hear_several(4) if "number" in frame] == [1, 2, 3]


@pytest.mark.parametrize(("missed", "told"), [(2, "resumed"), (3, "resumed"), (4, "gap")])
async def test_too_many_missed_messages_are_a_gap(
    make_settings: Callable[..., Settings], missed: int, told: str
) -> None:
    settings = make_settings(SOCKETS__REPLAY=3)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        factory, chat = Factory(app), app[CHAT]
        anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await chat.open(actor(anna), boris.id)
        first, *rest = [(await chat.send(actor(anna), conversation.id, "x")).message.id for _ in range(missed + 1)]
        path = f"/ws/conversations/{conversation.id}/?token={boris.token}&after={first}"
        socket = Listener(await client.ws_connect(path))
        expected = rest if told == "resumed" else []
        assert [(await socket.hear())["id"] for _ in expected] == expected
        assert await socket.hear() == {"type": told, "after": first}
        live = (await chat.send(actor(anna), conversation.id, "y")).message.id
        assert (await socket.hear())["id"] == live


async def test_after_zero_replays_all_messages(app: web.Application, websockets: WebSockets, pair: Pair) -> None:
    await app[CHAT].send(actor(pair.anna), pair.id, "раз")
    boris = await websockets.open(pair.path, pair.boris, params={"after": 0})
    assert [frame.get("message") for frame in await boris.hear_several(2)] == ["раз", None]


async def test_a_repeated_send_is_answered_to_its_sender_alone(websockets: WebSockets, pair: Pair) -> None:
    anna, boris = await websockets.open(pair.path, pair.anna), await websockets.open(pair.path, pair.boris)
    await anna.say(message="один раз", client_id="c-1")
    first = await anna.hear()
    assert first["client_id"] == "c-1"
    await anna.say(message="один раз", client_id="c-1")
    assert await anna.hear() == first
    assert await boris.hear() == first
    assert await boris.silent()


async def test_events_include_edits_deletions_and_read_marks(api: Api, websockets: WebSockets, pair: Pair) -> None:
    plain, full = (
        await websockets.open(pair.path, pair.boris),
        await websockets.open(pair.path, pair.boris, params={"events": "1"}),
    )
    await plain.say(message="было")
    said = await plain.hear()
    path = f"/api/v1/conversations/{pair.id}/messages/{said['id']}/"
    await api.patch(path, {"message": "стало"}, as_=pair.boris)
    anna = await websockets.open(pair.path, pair.anna, params={"events": "1"})
    await anna.say(type="read", number=1)
    heard = await full.hear_several(3)
    await api.delete(path, as_=pair.boris)
    heard.append(await full.hear())
    assert [frame["type"] for frame in heard] == ["message", "edited", "read", "deleted"]
    assert (heard[1]["message"], heard[2]["account_id"], heard[3]["is_deleted"]) == ("стало", pair.anna.id, True)
    await plain.say(message="дальше")
    assert (await plain.hear())["message"] == "дальше"


async def test_missed_changes_are_replayed_to_connections_with_events(
    api: Api, app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    chat, anna = app[CHAT], actor(pair.anna)
    first = (await chat.send(anna, pair.id, "первое")).message
    await chat.edit(anna, pair.id, first.id, "исправлено")
    await chat.mark_read(actor(pair.boris), pair.id)
    boris = await websockets.open(pair.path, pair.boris, params={"events": "1", "after": first.id})
    assert [frame["type"] for frame in await boris.hear_several(3)] == ["edited", "read", "resumed"]


async def test_messages_stay_in_their_conversation(
    websockets: WebSockets, factory: Factory, app: web.Application
) -> None:
    people = [await factory.person(channel="market") for _ in range(4)]
    chat = app[CHAT]
    ids = [(await chat.open(actor(people[0]), other.id)).conversation.id for other in people[1:]]
    sockets = [
        await websockets.open(f"/ws/conversations/{number}/", other)
        for number, other in zip(ids, people[1:], strict=True)
    ]
    for number in ids:
        await chat.send(actor(people[0]), number, f"для {number}")
    for number, socket in zip(ids, sockets, strict=True):
        assert (await socket.hear())["message"] == f"для {number}"
    assert all(await asyncio.gather(*(socket.silent() for socket in sockets)))


async def test_an_event_is_encoded_once_per_encoder(app: web.Application, websockets: WebSockets, pair: Pair) -> None:
    everybody = [
        await websockets.open(pair.path, person, params={"events": events})
        for person in (pair.anna, pair.boris)
        for events in "00111"
    ]
    await app[CHAT].send(actor(pair.anna), pair.id, "все здесь?")
    for socket in everybody:
        assert (await socket.hear())["number"] == 1
    encoded: Counter[Encoder] = Counter()

    def counted(encoder: Encoder) -> Encoder:
        def once(entry: Any) -> bytes | None:
            encoded[encoder] += 1
            return encoder(entry)

        return once

    connections = list(app[HUB].subscribers(TOPIC, pair.id))
    counting = {speak: counted(speak) for speak in {connection.encoder for connection in connections}}
    for connection in connections:
        # Shared by as many as before.
        connection.encoder = counting[connection.encoder]
    for number in range(2, 5):
        await app[CHAT].send(actor(pair.boris), pair.id, "всем")
        for socket in everybody:
            assert (await socket.hear())["number"] == number
    assert (len(connections), list(encoded.values())) == (10, [3, 3])
