"""Sign-in attempts (D12): begun here, and finished once, within minutes, by the browser that began them.

The state identifies the attempt. The link carries it to the provider, a cookie keeps it in the browser, and its digest
is stored beside the PKCE verifier, which never leaves the service before the exchange.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from mystar.accounts.oauth.model import AttemptUnknown
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.security.tokens import token_digest

#: A token issued to us is remembered at most this long, whatever its lifetime.
_MAX_TOKEN_AGE = timedelta(days=30)
#: For tokens without a stated lifetime.
_DEFAULT_TOKEN_AGE = timedelta(days=1)
_SWEEP_BATCH = 1000


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """``state`` and ``verifier`` are secrets of one attempt."""

    state: str
    verifier: str
    redirect_url: str


class SignInAttempts:
    """:param lifetime: how long an attempt may take."""

    def __init__(self, db: Database, clock: Clock, *, lifetime: timedelta) -> None:
        self._db, self._clock, self._lifetime = db, clock, lifetime

    async def begin(self, provider: str, redirect_url: str) -> SignInAttempt:
        # 32 bytes make 43 characters, the minimum of RFC 7636.
        attempt = SignInAttempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), redirect_url)
        now = self._clock.now()
        await ProviderRepository(self._db).add_attempt(
            token_digest(attempt.state),
            provider,
            verifier=attempt.verifier,
            redirect_url=redirect_url,
            now=now,
            expires_at=now + self._lifetime,
        )
        return attempt

    async def finish(self, provider: str, *, cookie: str | None, state: str | None) -> SignInAttempt:
        """Look the attempt up and use it up.

        :param cookie: the state of the browser's cookie. :param state: as returned by the provider, if it is sent on.
        :raises AttemptUnknown: neither is given, they differ, or the provider has no such open attempt.
        """
        if cookie and state and not hmac.compare_digest(cookie.encode(), state.encode()):
            raise AttemptUnknown
        named = state or cookie
        row = named and await ProviderRepository(self._db).use_attempt(token_digest(named), provider, self._clock.now())
        if not named or not row:
            raise AttemptUnknown
        return SignInAttempt(named, row["verifier"], row["redirect_url"])

    async def remember_token(self, attempt: SignInAttempt, token: str, seconds: int) -> None:
        """Remember that the token was issued to us. ``seconds``: its lifetime, 0 = not stated."""
        life = min(timedelta(seconds=seconds), _MAX_TOKEN_AGE) if seconds else _DEFAULT_TOKEN_AGE
        await ProviderRepository(self._db).remember_token(
            token_digest(attempt.state), token_digest(token), self._clock.now() + life
        )

    async def issued_to_us(self, provider: str, token: str) -> bool:
        """Whether the token comes from an exchange of ours with this provider."""
        return await ProviderRepository(self._db).is_own_token(token_digest(token), provider, self._clock.now())

    async def sweep(self) -> None:
        """Delete finished attempts and the digests of their tokens."""
        while await ProviderRepository(self._db).sweep(self._clock.now(), _SWEEP_BATCH) >= _SWEEP_BATCH:
            pass
