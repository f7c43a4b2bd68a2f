"""Verification of second factors in a transaction that has locked their account, so that nothing is accepted twice."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from mystar.accounts.factors import recovery, totp
from mystar.accounts.factors.model import (
    Method,
    Proof,
    ProofMissing,
    RecoveryCodeUsed,
    SecondFactorRefused,
    StoredFactor,
)
from mystar.accounts.factors.passkeys import (
    AnswerRefused,
    KnownPasskey,
    RelyingParty,
    credential_id_of,
    user_handle_of,
)
from mystar.accounts.factors.repository import FactorRepository
from mystar.accounts.model import Account
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Tx
from mystar.kit.security.sealing import SealBroken, Sealer
from mystar.kit.security.tokens import Signer

log = logging.getLogger(__name__)


class FactorVerifier:
    """Seals what verifies a factor, and verifies codes and answers of passkeys.

    :param sealer: a record of it names its account, so that a row copied to another account verifies nothing.
    """

    def __init__(self, *, sealer: Sealer, signer: Signer, party: RelyingParty, mailer: Mailer, clock: Clock) -> None:
        self._sealer, self._signer, self.party, self._mailer, self._clock = sealer, signer, party, mailer, clock

    def seal(self, account_id: int, secret: str) -> bytes:
        return self._sealer.seal({"account": str(account_id), "secret": secret})

    def unseal(self, account_id: int, sealed: bytes) -> str:
        """:raises SecondFactorRefused: sealed with a lost key, or for another account."""
        try:
            record = self._sealer.open(sealed)
        except SealBroken:
            log.error("a second factor of account %s cannot be decrypted", account_id)
            raise SecondFactorRefused(account_id) from None
        if record["account"] != str(account_id):
            log.error("a second factor of account %s was sealed for another one", account_id)
            raise SecondFactorRefused(account_id)
        return record["secret"]

    def nonce_of(self, challenge: str) -> bytes:
        """What an authenticator has to sign: it follows from the token of the challenge, and ends with it."""
        return bytes.fromhex(self._signer.secret("passkey challenge", challenge))

    def seal_key(self, account_id: int, public_key: bytes) -> bytes:
        return self.seal(account_id, bytes_to_base64url(public_key))

    def passkey(self, stored: StoredFactor) -> KnownPasskey:
        """:raises SecondFactorRefused: see `unseal`."""
        key = base64url_to_bytes(self.unseal(stored.account_id, stored.sealed))
        return KnownPasskey(stored.credential_id or b"", key, stored.sign_count or 0, stored.transports)

    def passkeys(self, factors: Sequence[StoredFactor]) -> list[KnownPasskey]:
        return [self.passkey(one) for one in factors if one.factor.kind == "passkey"]

    async def verify(
        self, tx: Tx, account: Account, proof: Proof, challenge: str, *, takes_recovery: bool = True
    ) -> Method:
        """Accept a proof, once; the account is locked.

        :param challenge: that the answer of a passkey is for. :param takes_recovery: whether a recovery code will do.
        :raises SecondFactorRefused: :raises ProofMissing:
        """
        if bool(proof.code) == bool(proof.credential):
            raise ProofMissing
        factors, now = await FactorRepository(tx).of(account.id), self._clock.now()
        if proof.credential:
            await self._verify_passkey(tx, factors, proof.credential, challenge, account.id)
            return "passkey"
        code = totp.code_in(proof.code)
        if code is not None:
            await self._verify_code(tx, factors, code, now, account.id)
            return "totp"
        if not takes_recovery:
            raise SecondFactorRefused(account.id)
        await self._verify_recovery(tx, account, proof.code, now)
        return "recovery_code"

    async def verify_alone(self, tx: Tx, stored: StoredFactor, answer: Mapping[str, Any], challenge: str) -> None:
        """Accept a passkey in place of password and factor: the authenticator has verified its user.

        :raises SecondFactorRefused:
        """
        await self._accept(tx, stored, answer, challenge, verified=True)

    async def _verify_passkey(
        self, tx: Tx, factors: Sequence[StoredFactor], answer: Mapping[str, Any], challenge: str, account_id: int
    ) -> None:
        try:
            credential_id = credential_id_of(answer)
        except AnswerRefused:
            raise SecondFactorRefused(account_id) from None
        stored = next((one for one in factors if one.credential_id == credential_id), None)
        if stored is None:
            raise SecondFactorRefused(account_id)
        await self._accept(tx, stored, answer, challenge, verified=False)

    async def _accept(
        self, tx: Tx, stored: StoredFactor, answer: Mapping[str, Any], challenge: str, *, verified: bool
    ) -> None:
        try:
            handle = user_handle_of(answer)
            known, nonce = self.passkey(stored), self.nonce_of(challenge)
            count = self.party.verify_answer(answer, nonce, known, verified=verified)
        except AnswerRefused:
            raise SecondFactorRefused(stored.account_id) from None
        is_theirs = handle is None or handle == stored.user_handle
        if not is_theirs or not await FactorRepository(tx).use_passkey(stored.factor.id, count, self._clock.now()):
            raise SecondFactorRefused(stored.account_id)

    async def _verify_code(
        self, tx: Tx, factors: Sequence[StoredFactor], code: str, now: datetime, account_id: int
    ) -> None:
        for one in factors:
            if one.factor.kind == "totp":
                step = totp.matching_step(self.unseal(account_id, one.sealed), code, now, one.last_step)
                if step is not None and await FactorRepository(tx).use_totp(one.factor.id, step, now):
                    return
        raise SecondFactorRefused(account_id)

    async def _verify_recovery(self, tx: Tx, account: Account, code: str, now: datetime) -> None:
        rows = FactorRepository(tx)
        unused = await rows.unused_codes(account.id)
        for code_id, digest in unused:
            if recovery.is_code_of(self._signer, account.id, code, digest) and await rows.use_code(code_id, now):
                left = len(unused) - 1
                await tx.publish(RecoveryCodeUsed(account.id, left))
                await self.tell(tx, account, "recovery_code_used", left=left)
                return
        raise SecondFactorRefused(account.id)

    async def tell(self, tx: Tx, account: Account, what: str, **values: Any) -> None:
        """Mail the owner; see ``templates/mail/second_factor_*``."""
        if account.email:
            values = {"username": account.greeting_name, **values}
            await self._mailer.queue(
                tx, f"second_factor_{what}", account.email, account.language, dialect=account.channel, **values
            )
