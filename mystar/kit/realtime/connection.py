"""One open WebSocket: what is sent to it, how much of that waits, and why it is closed.

Frames are written straight to the transport, whose buffer is the send queue: a frame is encoded once and shared by all
connections that get it, and the bytes that wait for one connection are known exactly.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

from aiohttp import web

from mystar.kit.web.http import dumps

#: From an entry of a log to a frame, or None for an entry that this kind of client is not sent.
Encoder = Callable[[Any], bytes | None]

#: Bytes that may wait before a replay pauses, and seconds between checks whether they left.
_HIGH_WATER, _DRAIN_SECONDS = 65_536, 0.02
#: Seconds for the closing handshake, and seconds without progress after which the client counts as not reading.
_CLOSE_SECONDS, _STALL_SECONDS = 2.0, 6.0


class CloseCode(IntEnum):
    """Why the server closes a connection: RFC 6455, 7.4.1, and from 4000 on codes of this service."""

    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    #: The connection ended without a close frame; never sent.
    ABNORMAL = 1006
    #: The session has ended: sign in again.
    SESSION_ENDED = 4401
    #: The client did not read what was sent: connect again with ``after``.
    TOO_SLOW = 4408
    #: The client sent too many frames.
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


class Connection:
    """A WebSocket with its account and session, the position it has been sent up to, and its send queue.

    :param encoder: makes the frames; connections of one kind of client share the same function.
    :param outbox_bytes: how many bytes may wait to be sent.
    """

    # Thousands of them are open.
    __slots__ = (
        "_close_reason",
        "_close_task",
        "_outbox_bytes",
        "_stall_timer",
        "_transport",
        "_written",
        "account_id",
        "close_code",
        "encoder",
        "position",
        "session_id",
        "socket",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        *,
        account_id: int,
        session_id: uuid.UUID,
        encoder: Encoder,
        outbox_bytes: int,
    ) -> None:
        self.socket, self._transport = socket, transport
        self.account_id, self.session_id = account_id, session_id
        self.encoder = encoder
        self._outbox_bytes = outbox_bytes
        self._written = 0
        self._close_task: asyncio.Task[None] | None = None
        self._close_reason = b""
        self._stall_timer: asyncio.TimerHandle | None = None
        #: Of the last entry that was sent.
        self.position = 0
        #: The code that this server closed with; nothing is sent after it.
        self.close_code: CloseCode | None = None

    def send(self, frame: bytes) -> None:
        """Queue the frame. Never waits.

        Closes with `CloseCode.TOO_SLOW` if too much waits, or if the client takes nothing for some seconds.
        """
        if not self.is_open:
            return
        if self.waiting + len(frame) > self._outbox_bytes:
            self.close(CloseCode.TOO_SLOW)
            return
        self._written += len(frame)
        self._transport.write(frame)
        if self._stall_timer is None and self.waiting > _HIGH_WATER:
            self._start_stall_timer()

    def send_json(self, data: Any) -> None:
        self.send(text_frame(data))

    @property
    def waiting(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size()

    @property
    def is_open(self) -> bool:
        """Whether frames can still be sent."""
        return self.close_code is None and not self._transport.is_closing()

    async def drained(self) -> None:
        """Wait until little is queued, or the connection is closed."""
        while self.waiting > _HIGH_WATER and self.is_open:  # noqa: ASYNC110 - transports notify only their protocol
            await asyncio.sleep(_DRAIN_SECONDS)

    def _start_stall_timer(self) -> None:
        taken = self._written - self.waiting
        self._stall_timer = asyncio.get_running_loop().call_later(_STALL_SECONDS, self._check_progress, taken)

    def _check_progress(self, taken: int) -> None:
        self._stall_timer = None
        if self.waiting <= _HIGH_WATER or not self.is_open:
            return
        if self._written - self.waiting == taken:
            self.close(CloseCode.TOO_SLOW)
        else:
            self._start_stall_timer()

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send nothing more but a close frame. Returns at once."""
        if self.close_code is None:
            self.close_code, self._close_reason = code, reason.encode()
            self._close_task = asyncio.create_task(self._close_socket(), name="close of a WebSocket")

    async def wait_closed(self) -> None:
        """Wait for the close frame, if `close` was called."""
        if self._close_task is not None:
            await self._close_task

    async def send_close_frame(self) -> None:
        """Do the closing handshake, for two seconds at most."""
        assert self.close_code is not None
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.socket.close(code=self.close_code, message=self._close_reason)

    async def _close_socket(self) -> None:
        # Bytes that arrive after the close frame would set aiohttp's timer again, which keeps all of this for its time.
        self.socket._heartbeat = None
        # Before the end of the opening handshake no frame can be sent: `open_socket` sends it then.
        if self.socket.prepared:
            await self.send_close_frame()
            self.socket._cancel_heartbeat()
        # What is queued leaves a little later. A client that does not read would keep the rest in memory.
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)
