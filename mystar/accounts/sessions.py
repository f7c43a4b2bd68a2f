"""Sessions (contract D6): every log-in makes one, its tokens name it, and when it ends they are worth nothing.

A session is asked for with every request, so the living ones are remembered for half a second. Whoever ends one in
this process forgets it at once; another process may believe in it for that half second, never longer.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mystar.accounts.model import Account, Actor, Door, SessionsEnded, SignedIn, Visitor
from mystar.accounts.repository import AccountRepository
from mystar.kit.clock import Clock
from mystar.kit.db import Database, Tx
from mystar.kit.tokens import ACCESS, REFRESH, TokenRefused, Tokens
from mystar.settings import TokenSettings

_REMEMBERED_SECONDS = 0.5
_REMEMBERED_SESSIONS = 10_000


@dataclass(frozen=True, slots=True)
class Lives:
    """How long the tokens of a door live; ``refresh`` None: the door has no refresh tokens."""

    access: timedelta
    refresh: timedelta | None


def lives_of(settings: TokenSettings) -> Mapping[Door, Lives]:
    """Contract D5."""

    def lives(access: int, refresh: int | None = None) -> Lives:
        return Lives(timedelta(seconds=access), timedelta(seconds=refresh) if refresh else None)

    return {
        "house": lives(settings.house_access, settings.house_refresh),
        "identity": lives(settings.identity_access, settings.identity_refresh),
        "studio": lives(settings.studio_access, settings.studio_refresh),
        "greetings": lives(settings.greetings_access),
        "messenger": lives(settings.messenger_access),
    }


class Sessions:
    """Makes, recognises and ends sessions."""

    def __init__(self, db: Database, *, tokens: Tokens, clock: Clock, settings: TokenSettings) -> None:
        self._db, self._tokens, self._clock = db, tokens, clock
        self._lives = lives_of(settings)
        self._memory = _Memory()

    async def open(self, tx: Tx, account: Account, visitor: Visitor, door: Door) -> SignedIn:
        """A new session and its tokens, good once ``tx`` is committed."""
        lives, now, session_id = self._lives[door], self._clock.now(), uuid.uuid4()
        expires_at = now + (lives.refresh or lives.access)
        await AccountRepository(tx).add_session(session_id, account.id, door, visitor, now, expires_at)
        access = self._token(ACCESS, account.id, session_id, account.email, min(now + lives.access, expires_at))
        refresh = self._token(REFRESH, account.id, session_id, account.email, expires_at) if lives.refresh else None
        return SignedIn(account, session_id, access, refresh)

    async def authenticate(self, access: str) -> Actor:
        """Whose living access token this is.

        :raises TokenRefused: forged, expired, a refresh token, its session ended, or its account blocked.
        """
        claims = self._tokens.read(access, ACCESS)
        actor = self._memory.recall(claims.session_id)
        if actor is None:
            asked_at, age = time.monotonic(), self._memory.age
            row = await self._living(claims.session_id)
            actor = Actor(row["id"], row["session_id"], row["username"], row["role"])
            self._memory.remember(actor, asked_at, age)
        if actor.id != claims.account_id:
            raise TokenRefused
        return actor

    async def refresh(self, token: str) -> str:
        """A new access token of the refresh token's session (contract D7: the refresh token itself stays).

        :raises TokenRefused: as for `authenticate`, or an access token.
        """
        claims = self._tokens.read(token, REFRESH)
        row = await self._living(claims.session_id)
        if row["id"] != claims.account_id:
            raise TokenRefused
        expires_at = min(self._clock.now() + self._lives[row["door"]].access, row["expires_at"])
        return self._token(ACCESS, row["id"], row["session_id"], row["email"], expires_at)

    async def end(self, tx: Tx, account_id: int, *, reason: str, session_id: uuid.UUID | None = None) -> int:
        """End one session of the account, or all of them; answers how many were alive."""
        ended = await AccountRepository(tx).end_sessions(account_id, session_id, reason, self._clock.now())

        async def forget() -> None:
            self._memory.forget(account_id)

        tx.after_commit(forget)
        await tx.publish(SessionsEnded(account_id, session_id, reason))
        return ended

    def _token(self, mode: str, account_id: int, session_id: uuid.UUID, email: str | None, expires_at: datetime) -> str:
        return self._tokens.issue(
            mode,
            account_id=account_id,
            session_id=session_id,
            user_name=email or "",
            issued_at=self._clock.now(),
            expires_at=expires_at,
        )

    async def _living(self, session_id: uuid.UUID) -> dict[str, Any]:
        row = await AccountRepository(self._db).living_session(session_id, self._clock.now())
        if row is None:
            raise TokenRefused
        return row


class _Memory:
    """Who was alive a moment ago, the longest known first."""

    def __init__(self) -> None:
        self._actors: OrderedDict[uuid.UUID, tuple[Actor, float]] = OrderedDict()
        #: Grows with every ending: what was asked before it must not be remembered after it.
        self.age = 0

    def recall(self, session_id: uuid.UUID) -> Actor | None:
        actor, until = self._actors.get(session_id, (None, 0.0))
        return actor if time.monotonic() < until else None

    def remember(self, actor: Actor, asked_at: float, age: int) -> None:
        if age != self.age:
            return
        self._actors.pop(actor.session_id, None)
        self._actors[actor.session_id] = (actor, asked_at + _REMEMBERED_SECONDS)
        while len(self._actors) > _REMEMBERED_SESSIONS:
            self._actors.popitem(last=False)

    def forget(self, account_id: int) -> None:
        self.age += 1
        for session_id in [key for key, (actor, _) in self._actors.items() if actor.id == account_id]:
            del self._actors[session_id]
