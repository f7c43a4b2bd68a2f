"""Limits on log-ins and on guessing passwords (promise S4).

Every attempt counts, also a successful one, as each costs a hash. Failures of unknown clients are counted by address,
by address and typed log-in, and by account. The last limit answers like a wrong password: reporting it would tell which
e-mail or phone belongs to an account. Across addresses it is high, so that one client cannot lock out the owner.

A device that logged in before has a signed cookie, and an application has a token of an active session. Their failures
are counted separately, so that the owner is not affected.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

from mystar.accounts.model import Actor, ClientInfo
from mystar.accounts.sessions.service import Sessions
from mystar.errors import TooMany
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import token_digest

Count = tuple[str, *tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to authenticate, and the limits that count it.

    :param attempts: count every attempt. :param failures: count failed ones. :param silent: count failed ones; reaching
        the limit is a refusal, not an error.
    """

    _limits: RateLimits
    _outcomes: Counter
    attempts: tuple[Count, ...]
    failures: tuple[Count, ...]
    silent: tuple[Count, ...] = ()

    async def begin(self) -> None:
        """Count the attempt. :raises TooMany: too many attempts, or failures so far."""
        try:
            await self.check()
            for name, *key in self.attempts:
                await self._limits.hit(name, *key)
        except TooMany:
            self._outcomes.labels("limited").inc()
            raise

    async def check(self) -> None:
        """:raises TooMany: too many failures so far."""
        for name, *key in self.failures:
            await self._limits.check(name, *key)

    async def is_locked(self) -> bool:
        """Whether the account refuses unknown clients, because too many have failed."""
        try:
            for name, *key in self.silent:
                await self._limits.check(name, *key)
        except TooMany:
            return True
        return False

    async def failed(self) -> None:
        """Count a failure. :raises TooMany: concurrent failures have reached the limit."""
        self._outcomes.labels("refused").inc()
        for name, *key in self.silent:
            with suppress(TooMany):
                await self._limits.hit(name, *key)
        for name, *key in self.failures:
            await self._limits.hit(name, *key)


class LoginThrottle:
    """Tells unknown clients from devices that have logged in before.

    :param registry: where attempts are counted by their outcome.
    """

    def __init__(self, limits: RateLimits, sessions: Sessions, registry: CollectorRegistry) -> None:
        self._limits, self._sessions = limits, sessions
        self._outcomes = Counter(
            "mystar_password_attempts_total", "Passwords that did not open anything", ["outcome"], registry=registry
        )

    async def attempt(
        self, client: ClientInfo, who: object, account_id: int | None, stored: str | None = None
    ) -> Attempt:
        """:param who: the typed log-in, counted whether it matches an account or not, so that both look the same.
        :param stored: the password hash; a new password ends the lock of an account.
        """
        known = await self._sessions.recognize_device(client, account_id) if account_id else None
        if known:
            counts: tuple[Count, ...] = (("login_attempt_account", account_id),)
            return Attempt(self._limits, self._outcomes, counts, (("login_known", account_id, known),))
        counts = (("login_attempt", client.address), ("login_attempt_account", who, client.address))
        address, typed = ("login_address", client.address), ("login_account", who, client.address)
        silent: tuple[Count, ...] = ()
        if account_id:
            version = token_digest(stored or "")[:6].hex()
            silent = (("login_account", account_id, version, client.address), ("login_strangers", account_id, version))
        return Attempt(self._limits, self._outcomes, counts, (address, typed), silent)

    def reauthentication(self, actor: Actor) -> Attempt:
        """The password is asked again within a session."""
        return Attempt(
            self._limits,
            self._outcomes,
            (("login_attempt_account", actor.id),),
            (("login_known", actor.id, actor.session_id),),
        )
