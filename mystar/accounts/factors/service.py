"""An account's second factors, as its owner, staff and the operator change them (D63).

Every change needs step-up, is mailed and audited. The first factor and the removal of one end the account's other
sessions: who was let in without it does not stay.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from mystar.accounts.credentials import credential_of
from mystar.accounts.factors import recovery, totp
from mystar.accounts.factors.model import (
    MAX_FACTORS,
    Challenge,
    ChallengeUnknown,
    Enrolled,
    Factor,
    FactorChanged,
    FactorCodeWrong,
    FactorRenamed,
    FactorsDropped,
    FactorUnknown,
    LastStaffFactor,
    NoFactors,
    Overview,
    PasskeyOptions,
    PasskeyRefused,
    Proof,
    Purpose,
    RecoveryCodesRenewed,
    SecondFactorRefused,
    StoredFactor,
    TooManyFactors,
    TotpEnrolment,
    TotpExists,
    kinds_of,
)
from mystar.accounts.factors.passkeys import AnswerRefused
from mystar.accounts.factors.repository import FactorRepository
from mystar.accounts.factors.verification import FactorVerifier
from mystar.accounts.model import Account, Actor, PersonUnknown, ReauthenticationFailed
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.step_up import StepUp
from mystar.errors import Forbidden
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer, token_digest

_LIFETIME = timedelta(minutes=10)
_SECONDS = int(_LIFETIME.total_seconds())


class FactorService:
    """:param staff_required: staff have to have a factor. :param issuer: the name in authenticator applications."""

    def __init__(
        self,
        db: Database,
        *,
        sessions: Sessions,
        step_up: StepUp,
        verifier: FactorVerifier,
        limits: RateLimits,
        signer: Signer,
        clock: Clock,
        issuer: str,
        staff_required: bool,
    ) -> None:
        self._db, self._sessions, self._step_up, self._verifier = db, sessions, step_up, verifier
        self._limits, self._signer, self._clock = limits, signer, clock
        self._issuer, self._staff_required = issuer, staff_required

    async def overview(self, actor: Actor) -> Overview:
        rows = FactorRepository(self._db)
        factors = [one.factor for one in await rows.of(actor.id)]
        is_required = self._staff_required and bool(actor.role or actor.pending_role)
        return Overview(factors, await rows.count_unused_codes(actor.id), is_required)

    # Authenticator applications

    async def begin_totp(self, actor: Actor) -> TotpEnrolment:
        """A new key for an application; it counts once its first code was confirmed, within ten minutes.

        :raises TotpExists: :raises TooManyFactors: :raises ReauthenticationNeeded: :raises TooMany:
        """
        _require_room(await self._begin(actor), "totp")
        secret = totp.new_secret()
        token = await self._challenge(actor, "totp", self._verifier.seal(actor.id, secret))
        return self._enrolment(actor, token, secret)

    async def pending_totp(self, actor: Actor, token: str) -> TotpEnrolment:
        """The key once more, after a wrong code. :raises ChallengeUnknown: also after five."""
        found = await FactorRepository(self._db).challenge(token_digest(token), "totp", self._clock.now())
        if found is None or found.account_id != actor.id:
            raise ChallengeUnknown
        return self._enrolment(actor, token, self._verifier.unseal(actor.id, found.sealed or b""))

    def _enrolment(self, actor: Actor, token: str, secret: str) -> TotpEnrolment:
        uri = totp.uri_of(secret, account=actor.username, issuer=self._issuer)
        return TotpEnrolment(token, secret, uri, totp.qr_of(uri), _SECONDS)

    async def confirm_totp(self, actor: Actor, token: str, code: str, name: str) -> Enrolled:
        """:raises ChallengeUnknown: :raises FactorCodeWrong: :raises TotpExists: :raises TooManyFactors:"""
        found = await self._tried(actor, "totp", token)
        secret = self._verifier.unseal(actor.id, found.sealed or b"")
        digits = totp.code_in(code)
        step = totp.matching_step(secret, digits, self._clock.now(), None) if digits else None
        if step is None:
            raise FactorCodeWrong
        async with self._db.transaction() as tx:
            account, before = await self._used(tx, actor, token, "totp")
            sealed, now = self._verifier.seal(actor.id, secret), self._clock.now()
            factor = await FactorRepository(tx).add(actor.id, "totp", name or self._issuer, sealed, now, last_step=step)
            return await self._added(tx, account, actor, factor, before)

    # Passkeys

    async def begin_passkey(self, actor: Actor) -> PasskeyOptions:
        """What the browser needs to make a passkey, within ten minutes.

        :raises TooManyFactors: :raises ReauthenticationNeeded: :raises TooMany:
        """
        factors = await self._begin(actor)
        _require_room(factors, "passkey")
        account = await AccountRepository(self._db).get(actor.id)
        handle = next((one.user_handle for one in factors if one.user_handle), None) or secrets.token_bytes(32)
        token = await self._challenge(actor, "passkey", self._verifier.seal(actor.id, handle.hex()))
        options = self._verifier.party.creation_options(
            self._verifier.nonce_of(token),
            handle=handle,
            username=account.email or account.username,
            display_name=account.full_name or account.username,
            known=self._verifier.passkeys(factors),
        )
        return PasskeyOptions(token, options, _SECONDS)

    async def add_passkey(self, actor: Actor, token: str, answer: Mapping[str, Any], name: str) -> Enrolled:
        """:raises ChallengeUnknown: :raises PasskeyRefused: :raises PasskeyExists: :raises TooManyFactors:"""
        found = await self._tried(actor, "passkey", token)
        handle = bytes.fromhex(self._verifier.unseal(actor.id, found.sealed or b""))
        try:
            made = self._verifier.party.verify_creation(answer, self._verifier.nonce_of(token))
        except AnswerRefused:
            raise PasskeyRefused from None
        async with self._db.transaction() as tx:
            account, before = await self._used(tx, actor, token, "passkey")
            factor = await FactorRepository(tx).add(
                actor.id,
                "passkey",
                name or self._verifier.party.name,
                self._verifier.seal_key(actor.id, made.public_key),
                self._clock.now(),
                credential_id=made.credential_id,
                user_handle=handle,
                sign_count=made.sign_count,
                transports=made.transports,
            )
            return await self._added(tx, account, actor, factor, before)

    # Names, removal, recovery codes

    async def rename(self, actor: Actor, factor_id: int, name: str) -> Factor:
        """:raises FactorUnknown:"""
        async with self._db.transaction() as tx:
            rows = FactorRepository(tx)
            await AccountRepository(tx).lock(actor.id)
            before = {one.factor.id: one.factor.name for one in await rows.of(actor.id)}
            factor = await rows.rename(actor.id, factor_id, name)
            if factor is None:
                raise FactorUnknown
            if factor.name != before[factor_id]:
                await tx.publish(FactorRenamed(actor.id, factor.kind, before[factor_id], factor.name))
        return factor

    async def remove(self, actor: Actor, factor_id: int) -> None:
        """Remove a factor; with the last one the recovery codes. Remembered browsers and other sessions end.

        :raises FactorUnknown: :raises LastStaffFactor: :raises ReauthenticationNeeded: :raises TooMany:
        """
        await self._begin(actor)
        async with self._db.transaction() as tx:
            rows, account = FactorRepository(tx), await AccountRepository(tx).lock(actor.id)
            before = [one.factor for one in await rows.of(actor.id)]
            factor = await rows.delete(actor.id, factor_id)
            if factor is None:
                raise FactorUnknown
            after = [one for one in before if one.id != factor_id]
            if not after:
                if self._staff_required and account.role:
                    raise LastStaffFactor
                await rows.delete_codes(actor.id)
                await rows.set_has_factor(actor.id, False)
            await AccountRepository(tx).revoke_devices(actor.id, self._clock.now())
            await self._change(tx, account, actor.session_id, "removed", factor, before, after)
            await self._sessions.end_others(tx, actor.id, reason="factor_removed", keep=actor.session_id)

    async def renew_codes(self, actor: Actor) -> Sequence[str]:
        """New recovery codes, shown this once; the old ones are not valid any more.

        :raises NoFactors: :raises ReauthenticationNeeded: :raises TooMany:
        """
        if not await self._begin(actor):
            raise NoFactors
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(actor.id)
            if not account.has_second_factor:
                raise NoFactors
            left = await FactorRepository(tx).count_unused_codes(actor.id)
            codes = await self._new_codes(tx, account)
            await tx.publish(RecoveryCodesRenewed(actor.id, left, len(codes)))
            await self._verifier.tell(tx, account, "codes_renewed")
        return codes

    # Step-up

    async def step_up_options(self, actor: Actor) -> PasskeyOptions:
        """What the browser asks the account's passkeys for. :raises NoFactors: :raises TooMany:"""
        await self._limits.hit("second_factor_known", actor.id, actor.session_id)
        known = self._verifier.passkeys(await FactorRepository(self._db).of(actor.id))
        if not known:
            raise NoFactors
        token = await self._challenge(actor, "step_up")
        return PasskeyOptions(
            token, self._verifier.party.request_options(self._verifier.nonce_of(token), known), _SECONDS
        )

    async def reauthenticate(self, actor: Actor, proof: Proof, token: str = "") -> None:
        """Give a factor again; the session counts as new for ten minutes.

        :param token: the challenge, of a passkey. :raises ChallengeUnknown: :raises ReauthenticationFailed:
        :raises ProofMissing: :raises TooMany:
        """
        await self._limits.hit("second_factor_known", actor.id, actor.session_id)
        if proof.credential:
            await self._tried(actor, "step_up", token)
        try:
            async with self._db.transaction() as tx:
                account = await AccountRepository(tx).lock(actor.id)
                if proof.credential and not await FactorRepository(tx).use_challenge(token_digest(token)):
                    raise ChallengeUnknown
                await self._verifier.verify(tx, account, proof, token, takes_recovery=False)
                await AccountRepository(tx).reauthenticate(actor.session_id, self._clock.now())
        except SecondFactorRefused:
            raise ReauthenticationFailed("credential" if proof.credential else "code") from None

    # Recovery

    async def drop(self, tx: Tx, account_id: int, reason: Literal["reset", "unproven"]) -> bool:
        """Remove all factors, recovery codes and remembered browsers; false if there were none."""
        rows = FactorRepository(tx)
        before = [one.factor for one in await rows.of(account_id)]
        if not before:
            return False
        await rows.delete_all(account_id)
        await rows.end_challenges(account_id)
        await rows.set_has_factor(account_id, False)
        await AccountRepository(tx).revoke_devices(account_id, self._clock.now())
        await tx.publish(FactorsDropped(account_id, kinds_of(before), reason))
        return True

    async def drop_since(self, tx: Tx, account_id: int, since: datetime) -> None:
        """Remove what was enrolled since a change of contacts that its owner has undone."""
        rows = FactorRepository(tx)
        dropped = await rows.delete_since(account_id, since)
        if dropped:
            if not await rows.of(account_id):
                await rows.delete_codes(account_id)
                await rows.set_has_factor(account_id, False)
            await tx.publish(FactorsDropped(account_id, kinds_of(dropped), "change_undone"))

    async def reset(self, actor: Actor, account_id: int) -> None:
        """Staff remove the factors of a person who has lost them; all sessions end, and the owner is told by mail.

        :raises Forbidden: not an operator, the own account, or a staff account when the actor is no owner.
        :raises NoFactors: :raises NotFound: :raises ReauthenticationNeeded:
        """
        actor.require_operator()
        if actor.id == account_id:
            raise Forbidden
        await self._step_up.require(actor)
        await self._reset(account_id, by=actor)

    async def reset_by_operator(self, login: str) -> Account:
        """The same by a command. :raises PersonUnknown: :raises NoFactors:"""
        found = await AccountRepository(self._db).find(credential_of(login))
        if found is None:
            raise PersonUnknown
        await self._reset(found[0].id, by=None)
        return found[0]

    async def _reset(self, account_id: int, by: Actor | None) -> None:
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if by is not None and account.role is not None and by.role != "owner":
                raise Forbidden
            if not await self.drop(tx, account_id, "reset"):
                raise NoFactors
            await self._sessions.end(tx, account_id, reason="factors_reset")
            await self._verifier.tell(tx, account, "reset")

    # Steps that enrolments share

    async def _begin(self, actor: Actor) -> list[StoredFactor]:
        """Step-up and limits; the factors before the change."""
        await self._limits.hit("factor_change", actor.id)
        await self._step_up.require(actor)
        return await FactorRepository(self._db).of(actor.id)

    async def _challenge(self, actor: Actor, purpose: Purpose, sealed: bytes | None = None) -> str:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        await FactorRepository(self._db).add_challenge(
            token_digest(token),
            purpose,
            now,
            now + _LIFETIME,
            account_id=actor.id,
            session_id=actor.session_id,
            sealed=sealed,
        )
        return token

    async def _tried(self, actor: Actor, purpose: Purpose, token: str) -> Challenge:
        """The challenge of this session, with one try counted. :raises ChallengeUnknown:"""
        rows, now = FactorRepository(self._db), self._clock.now()
        found = await rows.try_challenge(token_digest(token), purpose, now, session_id=actor.session_id)
        if found is None or found.account_id != actor.id:
            raise ChallengeUnknown
        return found

    async def _used(
        self, tx: Tx, actor: Actor, token: str, kind: Literal["totp", "passkey"]
    ) -> tuple[Account, list[Factor]]:
        """End the challenge; the locked account and its factors. :raises ChallengeUnknown: by a concurrent request."""
        account = await AccountRepository(tx).lock(actor.id)
        if not await FactorRepository(tx).use_challenge(token_digest(token)):
            raise ChallengeUnknown
        stored = await FactorRepository(tx).of(actor.id)
        _require_room(stored, kind)
        return account, [one.factor for one in stored]

    async def _added(
        self, tx: Tx, account: Account, actor: Actor, factor: Factor, before: Sequence[Factor]
    ) -> Enrolled:
        codes: Sequence[str] = ()
        if not before:
            await FactorRepository(tx).set_has_factor(account.id, True)
            codes = await self._new_codes(tx, account)
            await self._sessions.end_others(tx, account.id, reason="factor_added", keep=actor.session_id)
        await self._change(tx, account, actor.session_id, "added", factor, before, [*before, factor])
        return Enrolled(factor, codes)

    async def _change(
        self,
        tx: Tx,
        account: Account,
        session_id: uuid.UUID,
        what: Literal["added", "removed"],
        factor: Factor,
        before: Sequence[Factor],
        after: Sequence[Factor],
    ) -> None:
        await tx.publish(FactorChanged(account.id, what, factor.kind, factor.name, kinds_of(before), kinds_of(after)))
        await self._verifier.tell(tx, account, f"{what}_{factor.kind}", name=factor.name)

        async def forget() -> None:
            self._sessions.forget(account.id)

        tx.after_commit(forget)

    async def _new_codes(self, tx: Tx, account: Account) -> Sequence[str]:
        codes = recovery.new_codes()
        digests = [recovery.digest_of(self._signer, account.id, code) for code in codes]
        await FactorRepository(tx).replace_codes(account.id, digests, self._clock.now())
        return codes


def _require_room(factors: Sequence[StoredFactor], kind: Literal["totp", "passkey"]) -> None:
    if kind == "totp" and any(one.factor.kind == "totp" for one in factors):
        raise TotpExists
    if len(factors) >= MAX_FACTORS:
        raise TooManyFactors
