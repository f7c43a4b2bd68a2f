"""A shutdown says goodbye to open sockets instead of dropping them."""

from __future__ import annotations

import weakref

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from mystar.kit.sockets import SOCKETS, close_sockets


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    request.app[SOCKETS].add(socket)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


async def test_open_sockets_are_told_that_the_server_goes_away() -> None:
    app = web.Application()
    app[SOCKETS] = weakref.WeakSet()
    app.router.add_get("/", echo)
    app.on_shutdown.append(close_sockets)
    async with TestClient(TestServer(app)) as client:
        sockets = [await client.ws_connect("/") for _ in range(3)]
        for socket in sockets:
            await socket.send_str("слово")
            assert await socket.receive_str() == "слово"
        await sockets[0].close()
        await app.shutdown()
        for socket in sockets[1:]:
            farewell = await socket.receive()
            assert (farewell.type, farewell.data, farewell.extra) == (
                WSMsgType.CLOSE,
                WSCloseCode.GOING_AWAY,
                "restart",
            )
