"""A WebSocket that was closed leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientSession

from tests.conftest import Api
from tests.factory import Factory
from tests.waiting import eventually

#: More frames than a minute allows; most of them arrive after the close frame.
_FLOOD = b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 200_000


async def test_many_frames_leave_no_timer_that_keeps_the_websocket(api: Api, factory: Factory) -> None:
    person = await factory.person()
    headers = {"Authorization": f"Bearer {person.token}"}
    for _ in range(3):
        async with (
            ClientSession() as session,
            session.ws_connect(f"{api.url}/ws/notifications/", headers=headers) as socket,
        ):
            connection: Any = socket._conn
            connection.transport.write(_FLOOD)
            while not socket.closed:
                await socket.receive()
        assert socket.close_code == 4429

    async def is_over() -> bool:
        return not _heartbeats()

    assert await eventually(is_over, 20)


def _heartbeats() -> list[Any]:
    """Timers of aiohttp's heartbeats that will still be called; each keeps its WebSocket."""
    loop: Any = asyncio.get_running_loop()
    return [one for one in loop._scheduled if getattr(one._callback, "__name__", "") == "_send_heartbeat"]
