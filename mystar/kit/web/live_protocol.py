"""The connection of an open WebSocket, which takes the place of the HTTP connection after the handshake.

aiohttp's connection keeps the request with its headers, the parser of requests, two tasks and their frames as long as
the WebSocket is open. Thousands of them are: what is left of each here is what frames and heartbeats need.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol

from mystar.kit.web.frame_guard import FrameParser


class LiveSocket(web.WebSocketResponse):
    """A WebSocket that lives once the middlewares have returned it. Its handler sets ``live``."""

    live: Callable[[], Awaitable[None]] | None = None


class HandedOver(web.StreamResponse):
    """What the HTTP connection is told instead of an answer: nothing is left to be sent by it."""

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class LiveProtocol(BaseProtocol):
    """:param release: called when the connection is lost."""

    __slots__ = ("_frames", "_is_over", "_on_data", "_release", "task")

    #: Of requests: heartbeats are set to whole seconds when they are further away.
    _timeout_ceil_threshold: ClassVar[float] = 5

    def __init__(self, loop: asyncio.AbstractEventLoop, release: Callable[[LiveProtocol], None]) -> None:
        super().__init__(loop)
        self._upgraded, self._is_over = True, False
        self._frames: FrameParser | None = None
        self._on_data: Callable[[], None] | None = None
        self._release = release
        #: Runs the WebSocket.
        self.task: asyncio.Task[None] | None = None

    def take_over(self, connection: web.RequestHandler, socket: LiveSocket) -> None:
        """Let the HTTP connection end without closing the transport, and the WebSocket use this one.

        What the two of aiohttp know of each other is replaced: the request by this protocol, which has its transport.
        """
        transport = connection.transport
        assert transport is not None
        self.transport = transport
        self._paused, self._reading_paused = connection._paused, connection._reading_paused
        self._frames = cast(FrameParser, connection._payload_parser)
        self._on_data = connection._data_received_cb
        this = cast(Any, self)
        socket._req = socket._payload_writer = this
        writer, reader = cast(Any, socket._writer), cast(Any, socket._reader)
        writer.protocol = reader._protocol = this
        socket.headers.clear()
        transport.set_protocol(self)
        connection._payload_parser = connection._data_received_cb = connection.transport = None
        connection._upgraded = False
        connection.force_close()

    def start(self, socket: LiveSocket) -> None:
        """Run the WebSocket, in a context of its own: that of the request holds the request."""
        context = contextvars.Context()
        # The timer has the context in which it was set.
        socket._cancel_heartbeat()
        context.run(socket._reset_heartbeat)
        self.task = self._loop.create_task(self._run(socket), name="WebSocket", context=context)

    async def _run(self, socket: LiveSocket) -> None:
        assert socket.live is not None
        try:
            await socket.live()
            await socket.write_eof()
        except ConnectionError:
            # The client has gone.
            pass
        finally:
            if self.transport is not None:
                self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_over or self._frames is None:
            return
        if self._on_data is not None:
            self._on_data()
        self._is_over, _ = self._frames.feed_data(data)

    def eof_received(self) -> None:
        pass

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._release(self)
        if self._frames is not None:
            self._frames.feed_eof()
        self._frames = self._on_data = None

    # What a WebSocket of aiohttp asks of its request and of its writer.

    @property
    def _protocol(self) -> LiveProtocol:
        return self

    async def drain(self) -> None:
        await self._drain_helper()
