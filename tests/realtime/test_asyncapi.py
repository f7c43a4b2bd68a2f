"""The AsyncAPI document says what the running sockets do: every frame of a lively hour is held against it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.contracts.asyncapi import CLOSE_CODES
from mystar.kit.keys import DATABASE
from mystar.kit.realtime.connection import CloseCode
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, actor


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    answer = await api.get("/api/docs/asyncapi.json")
    assert answer.status == 200
    document: dict[str, Any] = await answer.json()
    return document


def resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [one for value in part.values() for one in references(value)]
    return [one for value in part for one in references(value)] if isinstance(part, list) else []


async def test_the_asyncapi_document_is_valid(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    for reference in references(document):
        assert resolved(document, reference)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
    told = {
        reference["$ref"].rpartition("/")[2] for one in document["operations"].values() for reference in one["messages"]
    }
    assert told == {name for channel in document["channels"].values() for name in channel["messages"]}


async def test_every_socket_is_described_and_nothing_else(app: web.Application, document: dict[str, Any]) -> None:
    served = {
        re.sub(r"\{(\w+)[^}]*\}", r"{\1}", resource.canonical)
        for resource in app.router.resources()
        if resource.canonical.startswith("/ws/") and resource.canonical.endswith("/")
    }
    assert served == {channel["address"] for channel in document["channels"].values()}


async def test_every_close_code_is_documented(document: dict[str, Any]) -> None:
    assert set(CLOSE_CODES) == set(CloseCode)
    assert set(document["x-close-codes"]) >= {str(int(code)) for code in CloseCode}


async def test_frames_match_the_document_and_all_of_them_occur(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(SOCKETS__TYPING=True, SOCKETS__PRESENCE=True, SOCKETS__REPLAY=3)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        document = await (await client.get("/api/docs/asyncapi.json")).json()
        heard = await lively_hour(app, client)
    for name, frames in heard.items():
        channel, operation = document["channels"][name], document["operations"][f"{name}.tell"]
        shapes = {
            reference["$ref"].rpartition("/")[2]: validator(document, resolved(document, reference["$ref"])["payload"])
            for reference in operation["messages"]
        }
        fitting = [[shape for shape, known in shapes.items() if known.is_valid(frame)] for frame in frames]
        strangers = [frame for frame, fits in zip(frames, fitting, strict=True) if not fits]
        assert not strangers, channel["address"]
        assert {shape for fits in fitting for shape in fits} == set(shapes), channel["address"]


async def lively_hour(app: web.Application, client: TestClient[Any, Any]) -> dict[str, list[dict[str, Any]]]:
    """Everything that can be told, by channel."""
    factory, chat = Factory(app), app[CHAT]
    anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
    conversation, _ = await chat.open(actor(anna), boris.id)
    path = f"/ws/conversations/{conversation.id}/?token={boris.token}"
    first = (await chat.send(actor(anna), conversation.id, "первое")).message
    sockets = {
        "conversation": [
            await client.ws_connect(f"{path}&after={first.id}&events=1"),
            await client.ws_connect(path),
        ],
        "notifications": [await client.ws_connect(f"/ws/notifications/?token={boris.token}&after=0")],
    }
    speaker = await client.ws_connect(f"/ws/conversations/{conversation.id}/?token={anna.token}")
    for frame in (
        {"type": "typing"},
        {"message": "второе", "client_id": "c"},
        {"type": "read"},
    ):
        await speaker.send_json(frame)
    await speaker.receive()
    await speaker.close()
    second = (await chat.send(actor(anna), conversation.id, "третье")).message
    await chat.edit(actor(anna), conversation.id, second.id, "третье, исправленное")
    await chat.delete(actor(anna), conversation.id, second.id)
    sockets["conversation"].append(await client.ws_connect(f"{path}&after=0&events=1"))
    await app[DATABASE].execute("update notification_boxes set forgotten_id = last_id")
    sockets["notifications"].append(await client.ws_connect(f"/ws/notifications/?token={boris.token}&after=0"))
    for some in sockets.values():
        for socket in some:
            await socket.send_str("{")
    return {name: [frame for socket in some for frame in await until_error(socket)] for name, some in sockets.items()}


async def until_error(socket: Any) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1].get("type") != "error":
        message = await socket.receive(10)
        assert message.type is WSMsgType.TEXT
        frames.append(message.json())
    return frames
