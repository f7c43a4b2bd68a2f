"""Second factors, recovery codes and challenges as rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime

from mystar.accounts.factors.model import Challenge, Factor, PasskeyExists, Purpose, StoredFactor, TotpExists
from mystar.errors import MystarError
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={"second_factors": QUERIES.export_factors},
    erasures=(QUERIES.delete_codes, QUERIES.delete_factors, QUERIES.erase_challenges, QUERIES.erase_has_factor),
)
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {
    "second_factors_totp_key": TotpExists,
    "second_factors_credential_key": PasskeyExists,
}
#: Answers to one challenge; then the step before has to be repeated.
_MAX_TRIES = 5
_SHOWN = tuple(one.name for one in fields(Factor))


class FactorRepository:
    """``tx`` is a transaction, or the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def of(self, account_id: int) -> list[StoredFactor]:
        """In the order in which they were added."""
        return [_stored(row) for row in await self._tx.all(QUERIES.factors, account_id=account_id)]

    async def by_credential(self, credential_id: bytes) -> StoredFactor | None:
        row = await self._tx.one_or_none(QUERIES.factor_by_credential, credential_id=credential_id)
        return _stored(row) if row else None

    async def add(
        self,
        account_id: int,
        kind: str,
        name: str,
        sealed: bytes,
        now: datetime,
        *,
        last_step: int | None = None,
        credential_id: bytes | None = None,
        user_handle: bytes | None = None,
        sign_count: int | None = None,
        transports: Sequence[str] = (),
    ) -> Factor:
        """:raises TotpExists: :raises PasskeyExists: by a concurrent request, or of another account."""
        values = {
            "account_id": account_id,
            "kind": kind,
            "name": name,
            "sealed": sealed,
            "now": now,
            "last_step": last_step,
            "credential_id": credential_id,
            "user_handle": user_handle,
            "sign_count": sign_count,
            "transports": list(transports),
        }
        return _factor(await self._tx.one(QUERIES.add_factor, values))

    async def rename(self, account_id: int, factor_id: int, name: str) -> Factor | None:
        row = await self._tx.one_or_none(QUERIES.rename_factor, account_id=account_id, id=factor_id, name=name)
        return _factor(row) if row else None

    async def delete(self, account_id: int, factor_id: int) -> Factor | None:
        row = await self._tx.one_or_none(QUERIES.delete_factor, account_id=account_id, id=factor_id)
        return _factor(row) if row else None

    async def delete_all(self, account_id: int) -> int:
        """All factors and recovery codes; returns how many factors there were."""
        await self._tx.execute(QUERIES.delete_codes, account_id=account_id)
        return await self._tx.execute(QUERIES.delete_factors, account_id=account_id)

    async def delete_since(self, account_id: int, since: datetime) -> list[Factor]:
        """Delete the factors and recovery codes that were made since then; returns the factors."""
        await self._tx.execute(QUERIES.delete_codes_since, account_id=account_id, since=since)
        rows = await self._tx.all(QUERIES.delete_factors_since, account_id=account_id, since=since)
        return [_factor(row) for row in rows]

    async def use_totp(self, factor_id: int, step: int, now: datetime) -> bool:
        """Mark a code as used; false if it, or a later one, was used before."""
        return bool(await self._tx.execute(QUERIES.use_totp, id=factor_id, step=step, now=now))

    async def use_passkey(self, factor_id: int, count: int, now: datetime) -> bool:
        """Store the count of signatures; false if it has not grown."""
        return bool(await self._tx.execute(QUERIES.use_passkey, id=factor_id, count=count, now=now))

    async def set_has_factor(self, account_id: int, has: bool) -> None:
        await self._tx.execute(QUERIES.set_has_factor, account_id=account_id, has=has)

    # Recovery codes

    async def unused_codes(self, account_id: int) -> list[tuple[int, str]]:
        """Ids and digests."""
        rows = await self._tx.all(QUERIES.unused_codes, account_id=account_id)
        return [(row["id"], row["digest"]) for row in rows]

    async def count_unused_codes(self, account_id: int) -> int:
        count: int = await self._tx.value(QUERIES.count_unused_codes, account_id=account_id)
        return count

    async def use_code(self, code_id: int, now: datetime) -> bool:
        """False if it was used before."""
        return bool(await self._tx.execute(QUERIES.use_code, id=code_id, now=now))

    async def replace_codes(self, account_id: int, digests: Sequence[str], now: datetime) -> None:
        await self._tx.execute(QUERIES.replace_codes, account_id=account_id, digests=list(digests), now=now)

    async def delete_codes(self, account_id: int) -> None:
        await self._tx.execute(QUERIES.delete_codes, account_id=account_id)

    # Challenges

    async def add_challenge(
        self,
        digest: bytes,
        purpose: Purpose,
        now: datetime,
        expires_at: datetime,
        *,
        account_id: int | None = None,
        session_id: uuid.UUID | None = None,
        channel: str | None = None,
        sealed: bytes | None = None,
    ) -> None:
        values = {
            "digest": digest,
            "purpose": purpose,
            "now": now,
            "expires_at": expires_at,
            "account_id": account_id,
            "session_id": session_id,
            "channel": channel,
            "sealed": sealed,
        }
        await self._tx.execute(QUERIES.add_challenge, values)

    async def challenge(self, digest: bytes, purpose: Purpose, now: datetime) -> Challenge | None:
        """An open challenge, of any session or channel, without counting a try."""
        values = {"digest": digest, "purpose": purpose, "now": now, "most": _MAX_TRIES}
        return _challenge(await self._tx.one_or_none(QUERIES.challenge, values))

    async def try_challenge(
        self,
        digest: bytes,
        purpose: Purpose,
        now: datetime,
        *,
        session_id: uuid.UUID | None = None,
        channel: str | None = None,
    ) -> Challenge | None:
        """Count a try of an open challenge of this session, or of this channel; the fifth is the last."""
        values = {
            "digest": digest,
            "purpose": purpose,
            "now": now,
            "most": _MAX_TRIES,
            "session_id": session_id,
            "channel": channel,
        }
        return _challenge(await self._tx.one_or_none(QUERIES.try_challenge, values))

    async def use_challenge(self, digest: bytes) -> bool:
        """End the challenge; false if a concurrent request has done so."""
        return bool(await self._tx.execute(QUERIES.use_challenge, digest=digest))

    async def end_challenges(self, account_id: int) -> None:
        """End the sign-ins of the account that wait for their second step."""
        await self._tx.execute(QUERIES.end_challenges, account_id=account_id)

    async def sweep(self, now: datetime, batch: int) -> int:
        """Delete expired challenges; at most ``batch``. Returns how many."""
        return await self._tx.execute(QUERIES.sweep_challenges, now=now, batch=batch)


def _factor(row: Row) -> Factor:
    return Factor(**{name: row[name] for name in _SHOWN})


def _stored(row: Row) -> StoredFactor:
    return StoredFactor(
        _factor(row),
        row["account_id"],
        bytes(row["sealed"]),
        row["last_step"],
        _bytes(row["credential_id"]),
        _bytes(row["user_handle"]),
        row["sign_count"],
        row["transports"] or (),
    )


def _challenge(row: Row | None) -> Challenge | None:
    return Challenge(row["account_id"], _bytes(row["sealed"])) if row else None


def _bytes(value: object) -> bytes | None:
    return None if value is None else bytes(value)  # type: ignore[call-overload]
