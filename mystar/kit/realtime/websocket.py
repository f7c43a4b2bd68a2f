"""WebSockets: the handshake, what clients may send, and how a connection ends.

Everything that can be refused is refused before the upgrade, as an ordinary answer in JSON. Nothing is compressed, so
that neither a compression bomb nor a guess at a secret by its compressed length is possible.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket as sockets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import orjson
import structlog
from aiohttp import WSMessage, WSMsgType, web
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from mystar.errors import Forbidden, MystarError, Text, TooMany, Unavailable, Unexpected, Unreadable
from mystar.kit.background import every
from mystar.kit.realtime.connection import CloseCode, Connection, Encoder
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.web.cors import ORIGINS
from mystar.kit.web.http import PUBLIC_URL, REQUEST_ID
from mystar.kit.web.live_protocol import LiveSocket
from mystar.kit.web.server import ApiProtocol
from mystar.kit.web.validation import is_nested_deeply

log = logging.getLogger(__name__)

#: Of ``Sec-WebSocket-Protocol``: the protocol that we answer; what follows it is the access token (D33).
BEARER = "bearer"
#: Pongs a minute that answer the server's own heartbeat and do not count as frames of the client.
_PONGS = 4
_BYTE_ORDER_MARK = "\ufeff"
#: Unsent bytes that the kernel buffers for one connection.
_UNSENT = 131_072


class WebSocketSettings(BaseModel):
    """The settings ``sockets``: limits of open WebSockets, and when they are closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Seconds between pings of the server; the pong is due in half of them (promise T7).
    heartbeat_seconds: float = Field(ge=1, le=40)
    #: Of one account, in one process.
    sockets_per_person: int = Field(ge=1)
    #: Bytes of one incoming frame.
    frame_bytes: int = Field(ge=1024, le=1_048_576)
    #: Incoming frames of one socket.
    frames_per_minute: int = Field(ge=1)
    #: Bytes that may wait for a slow reader.
    outbox_bytes: int = Field(ge=65_536)
    #: Missed entries that are sent again; a client that missed more is sent a gap instead.
    replay: int = Field(ge=1)
    #: Seconds between searches for entries that no message of the bus announced.
    sweep_seconds: float = Field(gt=0)
    #: Seconds between searches for ended sessions.
    recheck_seconds: float = Field(gt=0)
    #: Whether the parties of a conversation are told who is typing.
    typing: bool
    #: Whether the parties of a conversation are told who is online.
    presence: bool


WEBSOCKET_SETTINGS: web.AppKey[WebSocketSettings] = web.AppKey("websocket_settings")
#: Limits how many handshakes run at a time.
HANDSHAKES: web.AppKey[asyncio.Semaphore] = web.AppKey("handshakes")
_SLOT = web.RequestKey("handshake_slot", object)
#: Handshakes at a time, and seconds to wait for a slot. Those at a time share their statements; thousands of clients
#: that reconnect at once would keep all other requests waiting (promise T6).
_MAX_HANDSHAKES, _SLOT_SECONDS = 8, 30.0


def add_hub(app: web.Application, bus: Bus, registry: CollectorRegistry, settings: WebSocketSettings) -> None:
    """Add the hub to the application, connected to the bus while the application runs."""
    app[HUB] = hub = Hub(bus, registry, sweep_seconds=settings.sweep_seconds)
    app[WEBSOCKET_SETTINGS], app[HANDSHAKES] = settings, asyncio.Semaphore(_MAX_HANDSHAKES)
    app.cleanup_ctx.append(bus.running)
    app.cleanup_ctx.append(every(0.5, hub.tick, name="sweep of topics"))


#: What happens on an open connection, until it is closed.
Live = Callable[[Connection], Awaitable[None]]


class UpgradeNeeded(Unreadable):
    """A request without an upgrade at the address of a WebSocket."""

    code = "upgrade_needed"
    text = Text("Здесь отвечает только WebSocket.", "Only WebSocket is spoken here.")


class ForeignOrigin(Forbidden):
    """A WebSocket from a page whose origin is not allowed."""

    code = "foreign_origin"
    text = Text("С этого сайта подключаться нельзя.", "This site may not connect.")


class FrameUnreadable(Unreadable):
    """A frame of a WebSocket is not a JSON object."""

    code = "frame_unreadable"
    text = Text("Ожидается объект JSON.", "A JSON object is expected.")


async def open_socket(
    request: web.Request,
    *,
    account_id: int,
    session_id: uuid.UUID,
    encoder: Encoder,
    reauthenticate: Callable[[], Awaitable[object]],
    live: Live,
) -> web.WebSocketResponse:
    """Do the handshake, and return the response whose ``live`` runs when the middlewares have ended.

    :param reauthenticate: called once the hub knows the connection, so that no end of the session is missed; raises if
        the session has ended.
    :raises UpgradeNeeded: an ordinary request. :raises ForeignOrigin: a page of an origin that is not allowed.
    :raises TooMany: the account has too many WebSockets open. :raises Unavailable: the process goes away.
    """
    settings, hub = request.app[WEBSOCKET_SETTINGS], request.app[HUB]
    _refuse_while_leaving(request)
    socket = _socket_of(request, settings)
    _require_known_origin(request)
    if hub.connection_count(account_id) >= settings.sockets_per_person:
        raise TooMany(retry_after=30)
    if request.transport is None:
        raise ConnectionResetError
    _limit_kernel_buffer(request.transport)
    connection = Connection(
        socket,
        request.transport,
        account_id=account_id,
        session_id=session_id,
        encoder=encoder,
        outbox_bytes=settings.outbox_bytes,
    )
    hub.register(connection)
    try:
        await reauthenticate()
        await socket.prepare(request)
        _limit_frames(request, connection, settings.frames_per_minute + _PONGS)
    except BaseException:
        await _end(hub, connection)
        raise
    _release_slot(request)
    # From here on nothing may hold the request.
    socket.live = partial(_live, hub, request.path, request.get(REQUEST_ID), connection, live)
    return socket


def _socket_of(request: web.Request, settings: WebSocketSettings) -> LiveSocket:
    """:raises UpgradeNeeded:"""
    socket = LiveSocket(
        heartbeat=settings.heartbeat_seconds,
        max_msg_size=settings.frame_bytes,
        compress=False,
        autoping=False,
        protocols=offered_protocols(request)[:1],
    )
    if not socket.can_prepare(request):
        raise UpgradeNeeded
    return socket


async def _live(hub: Hub, path: str, request_id: str | None, connection: Connection, live: Live) -> None:
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        if connection.close_code:
            # Closed during the handshake.
            await connection.send_close_frame()
        await live(connection)
    except ConnectionError:
        raise
    except Exception:
        log.exception("unexpected error in the WebSocket %s", path)
    finally:
        await _end(hub, connection)


async def _end(hub: Hub, connection: Connection) -> None:
    hub.unregister(connection)
    # Or aiohttp would send a close frame of its own.
    await connection.wait_closed()


@asynccontextmanager
async def handshake_slot(request: web.Request) -> AsyncIterator[None]:
    """Hold a slot around everything that opens a WebSocket. It is released after the handshake, before the block ends.

    :raises Unavailable: too many are waiting, or the process goes away.
    """
    slots = request.app[HANDSHAKES]
    if slots.locked():
        try:
            async with asyncio.timeout(_SLOT_SECONDS):
                await slots.acquire()
        except TimeoutError as error:
            raise Unavailable(retry_after=random.randint(1, 10)) from error
    else:
        # Does not wait, so it needs no alarm.
        await slots.acquire()
    request[_SLOT] = True
    try:
        # Before its statements: those who waited for the slot shall not hold up the stop.
        _refuse_while_leaving(request)
        yield
    finally:
        _release_slot(request)


def _refuse_while_leaving(request: web.Request) -> None:
    if request.app[HUB].leaving:
        raise Unavailable(retry_after=random.randint(1, 10))


def _release_slot(request: web.Request) -> None:
    if request.get(_SLOT):
        request[_SLOT] = False
        request.app[HANDSHAKES].release()


async def incoming_frames(connection: Connection) -> AsyncIterator[dict[str, Any] | FrameUnreadable]:
    """The JSON objects that the client sends, or an error in place of a text that is none. Ends with the WebSocket."""
    async for message in connection.socket:
        if connection.close_code or message.type is WSMsgType.ERROR:
            return
        if message.type is WSMsgType.PING:
            await connection.socket.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            yield _parse(message)
        elif message.type is WSMsgType.BINARY:
            connection.close(CloseCode.UNSUPPORTED_DATA)
            return


def error_frame(error: MystarError, language: str, **further: Any) -> dict[str, Any]:
    """An error as the market dialect shows it, as the content of a frame."""
    words = error.message(language)
    frame = {"type": "error", "error": words, "detail": words, "code": error.code, **further}
    if "retry_after" in error.details:
        frame["retry_after"] = error.details["retry_after"]
    if error.fields:
        frame["errors"] = error.field_messages(language)
    return frame


async def answer_frames(
    connection: Connection, language: str, answer: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Call ``answer`` with each frame until the WebSocket closes; its errors are sent as frames."""
    async for frame in incoming_frames(connection):
        error: MystarError
        try:
            if isinstance(frame, FrameUnreadable):
                raise frame
            await answer(frame)
            continue
        except MystarError as refused:
            error = refused
        except Exception:
            log.exception("unexpected error in a frame of a WebSocket")
            error = Unexpected()
        client_id = frame.get("client_id") if isinstance(frame, dict) else None
        connection.send_json(
            error_frame(error, language, **({"client_id": client_id} if isinstance(client_id, str) else {}))
        )


def offered_protocols(request: web.Request) -> tuple[str, ...]:
    """``bearer, <token>``: what a browser can send instead of a header (D33). Empty for anything else."""
    offered = tuple(part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return offered if len(offered) == 2 and offered[0].lower() == BEARER else ()


async def close_sockets(app: web.Application) -> None:
    """Close with 1001, going away: clients connect again to the next process."""
    await app[HUB].close()


def _limit_kernel_buffer(transport: asyncio.Transport) -> None:
    """Let unsent bytes wait in the process, where they are counted.

    The kernel would buffer megabytes for a client that does not read, so that this would not be noticed for long
    (Linux, tcp(7), TCP_NOTSENT_LOWAT).
    """
    socket = transport.get_extra_info("socket")
    if socket is not None and hasattr(sockets, "TCP_NOTSENT_LOWAT"):
        # Not every family has it.
        with suppress(OSError):
            socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NOTSENT_LOWAT, _UNSENT)


def _require_known_origin(request: web.Request) -> None:
    """Browsers send the origin of the page, and no preflight comes before a WebSocket (promise S13)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    if origin not in _own_origins(request) and not request.app[ORIGINS].allows(origin):
        raise ForeignOrigin


def _own_origins(request: web.Request) -> Iterator[str]:
    """The public one, and the one that the request was sent to, if its ``Host`` is a host."""
    yield str(URL(request.app[PUBLIC_URL]).origin())
    with suppress(ValueError):
        yield str(request.url.origin())


def _limit_frames(request: web.Request, connection: Connection, per_minute: int) -> None:
    protocol = request.protocol
    assert isinstance(protocol, ApiProtocol), "WebSockets are served by ApiServer"
    if protocol.frame_guard is not None:
        protocol.frame_guard.limit(per_minute, lambda: connection.close(CloseCode.TOO_MANY_FRAMES))


def _parse(message: WSMessage) -> dict[str, Any] | FrameUnreadable:
    try:
        frame = orjson.loads(message.data.removeprefix(_BYTE_ORDER_MARK))
    except ValueError:
        return FrameUnreadable()
    return frame if isinstance(frame, dict) and not is_nested_deeply(frame) else FrameUnreadable()
