"""Many sockets at once: all break, all listen, and each hears its own and nothing else (promises T4, T6, T9)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.chat.test_log import something_happens
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.realtime.conftest import Pair, WebSockets
from tests.realtime.crowd import Device, check, talk_all
from tests.realtime.listener import Listener
from tests.realtime.load_balancer import LoadBalancer
from tests.realtime.run import prepared
from tests.waiting import eventually

_END = "конец"


async def test_all_sockets_reconnect_at_once_and_catch_up(app: web.Application, api: Api) -> None:
    proxy, dice = LoadBalancer([int(api.url.rpartition(":")[2])]), random.Random(6)
    url, talks = await proxy.start(), await prepared(app, 10)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        devices = {
            talk.id: [Device(session, url, talk, token) for token in talk.tokens for _ in range(8)] for talk in talks
        }
        everybody = [device for some in devices.values() for device in some]

        async def all_here() -> bool:
            return all(device.connected for device in everybody)

        async def ready() -> bool:
            return (await api.get("/readyz")).status == 200

        talking = asyncio.create_task(talk_all(talks, devices, messages=20, dice=dice))
        for _ in range(2):
            await eventually(all_here, timeout=120)
            proxy.cut(len(everybody), dice)
            # On a slow machine all slots for handshakes are taken for a moment, and no longer.
            await eventually(ready, timeout=120)
        await talking
        await check(talks, devices, messages=20)
        await asyncio.gather(*(device.close() for device in everybody))
    await proxy.stop()


async def test_a_read_state_plus_live_events_is_the_current_state(
    api: Api, app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    """Promise T4 for every sort of change: a client that reads over HTTP first, then listens, while others go on."""
    dice, people, chat = random.Random(4), [pair.anna, pair.boris], app[CHAT]
    path = f"/api/v1/conversations/{pair.id}/"

    async def state() -> tuple[dict[int, dict[str, Any]], dict[int, int]]:
        # The messages first: they say where to go on, and nothing that is read after them is older.
        page = await _json(await api.get(f"{path}messages/", params={"page_size": 100}, as_=pair.boris))
        conversation = await _json(await api.get(path, as_=pair.boris))
        marks = {pair.boris.id: conversation["read_number"], pair.anna.id: conversation["other_read_number"]}
        return {message["id"]: message for message in page["results"]}, marks

    async def reader() -> tuple[dict[int, dict[str, Any]], dict[int, int]]:
        messages, marks = await state()
        socket = await websockets.open(pair.path, pair.boris, params={"events": "1", "after": max(messages, default=0)})
        # A slow reader finds the end in what it read, and is told nothing more.
        while all(message["message"] != _END for message in messages.values()):
            frame = await socket.hear()
            if frame["type"] == "read":
                marks[frame["account_id"]] = max(frame["number"], marks[frame["account_id"]])
            elif "id" in frame:
                messages[frame["id"]] = {key: value for key, value in frame.items() if key != "type"}
        return messages, marks

    reading = []
    for step in range(60):
        if step % 6 == 0:
            reading.append(asyncio.create_task(reader()))
        await something_happens(chat, dice, people, pair.id)
    await chat.send(actor(pair.anna), pair.id, _END)
    found, now = await asyncio.gather(*reading), await state()
    for ours in found:
        assert ours == now


async def test_events_reach_members_only(make_settings: Callable[..., Settings]) -> None:
    """Promise T9: every sort of event, against the list of those who may hear it."""
    settings = make_settings(SOCKETS__TYPING=True, SOCKETS__PRESENCE=True)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        factory, chat, dice = Factory(app), app[CHAT], random.Random(9)
        people = [await factory.person(channel="market") for _ in range(8)]
        # A ring: everybody talks to two, and is a stranger to the others.
        ring = {
            (await chat.open(actor(one), other.id)).conversation.id: (one, other)
            for one, other in zip(people, [*people[1:], people[0]], strict=True)
        }

        async def opened(path: str, person: Person) -> Listener:
            return Listener(await client.ws_connect(path, params={"events": "1", "token": person.token}))

        sockets = [
            (id_, await opened(f"/ws/conversations/{id_}/", person)) for id_, pair in ring.items() for person in pair
        ]
        news = [(person, await opened("/ws/notifications/", person)) for person in people]
        for _ in range(150):
            id_ = dice.choice(list(ring))
            await something_happens(chat, dice, list(ring[id_]), id_)
        for _, socket in sockets:
            await socket.say(type="typing")
        # By the sockets themselves, each of which is read in order.
        for _, socket in sockets[::2]:
            await socket.say(message=_END)
        heard: Counter[str] = Counter()
        for id_, socket in sockets:
            members = {person.id for person in ring[id_]}
            async for frame in _until_the_end(socket):
                heard[frame["type"]] += 1
                assert frame.get("conversation_id", id_) == id_
                assert frame.get("account_id", min(members)) in members
                assert frame.get("sender", {"id": min(members)})["id"] in members
        assert set(heard) == {"message", "edited", "deleted", "read", "typing", "presence"}
        for person, socket in news:
            mine = {id_ for id_, pair in ring.items() if person in pair}
            async for frame in _until_silent(socket):
                assert (frame["type"], frame["data"]["conversation_id"] in mine) == ("message", True)


async def _until_the_end(socket: Listener) -> Any:
    while (frame := await socket.hear()).get("message") != _END:
        yield frame


async def _until_silent(socket: Listener) -> Any:
    while True:
        try:
            yield (await socket.socket.receive_json(timeout=0.2))
        except TimeoutError:
            return


async def _json(answer: ClientResponse) -> Any:
    assert answer.status == 200
    return await answer.json()
