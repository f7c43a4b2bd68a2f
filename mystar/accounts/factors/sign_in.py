"""The second step of a sign-in (D63), and sign-ins with a passkey alone.

The first step, a password or a provider, opens a session for accounts without a factor. For others it makes a
challenge: a random token that is valid for five minutes, one account, one dialect, one session and five tries. A
browser may be remembered: a signed cookie then replaces the second step, never the first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mystar.accounts.factors.model import (
    ChallengeUnknown,
    Method,
    PasskeyOptions,
    Proof,
    SecondFactorRefused,
    SecondFactorRequired,
)
from mystar.accounts.factors.passkeys import AnswerRefused, credential_id_of
from mystar.accounts.factors.repository import FactorRepository
from mystar.accounts.factors.verification import FactorVerifier
from mystar.accounts.model import Account, Channel, ClientInfo, LoginRefused, NewSession
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.errors import TooMany
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer, token_digest

_LIFETIME = timedelta(minutes=5)
_SWEEP_BATCH = 1000

Opened = NewSession | SecondFactorRequired


def session_or_raise(opened: Opened) -> NewSession:
    """The session. :raises SecondFactorRequired: in place of one."""
    if isinstance(opened, SecondFactorRequired):
        raise opened
    return opened


class SecondStep:
    """Opens the sessions of sign-ins.

    :param signer: signs the cookies of remembered browsers. :param remembered: for how long; zero = never.
    :param staff_required: staff have to have a factor, and are asked for it every time.
    """

    def __init__(
        self,
        db: Database,
        *,
        sessions: Sessions,
        verifier: FactorVerifier,
        limits: RateLimits,
        signer: Signer,
        clock: Clock,
        remembered: timedelta,
        staff_required: bool,
    ) -> None:
        self._db, self._sessions, self._verifier, self._limits = db, sessions, verifier, limits
        self._signer, self._clock = signer, clock
        self._remembered, self._staff_required = remembered, staff_required

    async def open(self, tx: Tx, account: Account, client: ClientInfo, channel: Channel) -> Opened:
        """After the first step: a session, or the challenge of the second step, to be raised after the commit."""
        if not account.has_second_factor or await self._is_remembered(tx, account, client):
            return await self._sessions.open(tx, account, client, channel)
        return await self.ask(tx, account, channel)

    async def ask(self, tx: Tx, account: Account, channel: Channel) -> SecondFactorRequired:
        """A challenge of the second step."""
        rows, now, token = FactorRepository(tx), self._clock.now(), secrets.token_urlsafe(32)
        factors = await rows.of(account.id)
        methods: list[Method] = list(dict.fromkeys(one.factor.kind for one in factors))
        if await rows.count_unused_codes(account.id):
            methods.append("recovery_code")
        await rows.add_challenge(
            token_digest(token), "sign_in", now, now + _LIFETIME, account_id=account.id, channel=channel
        )
        return SecondFactorRequired(challenge=token, methods=methods, expires_in=int(_LIFETIME.total_seconds()))

    async def passkey_options(self, token: str, client: ClientInfo) -> PasskeyOptions:
        """What the browser asks the account's passkeys for in the second step, for the challenges of all dialects.

        :raises ChallengeUnknown: :raises TooMany: per client address.
        """
        await self._limits.hit("second_factor_address", client.address)
        rows, now = FactorRepository(self._db), self._clock.now()
        found = await rows.challenge(token_digest(token), "sign_in", now)
        if found is None:
            raise ChallengeUnknown
        known = self._verifier.passkeys(await rows.of(found.account_id or 0))
        options = self._verifier.party.request_options(self._verifier.nonce_of(token), known)
        return PasskeyOptions(token, options, int(_LIFETIME.total_seconds()))

    async def finish(
        self, token: str, proof: Proof, client: ClientInfo, channel: Channel, *, remember: bool = False
    ) -> NewSession:
        """The session of a sign-in whose second step is right.

        :param remember: the browser need not answer again for some time.
        :raises ChallengeUnknown: :raises SecondFactorRefused: :raises ProofMissing: :raises TooMany:
        :raises LoginRefused: blocked meanwhile.
        """
        await self._limits.hit("second_factor_address", client.address)
        rows, digest = FactorRepository(self._db), token_digest(token)
        found = await rows.try_challenge(digest, "sign_in", self._clock.now(), channel=channel)
        if found is None:
            raise ChallengeUnknown
        account_id = found.account_id or 0
        await self._count(account_id, client)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if not await FactorRepository(tx).use_challenge(digest):
                raise ChallengeUnknown
            if not account.is_active:
                raise LoginRefused(account_id)
            method = await self._verifier.verify(tx, account, proof, token)
            session = await self._sessions.open(tx, account, client, channel, factor=method)
        return replace(session, trusted=self._mark(account)) if remember and self._may_remember(account) else session

    async def begin_passkey(self, client: ClientInfo) -> PasskeyOptions:
        """Begin a sign-in with a passkey alone: the authenticator offers the accounts that it has.

        :raises TooMany: per client address.
        """
        await self._limits.hit("passkey_sign_in", client.address)
        token, now = secrets.token_urlsafe(32), self._clock.now()
        await FactorRepository(self._db).add_challenge(token_digest(token), "passkey_sign_in", now, now + _LIFETIME)
        options = self._verifier.party.request_options(self._verifier.nonce_of(token), verified=True)
        return PasskeyOptions(token, options, int(_LIFETIME.total_seconds()))

    async def finish_passkey(
        self, token: str, answer: Mapping[str, Any], client: ClientInfo, channel: Channel
    ) -> NewSession:
        """The session of a sign-in with a passkey alone, which has verified its user.

        :raises ChallengeUnknown: :raises SecondFactorRefused: :raises TooMany: :raises LoginRefused:
        """
        await self._limits.hit("second_factor_address", client.address)
        digest, now = token_digest(token), self._clock.now()
        if await FactorRepository(self._db).try_challenge(digest, "passkey_sign_in", now) is None:
            raise ChallengeUnknown
        try:
            stored = await FactorRepository(self._db).by_credential(credential_id_of(answer))
        except AnswerRefused:
            stored = None
        if stored is None:
            raise SecondFactorRefused
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(stored.account_id)
            if not await FactorRepository(tx).use_challenge(digest):
                raise ChallengeUnknown
            if not account.is_active:
                raise LoginRefused(account.id)
            await self._verifier.verify_alone(tx, stored, answer, token)
            return await self._sessions.open(tx, account, client, channel, factor="passkey_alone")

    async def sweep(self) -> None:
        """Delete expired challenges."""
        while await FactorRepository(self._db).sweep(self._clock.now(), _SWEEP_BATCH) >= _SWEEP_BATCH:
            pass

    async def _count(self, account_id: int, client: ClientInfo) -> None:
        """Count a guess, also a right one. A new password ends the lock: the guesses came from who knew the old one."""
        known = await self._sessions.recognize_device(client, account_id)
        if known:
            await self._limits.hit("second_factor_known", account_id, known)
            return
        version = token_digest(await AccountRepository(self._db).password_hash(account_id) or "")[:6].hex()
        try:
            await self._limits.hit("second_factor", account_id, version)
        except TooMany:
            await self._warn(account_id)
            raise

    async def _warn(self, account_id: int) -> None:
        """Tell the owner, once a day, that a person who has the password guesses codes."""
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).get(account_id)
            once = f"second_factor_guessed:{account_id}:{self._clock.now():%Y-%m-%d}"
            await self._verifier.tell(tx, account, "guessed", once_as=once)

    # Remembered browsers

    def _may_remember(self, account: Account) -> bool:
        return bool(self._remembered) and not (self._staff_required and account.role)

    def _mark(self, account: Account) -> str:
        mark = f"{account.id}.{secrets.token_hex(8)}.{int(self._clock.now().timestamp())}"
        return f"{mark}.{self._signer.sign('remembered browser', mark)}"

    async def _is_remembered(self, tx: Tx, account: Account, client: ClientInfo) -> bool:
        """Whether the browser passed the second step lately, and its cookie was not revoked since."""
        mark, _, signature = client.remembered.rpartition(".")
        owner, _, rest = mark.partition(".")
        if not mark or owner != str(account.id) or not self._may_remember(account):
            return False
        if not self._signer.verify(signature, "remembered browser", mark):
            return False
        given_at = int(rest.rpartition(".")[2])
        revoked_at = await AccountRepository(tx).devices_revoked_at(account.id)
        is_young = self._clock.now().timestamp() - given_at <= self._remembered.total_seconds()
        return is_young and (revoked_at is None or given_at > revoked_at.timestamp())
