"""WebSockets of accounts: opened with an active session, closed when it ends (D6, D33)."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from itertools import islice

from aiohttp import web

from mystar.accounts.access import actor_of, socket_token_of
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import SessionsEnded
from mystar.accounts.sessions.service import Sessions
from mystar.errors import Unauthenticated
from mystar.kit.background import every
from mystar.kit.events import Events
from mystar.kit.realtime import websocket
from mystar.kit.realtime.connection import CloseCode, Encoder
from mystar.kit.realtime.hub import Hub

#: Topic of the bus.
_TOPIC = "session"
#: Sessions of one query.
_BATCH = 1000


async def open_socket(request: web.Request, encoder: Encoder, live: websocket.Live) -> web.WebSocketResponse:
    """The WebSocket of a ``@login_required_socket`` handler's actor. Raises as `websocket.open_socket` does."""
    actor = actor_of(request)

    async def reauthenticate() -> None:
        token = socket_token_of(request)
        if token is None:
            raise Unauthenticated
        await request.app[ACCOUNTS].authenticate(token)

    return await websocket.open_socket(
        request,
        account_id=actor.id,
        session_id=actor.session_id,
        encoder=encoder,
        reauthenticate=reauthenticate,
        live=live,
    )


def session_watch(
    sessions: Sessions, hub: Hub, events: Events, seconds: float
) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context that closes WebSockets whose session has ended. :param seconds: see `SessionWatch`."""
    return every(0.5, SessionWatch(sessions, hub, events, seconds=seconds).tick, name="search for ended sessions")


class SessionWatch:
    """Closes WebSockets when their session ends, in this process or another.

    The end of a session is published on the bus. What messages may miss (an expiry, a broken bus, a process killed
    before it could publish) is found by checking all sessions with open WebSockets, more often while the bus is down.

    :param seconds: between checks while the bus works.
    """

    def __init__(self, sessions: Sessions, hub: Hub, events: Events, *, seconds: float) -> None:
        self._sessions, self._hub, self._seconds = sessions, hub, seconds
        self._checked_at = time.monotonic()
        events.after_commit(SessionsEnded, self._ended)
        self._hub.bus.subscribe(_TOPIC, self._received)
        self._hub.bus.on_gap(self._messages_lost)

    async def tick(self) -> None:
        """Check when it is time. Call twice a second."""
        if not self._hub.bus.connected or time.monotonic() - self._checked_at >= self._seconds:
            await self.check()

    async def check(self) -> None:
        """Close the WebSockets of sessions that are no longer active, in a few queries."""
        self._checked_at = time.monotonic()
        sessions = self._hub.sessions()
        left = iter(sessions)
        while batch := list(islice(left, _BATCH)):
            active = await self._sessions.active_among(batch)
            for session_id in batch:
                if session_id not in active:
                    self._hub.close_connections(sessions[session_id], session_id, CloseCode.SESSION_ENDED)

    async def _ended(self, event: SessionsEnded) -> None:
        self._hub.close_connections(event.account_id, event.session_id, CloseCode.SESSION_ENDED)
        self._hub.bus.publish(_TOPIC, event.account_id, event.session_id or "")

    def _received(self, account: str, session: str) -> None:
        self._sessions.forget(int(account))
        self._hub.close_connections(int(account), uuid.UUID(session) if session else None, CloseCode.SESSION_ENDED)

    def _messages_lost(self) -> None:
        # A WebSocket that is opened after the check, with a session from the cache, would stay until the next one.
        self._sessions.forget_all()
        self._checked_at = float("-inf")
