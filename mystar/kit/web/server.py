"""The HTTP server: aiohttp's, with limits of connections, deadlines, and errors in the dialects of the API."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import _ErrInfo

from mystar.errors import Unavailable, Unreadable
from mystar.kit.background import cancel_and_wait
from mystar.kit.security.rate_limits import network_of
from mystar.kit.web.frame_guard import FrameGuard
from mystar.kit.web.http import Networks, inside
from mystar.kit.web.live_protocol import HandedOver, LiveProtocol, LiveSocket
from mystar.kit.web.strict_multipart import StrictRequest

log = logging.getLogger(__name__)

#: Bytes of a malformed head that are kept, to find its path and its origin.
_KEPT_HEAD = 4096
#: Bytes per second that a client has to read of an answer.
_SLOWEST_READER = 1024
#: Seconds between checks of deadlines.
_CHECK_SECONDS = 1.0
#: Files for everything but connections of clients, a limit that is enough, and one that deserves a warning.
_RESERVED_FILES, _MANY_FILES, _FEW_CONNECTIONS = 256, 1_048_576, 3840
#: Connections beyond the limit on which health alone is answered, its paths, and seconds between two warnings.
_HEALTH_CONNECTIONS, _HEALTH, _WARN_SECONDS = 16, {"/healthz", "/readyz", "/metrics"}, 10.0
#: After which a client that met the limit may come again.
_RETRY_SECONDS = 5
#: For the head of a request beyond the limit, so that silent connections do not keep health from being answered.
_HEALTH_HEAD_SECONDS = 1.0
#: Set on a request that is refused, since the host of its target is no name.
_HAS_NO_HOST = web.RequestKey("has_no_host", bool)
#: Makes the answer to a request that aiohttp refuses: from the request, its error and the bytes of its head.
Refusal = Callable[[web.Request, Exception, bytes], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of connections.

    :param head_seconds: until the head of a request is complete, from the connection or its first byte.
    :param keepalive_seconds: between two requests.
    :param write_seconds: in which a client reads at least so many kilobytes of an answer that waits for it.
    :param per_address: open connections of one client address (IPv6: one /64), except of ``trusted`` proxies.
    :param total: open connections of this process.
    """

    head_seconds: float
    keepalive_seconds: float
    write_seconds: float
    per_address: int
    total: int
    trusted: Networks = ()


CONNECTION_LIMITS = web.AppKey("connection_limits", ConnectionLimits)


def raise_open_files() -> None:
    """Raise the limit of open files of this process to the highest that is allowed, and warn when that is low."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else hard
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if max_connections() < _FEW_CONNECTIONS:
        log.warning("only %s connections are possible: raise the limit of open files (ulimit -n)", max_connections())


def max_connections() -> int:
    """Connections that leave enough files for the database, uploads and outgoing calls."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = _MANY_FILES if soft == resource.RLIM_INFINITY else soft
    return max(soft - _RESERVED_FILES, soft // 2)


class ApiProtocol(web.RequestHandler):
    """One connection of a client."""

    __slots__ = ("_group", "_head", "_head_since", "_payload", "_server", "_unread", "frame_guard", "only_health")

    def __init__(self, server: ApiServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._group = ""
        self._head = b""
        self._head_since: float | None = time.monotonic()
        self._payload: StreamReader = EMPTY_PAYLOAD
        #: When bytes of an answer were first found waiting for the client, and how many.
        self._unread: tuple[float, int] | None = None
        self.frame_guard: FrameGuard | None = None
        #: Opened beyond the limit: closed after one answer, and anything but a question about health is refused.
        self.only_health = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        self._group = network_of(address)
        if not self._server.admit(self, address, self._group):
            # The transports of uvloop are none of the classes of asyncio.
            cast(asyncio.Transport, transport).abort()
            self._force_close = True
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.release(self, self._group)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._upgraded:
            super().data_received(data)
            return
        count = self._request_count
        super().data_received(data)
        if self._request_count != count and self._messages:
            message, self._payload = self._messages[-1]
            self._head = (self._head + data)[:_KEPT_HEAD] if isinstance(message, _ErrInfo) else b""
            self._head_since = None
        elif data and self._payload.is_eof():
            # Bytes of a head that is not complete.
            self._head_since = self._head_since or time.monotonic()
            if len(self._head) < _KEPT_HEAD:
                self._head += data[:_KEPT_HEAD]

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        self.frame_guard = FrameGuard(parser)
        guarded: Any = self.frame_guard
        super().set_parser(guarded, data_received_cb)

    def hand_over(self, socket: LiveSocket) -> web.StreamResponse:
        """Let the WebSocket live on the connection without this protocol, which ends with its request."""
        live = self._server.connection_of_socket(self, self._group)
        live.take_over(self, socket)
        live.start(socket)
        return HandedOver()

    def close_if_late(self, now: float, head_seconds: float) -> None:
        """Close a connection whose client has not sent the head of its request in time."""
        allowed = min(head_seconds, _HEALTH_HEAD_SECONDS) if self.only_health else head_seconds
        if self._head_since is not None and now - self._head_since > allowed and not self._request_in_progress:
            self.force_close()

    def resume_writing(self) -> None:
        self._unread = None
        super().resume_writing()

    def abort_if_unread(self, now: float, write_seconds: float) -> None:
        """Abort a connection whose client does not read its answer; sockets have limits of their own."""
        transport = None if self._upgraded else self.transport
        waiting = transport.get_write_buffer_size() if transport else 0
        if transport is None or not waiting:
            self._unread = None
        elif self._unread is None:
            self._unread = now, waiting
        elif now - self._unread[0] > write_seconds:
            if self._unread[1] - waiting < write_seconds * _SLOWEST_READER:
                # Closing would wait until the client has read the rest.
                transport.abort()
            self._unread = now, waiting

    def _make_error_handler(self, err_info: _ErrInfo) -> Any:
        head, refuse = self._head, self._server.refuse

        async def handler(request: web.Request) -> web.StreamResponse:
            error = err_info.exc
            assert isinstance(error, Exception)
            response = await refuse(request, error, head)
            response.force_close()
            return response

        return handler


class ApiServer(web.Server):
    """All connections of the process.

    :param refuse: answers requests that aiohttp cannot parse.
    """

    def __init__(self, handler: Any, limits: ConnectionLimits, refuse: Refusal, **options: Any) -> None:
        # Packed bodies stay packed: only what reads them knows how much may come out, and ignored ones cost nothing.
        super().__init__(handler, keepalive_timeout=limits.keepalive_seconds, auto_decompress=False, **options)
        self.refuse = refuse
        self._limits = limits
        self._open: dict[ApiProtocol, None] = {}
        self._sockets: dict[LiveProtocol, None] = {}
        self._by_group: Counter[str] = Counter()
        self._checks: asyncio.TimerHandle | None = None
        self._warned_at = -_WARN_SECONDS

    def __call__(self) -> ApiProtocol:
        return ApiProtocol(self, loop=self._loop, **self._kwargs)

    def admit(self, connection: ApiProtocol, address: str, group: str) -> bool:
        """Count the connection; false if there are too many."""
        self._open[connection] = None
        self._by_group[group] += 1
        if self._checks is None:
            self._checks = self._loop.call_later(_CHECK_SECONDS, self._check_deadlines)
        beyond = len(self._open) + len(self._sockets) - self._limits.total
        connection.only_health = beyond > 0
        if connection.only_health:
            self._warn_of_the_limit()
        allowed = self._by_group[group] <= self._limits.per_address or inside(address, self._limits.trusted)
        return allowed and beyond <= _HEALTH_CONNECTIONS

    def _warn_of_the_limit(self) -> None:
        now = time.monotonic()
        if now - self._warned_at > _WARN_SECONDS:
            self._warned_at = now
            log.warning("%s connections are open, further ones are refused: raise ulimit -n", self._limits.total)

    def release(self, connection: ApiProtocol, group: str) -> None:
        if connection in self._open:
            del self._open[connection]
            self._leave(group)

    def connection_of_socket(self, connection: ApiProtocol, group: str) -> LiveProtocol:
        """Count a new one in place of the connection."""

        def release(socket: LiveProtocol) -> None:
            del self._sockets[socket]
            self._leave(group)

        live = LiveProtocol(self._loop, release)
        self._sockets[live] = None
        del self._open[connection]
        self.connection_lost(connection)
        return live

    def _leave(self, group: str) -> None:
        self._by_group[group] -= 1
        if not self._by_group[group]:
            del self._by_group[group]

    async def shutdown(self, timeout: float | None = None) -> None:
        await super().shutdown(timeout)
        tasks = [socket.task for socket in self._sockets if socket.task is not None]
        await cancel_and_wait(*tasks)

    def _check_deadlines(self) -> None:
        self._checks = None
        now = time.monotonic()
        for connection in tuple(self._open):
            connection.close_if_late(now, self._limits.head_seconds)
            connection.abort_if_unread(now, self._limits.write_seconds)
        if self._open:
            self._checks = self._loop.call_later(_CHECK_SECONDS, self._check_deadlines)


class ApiRunner(web.AppRunner):
    """Runs an application on an `ApiServer`."""

    def __init__(self, app: web.Application, limits: ConnectionLimits, refuse: Refusal, **options: Any) -> None:
        super().__init__(app, access_log=None, **options)
        self._limits, self._refuse = limits, refuse

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return ApiServer(
            _without_plain_text(plain.request_handler, self._refuse),
            self._limits,
            self._refuse,
            request_factory=_strict(plain.request_factory),
            **self._kwargs,
        )


def _strict(factory: Any) -> Any:
    """aiohttp's factory of requests, for requests that read forms strictly.

    It raises where the host of an absolute target is no name, ``http://xn--a.example/``; then nothing would answer the
    connection, or close it.
    """

    def make(message: Any, *others: Any) -> web.Request:
        try:
            request: web.Request = factory(message, *others, _cls=StrictRequest)
        except ValueError:
            request = factory(message._replace(url=message.url.relative()), *others, _cls=StrictRequest)
            request[_HAS_NO_HOST] = True
        return request

    return make


def _without_plain_text(handle: Any, refuse: Refusal) -> Any:
    """The application, with errors in front of its middlewares answered like those behind them."""

    async def handler(request: web.Request) -> web.StreamResponse:
        beyond = isinstance(request.protocol, ApiProtocol) and request.protocol.only_health
        try:
            if _HAS_NO_HOST in request:
                return await refuse(request, Unreadable(), b"")
            if beyond and request.path not in _HEALTH:
                return await refuse(request, Unavailable(retry_after=_RETRY_SECONDS), b"")
            response: web.StreamResponse = await handle(request)
            if isinstance(response, LiveSocket) and response.live is not None:
                if isinstance(request.protocol, ApiProtocol) and request.transport is not None:
                    return request.protocol.hand_over(response)
                # The client has gone already.
                await response.live()
            if beyond:
                response.force_close()
            return response
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return await refuse(request, error, b"")
        except ConnectionError as error:
            # The client has gone and gets no answer; 499 is what nginx logs then.
            log.debug("the client disconnected: %s %s: %r", request.method, request.path, error)
            return web.Response(status=499)

    return handler
