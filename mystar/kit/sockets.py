"""Open WebSockets of this process, so that a shutdown can tell them instead of dropping them."""

from __future__ import annotations

import asyncio
from collections.abc import MutableSet

from aiohttp import WSCloseCode, web

SOCKETS: web.AppKey[MutableSet[web.WebSocketResponse]] = web.AppKey("sockets")


async def close_sockets(app: web.Application) -> None:
    """Say 1001, going away: clients reconnect to whoever serves next."""
    sockets = app[SOCKETS]
    farewells = [socket.close(code=WSCloseCode.GOING_AWAY, message=b"restart") for socket in list(sockets)]
    await asyncio.gather(*farewells, return_exceptions=True)
