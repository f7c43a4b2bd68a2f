"""Sockets of people: opened with a living session, closed when it ends (D6, D33)."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
from mystar.kit.realtime.connection import Closing, Peer, Speak
from mystar.kit.realtime.hub import Hub

_NOTE = "session"
_AT_ONCE = 1000


@asynccontextmanager
async def opened(request: web.Request, speak: Speak) -> AsyncIterator[Peer]:
    """The socket of whoever asks, inside a ``@signed_in_socket`` handler; refusals as of `kit.websocket.opened`."""
    actor = actor_of(request)

    async def still_welcome() -> None:
        token = socket_token_of(request)
        if token is None:
            raise Unauthenticated
        await request.app[ACCOUNTS].authenticate(token)

    async with websocket.opened(
        request, account_id=actor.id, session_id=actor.session_id, speak=speak, still_welcome=still_welcome
    ) as peer:
        yield peer


def watching(sessions: Sessions, hub: Hub, events: Events, seconds: float) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context in which no socket outlives its session. :param seconds: see `SessionWatch`."""
    return every(0.5, SessionWatch(sessions, hub, events, seconds=seconds).tick, name="looking for ended sessions")


class SessionWatch:
    """Hangs up when a session ends, in this process or another.

    An ending is told by a note; what notes may miss (an expiry, a broken bus, a process that was killed before it could
    speak) is found by asking for all sessions with open sockets, the more often the less can be heard.

    :param seconds: between looks while the bus works.
    """

    def __init__(self, sessions: Sessions, hub: Hub, events: Events, *, seconds: float) -> None:
        self._sessions, self._hub, self._seconds = sessions, hub, seconds
        self._looked_at = time.monotonic()
        events.after_commit(SessionsEnded, self._ended)
        self._hub.bus.on(_NOTE, self._heard)
        self._hub.bus.on_gap(self._look_soon)

    async def tick(self) -> None:
        """To be called twice a second."""
        if not self._hub.bus.connected or time.monotonic() - self._looked_at >= self._seconds:
            await self.look()

    async def look(self) -> None:
        """Ask whether the sessions that have sockets here are alive; a few queries, however many they are."""
        self._looked_at = time.monotonic()
        everybody = self._hub.sessions()
        left = iter(everybody)
        while batch := list(islice(left, _AT_ONCE)):
            living = await self._sessions.living_among(batch)
            for session_id in batch:
                if session_id not in living:
                    self._hub.hang_up(everybody[session_id], session_id, Closing.SESSION_ENDED)

    async def _ended(self, event: SessionsEnded) -> None:
        self._hub.hang_up(event.account_id, event.session_id, Closing.SESSION_ENDED)
        self._hub.bus.say(_NOTE, event.account_id, event.session_id or "")

    def _heard(self, account: str, session: str) -> None:
        self._sessions.forget(int(account))
        self._hub.hang_up(int(account), uuid.UUID(session) if session else None, Closing.SESSION_ENDED)

    def _look_soon(self) -> None:
        self._looked_at = float("-inf")
