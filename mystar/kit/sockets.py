"""Open WebSockets of this process, so that a shutdown can tell them instead of dropping them."""

from __future__ import annotations

import asyncio
import weakref

from aiohttp import WSCloseCode, web

SOCKETS = web.AppKey("sockets", weakref.WeakSet)


async def close_sockets(app: web.Application) -> None:
    """Say 1001, going away: clients reconnect to whoever serves next."""
    farewells = [socket.close(code=WSCloseCode.GOING_AWAY, message=b"restart") for socket in set(app[SOCKETS])]
    await asyncio.gather(*farewells, return_exceptions=True)
