"""One open WebSocket, as those see it who have something to tell it.

Frames are written straight to the transport, whose buffer is the outbox: a frame is made once and shared by all who
get it, and what one socket may keep waiting is counted in bytes, exactly.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

from aiohttp import web

from mystar.kit.web.http import dumps

log = logging.getLogger(__name__)

#: From an entry of a log to a frame, or None for what a dialect has no word for.
Speak = Callable[[Any], bytes | None]

#: Bytes that may wait before a replay pauses, and seconds to look again whether they left.
_MUCH, _LOOK = 65_536, 0.02
#: Seconds for saying goodbye to somebody who may not listen; those after which one who takes no byte does not read.
_FAREWELL, _PATIENCE = 2.0, 6.0


class Closing(IntEnum):
    """Why we hang up: RFC 6455, 7.4.1, and from 4000 on our own."""

    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    #: Gone without a word.
    ABNORMAL = 1006
    #: The session has ended: sign in again.
    SESSION_ENDED = 4401
    #: Did not read what was sent: connect again with ``after``.
    TOO_SLOW = 4408
    #: Sent too many frames.
    TOO_MANY_FRAMES = 4429


def text_frame(data: Any) -> bytes:
    """The whole frame, as JSON text from a server: RFC 6455, 5.2, final, unmasked, uncompressed."""
    payload = dumps(data)
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class Peer:
    """Who is at the other end, how far he has been told, and the only way to tell him more.

    :param speak: his dialect. The same function for all who speak it.
    :param outbox_bytes: how much may wait for him.
    """

    # Thousands of them are open.
    __slots__ = (
        "_alarm",
        "_farewell",
        "_outbox_bytes",
        "_transport",
        "_written",
        "account_id",
        "gone",
        "position",
        "session_id",
        "socket",
        "speak",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        *,
        account_id: int,
        session_id: uuid.UUID,
        speak: Speak,
        outbox_bytes: int,
    ) -> None:
        self.socket, self._transport = socket, transport
        self.account_id, self.session_id = account_id, session_id
        self.speak = speak
        self._outbox_bytes = outbox_bytes
        self._written = 0
        self._farewell: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        #: Of the last entry that he was given.
        self.position = 0
        #: The code of our farewell; nothing is sent after it.
        self.gone: Closing | None = None

    def send(self, frame: bytes) -> None:
        """Give the frame to the network, soon.

        Who lets too much wait, or takes nothing for some seconds, is hung up on with `Closing.TOO_SLOW`.
        """
        if not self.is_open:
            return
        if self.waiting + len(frame) > self._outbox_bytes:
            self.hang_up(Closing.TOO_SLOW)
            return
        self._written += len(frame)
        self._transport.write(frame)
        if self._alarm is None and self.waiting > _MUCH:
            self._watch()

    def tell(self, data: Any) -> None:
        self.send(text_frame(data))

    @property
    def waiting(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size()

    @property
    def is_open(self) -> bool:
        """Whether it makes sense to say anything."""
        return self.gone is None and not self._transport.is_closing()

    async def drained(self) -> None:
        """Until little waits."""
        while self.waiting > _MUCH and self.is_open:  # noqa: ASYNC110 - transports tell nobody but their protocol
            await asyncio.sleep(_LOOK)

    def _watch(self) -> None:
        taken = self._written - self.waiting
        self._alarm = asyncio.get_running_loop().call_later(_PATIENCE, self._look, taken)

    def _look(self, taken: int) -> None:
        self._alarm = None
        if self.waiting <= _MUCH or not self.is_open:
            return
        if self._written - self.waiting == taken:
            self.hang_up(Closing.TOO_SLOW)
        else:
            self._watch()

    def hang_up(self, code: Closing, reason: str = "") -> None:
        """Say nothing more but goodbye. Returns at once."""
        if self.gone is None:
            self.gone = code
            self._farewell = asyncio.create_task(self._close(code, reason), name="farewell")

    async def gone_for_good(self) -> None:
        """Until goodbye has been said, if somebody hung up."""
        if self._farewell is not None:
            await self._farewell

    async def _close(self, code: Closing, reason: str) -> None:
        # Until the handshake is over there is nobody to talk to.
        if self.socket.prepared:
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(_FAREWELL):
                    await self.socket.close(code=code, message=reason.encode())
        # What is written leaves a little later. Whoever does not read would keep the rest in our memory.
        asyncio.get_running_loop().call_later(_FAREWELL, self._transport.abort)
