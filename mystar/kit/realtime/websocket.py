"""The manners of WebSockets: who may open one, what may come in, how it ends.

Everything that can be refused is refused before the upgrade, as an ordinary answer in JSON. Nothing is compressed, so
that neither a bomb nor a secret's length is worth trying.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket as sockets
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import WSMessage, WSMsgType, web
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from mystar.errors import Forbidden, MystarError, Text, TooMany, Unavailable, Unexpected, Unreadable
from mystar.kit.background import every
from mystar.kit.realtime.connection import Closing, Peer, Speak
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.web.http import PUBLIC_URL, language_of

log = logging.getLogger(__name__)

#: Of ``Sec-WebSocket-Protocol``: the protocol that we answer; what follows it is the access token (D33).
BEARER = "bearer"
_MINUTE = 60.0
#: Answers to our own heartbeat are nobody's frames.
_PONGS = 4
#: Bytes that the kernel takes beyond what it has sent.
_UNSENT = 131_072


class Manners(BaseModel):
    """The settings ``sockets``: what an open WebSocket may do, and when it is given up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Seconds between our pings; half as long for the pong (promise T7).
    heartbeat_seconds: float = Field(ge=1, le=40)
    #: Of one account, in one process.
    sockets_per_person: int = Field(ge=1)
    #: Bytes of one incoming frame, and how many of them.
    frame_bytes: int = Field(ge=1024, le=1_048_576)
    frames_per_minute: int = Field(ge=1)
    #: Bytes that may wait for a slow reader.
    outbox_bytes: int = Field(ge=65_536)
    #: Missed entries that are sent again; who missed more is told so.
    replay: int = Field(ge=1)
    #: Seconds between looks for news that no note told of, and for sessions that ended unheard.
    sweep_seconds: float = Field(gt=0)
    recheck_seconds: float = Field(gt=0)
    #: Whether others are told who is typing, and who is here.
    typing: bool
    presence: bool


MANNERS: web.AppKey[Manners] = web.AppKey("manners")
#: The doorway: who is opening a socket.
DOORWAY: web.AppKey[asyncio.Semaphore] = web.AppKey("doorway")
_TURN = web.RequestKey("turn", object)
#: Handshakes at a time, and seconds to wait for one's turn. After a storm thousands ask at once, and would fill the
#: database's pool in front of everybody else (promise T6).
_AT_ONCE, _TURN_SECONDS = 4, 30.0
#: Origins of pages that may connect, or "*".
ORIGINS: web.AppKey[tuple[str, ...]] = web.AppKey("origins")


def add_hub(
    app: web.Application, bus: Bus, registry: CollectorRegistry, manners: Manners, origins: tuple[str, ...]
) -> None:
    """Give the application its hub, connected to the bus while it runs."""
    app[HUB] = hub = Hub(bus, registry, sweep_seconds=manners.sweep_seconds)
    app[MANNERS], app[ORIGINS], app[DOORWAY] = manners, origins, asyncio.Semaphore(_AT_ONCE)
    app.cleanup_ctx.append(bus.running)
    app.cleanup_ctx.append(every(0.5, hub.tick, name="looking for news"))


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


@asynccontextmanager
async def opened(
    request: web.Request,
    *,
    account_id: int,
    session_id: uuid.UUID,
    speak: Speak,
    still_welcome: Callable[[], Awaitable[object]],
) -> AsyncIterator[Peer]:
    """Do the handshake; at the end of the block the socket is closed.

    :param still_welcome: asked once the hub knows the socket, so that no farewell can be missed; raises if not.
    :raises UpgradeNeeded: an ordinary request. :raises ForeignOrigin: a page of a site that is not on the list.
    :raises TooMany: sockets of this person.
    """
    manners, hub = request.app[MANNERS], request.app[HUB]
    _require_upgrade(request)
    _require_known_origin(request, request.app[ORIGINS])
    if hub.sockets_of(account_id) >= manners.sockets_per_person:
        raise TooMany(retry_after=30)
    socket = web.WebSocketResponse(
        heartbeat=manners.heartbeat_seconds,
        max_msg_size=manners.frame_bytes,
        compress=False,
        autoping=False,
        protocols=offered_protocols(request)[:1],
    )
    if request.transport is None:
        raise ConnectionResetError
    _keep_little_in_the_kernel(request.transport)
    peer = Peer(
        socket,
        request.transport,
        account_id=account_id,
        session_id=session_id,
        speak=speak,
        outbox_bytes=manners.outbox_bytes,
    )
    hub.enter(peer)
    try:
        await still_welcome()
        await socket.prepare(request)
        _end_turn(request)
        if peer.gone:
            # Hung up on in the middle of the handshake.
            await socket.close(code=peer.gone)
        yield peer
    finally:
        hub.leave(peer)
        # Or the server would say a goodbye of its own.
        await peer.gone_for_good()


@asynccontextmanager
async def in_turn(request: web.Request) -> AsyncIterator[None]:
    """Around everything that opens a socket; whoever is in gives up the place, long before the block ends.

    :raises Unavailable: too many wait.
    """
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await request.app[DOORWAY].acquire()
    except TimeoutError as error:
        raise Unavailable(retry_after=random.randint(1, 10)) from error
    request[_TURN] = True
    try:
        yield
    finally:
        _end_turn(request)


def _end_turn(request: web.Request) -> None:
    if request.get(_TURN):
        request[_TURN] = False
        request.app[DOORWAY].release()


async def incoming(peer: Peer, manners: Manners) -> AsyncIterator[dict[str, Any] | FrameUnreadable]:
    """JSON objects that the client sends, or why one of its texts is none. Ends when the socket does."""
    recent: deque[float] = deque(maxlen=manners.frames_per_minute + _PONGS)
    async for message in peer.socket:
        if peer.gone or message.type is WSMsgType.ERROR:
            return
        if _too_often(recent):
            peer.hang_up(Closing.TOO_MANY_FRAMES)
            return
        if message.type is WSMsgType.PING:
            await peer.socket.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            yield _read(message)
        elif message.type is WSMsgType.BINARY:
            peer.hang_up(Closing.UNSUPPORTED_DATA)
            return


def refusal(error: MystarError, language: str, **further: Any) -> dict[str, Any]:
    """What went wrong with a frame: the market dialect's error, as a frame."""
    words = error.message(language)
    frame = {"type": "error", "error": words, "detail": words, "code": error.code, **further}
    if "retry_after" in error.details:
        frame["retry_after"] = error.details["retry_after"]
    if error.fields:
        frame["errors"] = error.field_messages(language)
    return frame


async def answering(request: web.Request, peer: Peer, answer: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Have every incoming frame answered, until the end; what goes wrong with one is said in a frame."""
    language = language_of(request)
    async for frame in incoming(peer, request.app[MANNERS]):
        error: MystarError
        try:
            if isinstance(frame, FrameUnreadable):
                raise frame
            await answer(frame)
            continue
        except MystarError as refused:
            error = refused
        except Exception:
            log.exception("unexpected error in a frame of %s", request.path)
            error = Unexpected()
        client_id = frame.get("client_id") if isinstance(frame, dict) else None
        peer.tell(refusal(error, language, **({"client_id": client_id} if isinstance(client_id, str) else {})))


def offered_protocols(request: web.Request) -> tuple[str, ...]:
    """``bearer, <token>``: what a browser can say instead of a header (D33). Empty for anything else."""
    offered = tuple(part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return offered if len(offered) == 2 and offered[0].lower() == BEARER else ()


async def close_sockets(app: web.Application) -> None:
    """Say 1001, going away: clients reconnect to whoever serves next."""
    await app[HUB].close()


def _keep_little_in_the_kernel(transport: asyncio.Transport) -> None:
    """What was not sent yet shall wait where it is counted: the kernel would take megabytes for whoever does not read,
    and nobody would notice for long (Linux, tcp(7), TCP_NOTSENT_LOWAT)."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(sockets, "TCP_NOTSENT_LOWAT"):
        # Not of every family.
        with suppress(OSError):
            connection.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NOTSENT_LOWAT, _UNSENT)


def _require_upgrade(request: web.Request) -> None:
    if not web.WebSocketResponse(compress=False, protocols=offered_protocols(request)[:1]).can_prepare(request):
        raise UpgradeNeeded


def _require_known_origin(request: web.Request, origins: tuple[str, ...]) -> None:
    """Browsers always say where a page comes from, and ask nobody before they connect (promise S13)."""
    origin = request.headers.get("Origin")
    own = (str(request.url.origin()), str(URL(request.app[PUBLIC_URL]).origin()))
    if origin is not None and "*" not in origins and origin not in (*origins, *own):
        raise ForeignOrigin


def _too_often(recent: deque[float]) -> bool:
    now = time.monotonic()
    full = len(recent) == recent.maxlen and now - recent[0] < _MINUTE
    recent.append(now)
    return full


def _read(message: WSMessage) -> dict[str, Any] | FrameUnreadable:
    try:
        frame = orjson.loads(message.data)
    except ValueError:
        return FrameUnreadable()
    return frame if isinstance(frame, dict) else FrameUnreadable()
