"""What a client may send over an open WebSocket, and what closes it."""

from __future__ import annotations

import asyncio
import random

import orjson
import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.kit.realtime.connection import CloseCode
from tests.factory import Factory, actor
from tests.realtime.conftest import Pair, WebSockets
from tests.subtests import as_subtests


async def test_an_invalid_frame_is_refused_and_the_websocket_stays_open(
    websockets: WebSockets, factory: Factory, pair: Pair
) -> None:
    socket = await websockets.open(pair.path, pair.anna, headers={"Accept-Language": "en"})
    for text, code in (
        ("{", "frame_unreadable"),
        ("[]", "frame_unreadable"),
        ("null", "frame_unreadable"),
        ("{}", "nothing_said"),
        ('{"message": 5.5, "type": []}', "invalid"),
        ('{"message": "' + "x" * 5000 + '"}', "invalid"),
        ('{"message": "a\\u0000b"}', "invalid"),
        ('{"message": "x", "answer_to": 999999}', "answer_unknown"),
        ('{"message": "x", "file_ids": [999999], "client_id": "mine"}', "file_unknown"),
        ('{"type": "dance"}', "invalid"),
    ):
        await socket.socket.send_str(text)
        heard = await socket.hear()
        assert (heard["type"], heard["code"]) == ("error", code), text
        assert set(heard) >= {"error", "detail"}
        assert heard.get("client_id") == ("mine" if "mine" in text else None)
    await socket.say(message="всё ещё здесь")
    assert (await socket.hear())["message"] == "всё ещё здесь"


async def test_a_message_to_a_blocker_is_refused_in_a_frame(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    anna, boris = await websockets.open(pair.path, pair.anna), await websockets.open(pair.path, pair.boris)
    await app[CHAT].block(actor(pair.boris), pair.anna.id)
    await anna.say(message="эй")
    assert (await anna.hear())["code"] == "blocked_by_them"
    assert await boris.silent()


async def test_a_binary_frame_closes_the_websocket(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    await socket.socket.send_bytes(b"\x00\x01")
    assert (await socket.farewell())[0] == CloseCode.UNSUPPORTED_DATA


async def test_a_too_long_frame_closes_the_websocket(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    await socket.socket.send_str("x" * 70_000)
    assert await socket.code() == 1009


async def test_too_many_frames_close_the_websocket(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    for _ in range(130):
        await socket.socket.send_str("{}")
    assert await socket.code() == CloseCode.TOO_MANY_FRAMES


async def test_compression_is_not_agreed_to(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna, compress=15)
    assert not socket.socket.compress


@as_subtests
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x81\x84\0\0\0\0\xff\xfe\xfd\xfc",  # no UTF-8
        b"\xc1\x84\0\0\0\0abcd",  # compressed without negotiation
        b"\x83\x80\0\0\0\0",  # an opcode that means nothing
        b"\x09\x80\0\0\0\0",  # a ping in parts
        b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256,  # a ping too long
        b"\x88\x82\0\0\0\0\x03\xe7",  # a close with a code that must not be sent
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # of impossible length
    ],
)
async def test_malformed_frames_close_only_their_connection(websockets: WebSockets, pair: Pair, garbage: bytes) -> None:
    witness, socket = await websockets.open(pair.path, pair.boris), await websockets.open(pair.path, pair.anna)
    socket.socket._conn.transport.write(garbage)  # type: ignore[union-attr]
    assert await socket.code() in (1000, 1002, 1006, 1007, 1009)
    await witness.say(message="а я тут")
    assert (await witness.hear())["message"] == "а я тут"


async def test_an_unmasked_frame_is_a_protocol_error(app: web.Application, websockets: WebSockets, pair: Pair) -> None:
    """RFC 6455, 5.1; also when its header arrives byte by byte, and nothing of it is sent to others."""
    for pieces in ([b'\x81\x0f{"message": "a"}'], [b"\x81", b"\x0f", b'{"message": "a"}']):
        socket = await websockets.open(pair.path, pair.anna)
        transport = socket.socket._conn.transport  # type: ignore[union-attr]
        for piece in pieces:
            transport.write(piece)
            await asyncio.sleep(0.05)
        assert await socket.code() == 1002
    assert (await app[CHAT].conversation(actor(pair.anna), pair.id)).last_number == 0


async def test_masked_frames_in_any_pieces_are_read(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    payload = orjson.dumps({"message": "x" * 300})
    frame = b"\x81\xfe" + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload
    transport = socket.socket._conn.transport  # type: ignore[union-attr]
    for byte in frame[:20]:
        transport.write(bytes([byte]))
        await asyncio.sleep(0.001)
    transport.write(frame[20:] + frame)
    assert [one["number"] for one in await socket.hear_several(2)] == [1, 2]


async def test_empty_continuation_frames_count(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open(pair.path, pair.anna)
    transport = socket.socket._conn.transport  # type: ignore[union-attr]
    transport.write(b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 100_000)
    assert await socket.code() == CloseCode.TOO_MANY_FRAMES


async def test_random_frames_never_break_the_service(websockets: WebSockets, pair: Pair) -> None:
    """A short form of promise T11; the seed is fixed."""
    dice = random.Random(11)
    for _ in range(25):
        socket = await websockets.open(pair.path, pair.anna)
        transport = socket.socket._conn.transport  # type: ignore[union-attr]
        for _ in range(40):
            transport.write(dice.randbytes(dice.randrange(1, 200)))
        transport.close()
    witness = await websockets.open(pair.path, pair.boris)
    await witness.say(message="цел")
    assert (await witness.hear())["message"] == "цел"
