"""A client of a socket: says, hears, and remembers nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import ClientWebSocketResponse, WSMsgType

_PATIENCE = 30.0


class Listener:
    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, **frame: Any) -> None:
        await self.socket.send_str(orjson.dumps(frame).decode())

    async def hear(self) -> dict[str, Any]:
        """The next frame; AssertionError when the socket is closed instead."""
        message = await self.socket.receive(_PATIENCE)
        assert message.type is WSMsgType.TEXT, f"{message.type!r} {message.data!r} {message.extra!r}"
        frame: dict[str, Any] = orjson.loads(message.data)
        return frame

    async def hear_several(self, number: int) -> list[dict[str, Any]]:
        return [await self.hear() for _ in range(number)]

    async def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing is heard for so long. Uses the socket up."""
        try:
            await self.socket.receive(seconds)
        except TimeoutError:
            return True
        return False

    async def farewell(self) -> tuple[int, str]:
        """Code and reason of the closing, and nothing may be said before it."""
        message = await self.socket.receive(_PATIENCE)
        assert message.type is WSMsgType.CLOSE, f"{message.type!r} {message.data!r}"
        return int(message.data), message.extra or ""

    async def code(self) -> int:
        """The code of the closing, whatever is said before it; 1006 when the connection breaks without one."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                message = await self.socket.receive()
                if message.type is WSMsgType.CLOSE:
                    return int(message.data)
                if message.type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSING):
                    return self.socket.close_code or 1006

    async def close(self) -> None:
        await self.socket.close()
