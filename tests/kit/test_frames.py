"""Frames are made by hand, for all who hear them at once; what is made must be what RFC 6455 says."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from mystar.kit.realtime.connection import text_frame


@pytest.mark.parametrize("size", [0, 1, 100, 113, 114, 200, 65_000, 65_520, 65_530, 200_000])
async def test_frames_of_every_length_are_read_by_a_client(size: int) -> None:
    said = {"text": "я" * (size // 2) + "x" * (size % 2)}

    async def speak(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.write(text_frame(said))
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", speak)
    async with TestClient(TestServer(app)) as client, client.ws_connect("/") as socket:
        heard = await socket.receive()
        assert (heard.type, orjson.loads(heard.data)) == (WSMsgType.TEXT, said)
        assert (await socket.receive()).type is WSMsgType.CLOSE
