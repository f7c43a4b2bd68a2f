"""Sign-in attempts (D12, D47): begun here, and finished once, within minutes, by the browser that began them.

The state identifies the attempt. The link carries it to the provider, and clients may send it back. A cookie identifies
the browser, which may have several attempts, one in each tab. Pages of another origin often fetch the link without
credentials, so that no cookie is set, and send nothing but the code: their attempt is found by client address and
User-Agent, if there is exactly one, and if it has PKCE, so that the code of another attempt fails at the provider.

The table has digests of state and cookie. The PKCE verifier never leaves the service before the exchange.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from mystar.accounts.model import Channel, ClientInfo
from mystar.accounts.oauth.model import AttemptUnknown
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.security.rate_limits import network_of
from mystar.kit.security.tokens import Signer, token_digest

#: A token issued to us is remembered at most this long, whatever its lifetime.
_MAX_TOKEN_AGE = timedelta(days=30)
#: For tokens without a stated lifetime.
_DEFAULT_TOKEN_AGE = timedelta(days=1)
_SWEEP_BATCH = 1000
_COOKIE_LENGTH = 43


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """``state`` and ``verifier`` are secrets of one attempt, ``cookie`` of its browser."""

    state: str
    verifier: str
    redirect_url: str
    cookie: str = ""


class SignInAttempts:
    """:param lifetime: how long an attempt may take. :param signer: makes states, so that none has to be stored."""

    def __init__(self, db: Database, clock: Clock, signer: Signer, *, lifetime: timedelta) -> None:
        self._db, self._clock, self._signer, self._lifetime = db, clock, signer, lifetime

    async def begin(
        self,
        provider: str,
        channel: Channel,
        client: ClientInfo,
        *,
        redirect_url: str,
        has_pkce: bool,
        cookie: str | None = None,
    ) -> SignInAttempt:
        """:param cookie: of a browser that has attempts already."""
        # 32 bytes make 43 characters, the minimum of RFC 7636.
        verifier = secrets.token_urlsafe(32)
        cookie = cookie if cookie and len(cookie) == _COOKIE_LENGTH else secrets.token_urlsafe(32)
        attempt = SignInAttempt(self._state(verifier), verifier, redirect_url, cookie)
        now = self._clock.now()
        await ProviderRepository(self._db).add_attempt(
            digest=token_digest(attempt.state),
            provider=provider,
            channel=channel,
            browser=token_digest(attempt.cookie),
            client=_client_digest(client),
            has_pkce=has_pkce,
            verifier=verifier,
            redirect_url=redirect_url,
            now=now,
            expires_at=now + self._lifetime,
        )
        return attempt

    async def finish(
        self, provider: str, channel: Channel, client: ClientInfo, *, cookie: str | None, state: str | None
    ) -> SignInAttempt:
        """Look the attempt up and use it up.

        :param cookie: of the browser. :param state: as returned by the provider, if the client sends it on.
        :raises AttemptUnknown: there is no such open attempt, or none that is certain to be this browser's.
        """
        if state is not None:
            found = await self._by_state(provider, channel, client, state, cookie)
        elif cookie is not None:
            now, rows = self._clock.now(), ProviderRepository(self._db)
            found = next(iter(await rows.attempts_of_browser(token_digest(cookie), provider, channel, now)), None)
        else:
            found = await self._by_client(provider, channel, client)
        row = found and await ProviderRepository(self._db).use_attempt(found, self._clock.now())
        if not row:
            raise AttemptUnknown
        return SignInAttempt(self._state(row["verifier"]), row["verifier"], row["redirect_url"])

    async def has_open(self, provider: str, channel: Channel, cookie: str) -> bool:
        """Whether the browser has another attempt, as in a second tab."""
        rows, digest = ProviderRepository(self._db), token_digest(cookie)
        return bool(await rows.attempts_of_browser(digest, provider, channel, self._clock.now()))

    async def remember_token(self, attempt: SignInAttempt, token: str, seconds: int) -> None:
        """Remember that the token was issued to us. ``seconds``: its lifetime, 0 = not stated."""
        lifetime = min(timedelta(seconds=seconds), _MAX_TOKEN_AGE) if seconds else _DEFAULT_TOKEN_AGE
        await ProviderRepository(self._db).remember_token(
            token_digest(attempt.state), token_digest(token), self._clock.now() + lifetime
        )

    async def issued_to_us(self, provider: str, token: str) -> bool:
        """Whether the token comes from an exchange of ours with this provider."""
        return await ProviderRepository(self._db).is_own_token(token_digest(token), provider, self._clock.now())

    async def sweep(self) -> None:
        """Delete finished attempts and the digests of their tokens."""
        while await ProviderRepository(self._db).sweep(self._clock.now(), _SWEEP_BATCH) >= _SWEEP_BATCH:
            pass

    async def _by_state(
        self, provider: str, channel: Channel, client: ClientInfo, state: str, cookie: str | None
    ) -> int | None:
        """With a cookie as well, both have to be of one browser. Without PKCE a state alone has to come from the same
        client, since it could be one that an attacker began and sends to another browser with a code."""
        digest, now = token_digest(state), self._clock.now()
        row = await ProviderRepository(self._db).attempt_by_state(digest, provider, channel, now)
        if row is None:
            return None
        if cookie is not None:
            is_same = hmac.compare_digest(row["browser"], token_digest(cookie))
        else:
            is_same = row["has_pkce"] or hmac.compare_digest(row["client"], _client_digest(client))
        if not is_same:
            return None
        attempt_id: int = row["id"]
        return attempt_id

    async def _by_client(self, provider: str, channel: Channel, client: ClientInfo) -> int | None:
        found = await ProviderRepository(self._db).attempts_of_client(
            _client_digest(client), provider, channel, self._clock.now()
        )
        return found[0] if len(found) == 1 else None

    def _state(self, verifier: str) -> str:
        return self._signer.sign("sign-in attempt", verifier)


def _client_digest(client: ClientInfo) -> bytes:
    return token_digest(f"{network_of(client.address)}\n{client.user_agent}")
