"""Limits on guessing passwords (promise S4).

Failures are counted per client address and per account, so strangers can lock an account for a while. Its owner is not
affected: a device that logged in before has a signed cookie, and an application has a token of an active session. Their
failures are counted separately.
"""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Actor, ClientInfo
from mystar.accounts.sessions.service import Sessions
from mystar.kit.security.rate_limits import RateLimits


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to authenticate, and the limits that count it."""

    _limits: RateLimits
    _counts: tuple[tuple[object, ...], ...]

    async def check(self) -> None:
        """:raises TooMany: too many failures so far."""
        for name, *key in self._counts:
            await self._limits.check(str(name), *key)

    async def failed(self) -> None:
        """Count a failure. :raises TooMany: concurrent failures have reached the limit."""
        for name, *key in self._counts:
            await self._limits.hit(str(name), *key)


class LoginThrottle:
    """Tells unknown clients from devices that have logged in before."""

    def __init__(self, limits: RateLimits, sessions: Sessions) -> None:
        self._limits, self._sessions = limits, sessions

    async def attempt(self, client: ClientInfo, who: object, account_id: int | None) -> Attempt:
        """:param who: the typed log-in, counted when it matches no account, so that both look the same."""
        known = await self._sessions.recognize_device(client, account_id) if account_id else None
        if known:
            return Attempt(self._limits, (("login_known", account_id, known),))
        key = account_id or who
        return Attempt(self._limits, (("login_address", client.address), ("login_account", key)))

    def reauthentication(self, actor: Actor) -> Attempt:
        """The password is asked again within a session."""
        return Attempt(self._limits, (("login_known", actor.id, actor.session_id),))
