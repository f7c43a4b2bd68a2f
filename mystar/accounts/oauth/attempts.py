"""Sign-in attempts (D12): begun here, finished once, within minutes, by the browser that began them.

The state is the attempt's only name. A link carries it to the provider, a cookie keeps it in the browser, and we keep
its digest beside the PKCE verifier, which nobody else ever sees before the exchange.
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

#: How long a token of our own is remembered, whatever life the provider gives it.
_TOKEN_REMEMBERED = timedelta(days=30)
#: The life of a token whose life is not told.
_USUAL_LIFE = timedelta(days=1)
_SWEPT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """``state`` and ``verifier`` are secrets of one attempt."""

    state: str
    verifier: str
    redirect_url: str


class SignInAttempts:
    """:param life: how long an attempt may take."""

    def __init__(self, db: Database, clock: Clock, *, life: timedelta) -> None:
        self._db, self._clock, self._life = db, clock, life

    async def begin(self, provider: str, redirect_url: str) -> SignInAttempt:
        # 32 bytes each: 256 bits, and 43 characters as RFC 7636 wants at least.
        attempt = SignInAttempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), redirect_url)
        now = self._clock.now()
        await ProviderRepository(self._db).add_attempt(
            token_digest(attempt.state),
            provider,
            verifier=attempt.verifier,
            redirect_url=redirect_url,
            now=now,
            expires_at=now + self._life,
        )
        return attempt

    async def finish(self, provider: str, *, cookie: str | None, state: str | None) -> SignInAttempt:
        """The attempt, which is over with this call, whatever comes of it.

        :param cookie: what the browser keeps. :param state: what came back with it, when the client passes it on.
        :raises AttemptUnknown: neither is given, they differ, or there is no such living attempt with this provider.
        """
        if cookie and state and not hmac.compare_digest(cookie.encode(), state.encode()):
            raise AttemptUnknown
        named = state or cookie
        row = named and await ProviderRepository(self._db).use_attempt(token_digest(named), provider, self._clock.now())
        if not named or not row:
            raise AttemptUnknown
        return SignInAttempt(named, row["verifier"], row["redirect_url"])

    async def remember_token(self, attempt: SignInAttempt, token: str, seconds: int) -> None:
        """Note that this token was made for us. ``seconds``: its life, 0 = not told."""
        life = min(timedelta(seconds=seconds), _TOKEN_REMEMBERED) if seconds else _USUAL_LIFE
        await ProviderRepository(self._db).remember_token(
            token_digest(attempt.state), token_digest(token), self._clock.now() + life
        )

    async def issued_to_us(self, provider: str, token: str) -> bool:
        """Whether an attempt of ours with this provider has brought this token."""
        return await ProviderRepository(self._db).is_own_token(token_digest(token), provider, self._clock.now())

    async def sweep(self) -> None:
        """Forget attempts that are over, and their tokens with them."""
        while await ProviderRepository(self._db).sweep(self._clock.now(), _SWEPT_AT_ONCE) >= _SWEPT_AT_ONCE:
            pass
