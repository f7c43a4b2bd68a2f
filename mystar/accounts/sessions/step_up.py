"""Step-up: sensitive actions need the password, or a session in which it or a factor was given a short time ago."""

from __future__ import annotations

from datetime import timedelta

from mystar.accounts.model import Actor, ReauthenticationFailed, ReauthenticationNeeded
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Queryable
from mystar.kit.security.passwords import Passwords

_MAX_AGE = timedelta(minutes=10)


class StepUp:
    """Asks for proof that the actor is the owner of the account, not of a stolen token."""

    def __init__(self, db: Database, *, passwords: Passwords, throttle: LoginThrottle, clock: Clock) -> None:
        self._db, self._passwords, self._throttle, self._clock = db, passwords, throttle, clock

    async def reauthenticate(self, actor: Actor, password: str) -> None:
        """Give the password again; the session counts as new for ten minutes.

        :raises ReauthenticationFailed: :raises TooMany:
        """
        await self._verify(actor, password)
        await AccountRepository(self._db).reauthenticate(actor.session_id, self._clock.now())

    async def require(self, actor: Actor, password: str | None = None) -> None:
        """Check the password, or without one, how recent the session is.

        :raises ReauthenticationNeeded: an older session. :raises ReauthenticationFailed: :raises TooMany:
        """
        if password is not None:
            await self._verify(actor, password)
        elif not await self.is_recent(actor):
            raise ReauthenticationNeeded

    async def require_recent(self, tx: Queryable, actor: Actor) -> None:
        """How recent the session is, within a transaction. :raises ReauthenticationNeeded: an older one."""
        if not await self.is_recent(actor, tx):
            raise ReauthenticationNeeded

    async def is_recent(self, actor: Actor, tx: Queryable | None = None) -> bool:
        """Whether the session began, or the password or a factor was given in it, within ten minutes."""
        given_at = await AccountRepository(tx or self._db).authenticated_at(actor.session_id)
        return given_at is not None and self._clock.now() - given_at <= _MAX_AGE

    async def _verify(self, actor: Actor, password: str) -> None:
        attempt = self._throttle.reauthentication(actor)
        await attempt.begin()
        stored = await AccountRepository(self._db).password_hash(actor.id)
        if not await self._passwords.verify(password, stored, account=actor.id):
            await attempt.failed()
            raise ReauthenticationFailed
