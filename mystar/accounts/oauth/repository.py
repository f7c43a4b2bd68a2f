"""Identities at the providers, and sign-in attempts, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from mystar.accounts.oauth.model import AlreadyRegistered, Identity
from mystar.errors import MystarError
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "linked_sign_ins": QUERIES.export_identities,
    },
    erasures=(QUERIES.erase_identities,),
)
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {"provider_identities_pkey": AlreadyRegistered}


class ProviderRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def account_of(self, issuer: str, subject: str) -> int | None:
        """The account that the identity is linked to."""
        account_id: int | None = await self._tx.value(QUERIES.identity_account, issuer=issuer, subject=subject)
        return account_id

    async def add_identity(self, issuer: str, subject: str, account_id: int) -> None:
        """:raises AlreadyRegistered: by a concurrent request."""
        await self._tx.execute(QUERIES.add_identity, issuer=issuer, subject=subject, account_id=account_id)

    async def identities(self, account_id: int) -> list[Identity]:
        """In the order in which they were linked; at most 100."""
        return [Identity(**row) for row in await self._tx.all(QUERIES.identities, account_id=account_id)]

    async def delete_identities(self, account_id: int, identity_id: int | None = None) -> list[str]:
        """Delete one identity of the account, or all; returns their providers."""
        rows = await self._tx.all(QUERIES.delete_identities, account_id=account_id, id=identity_id)
        return [row["issuer"] for row in rows]

    async def taken_usernames(self, keys: Iterable[str]) -> set[str]:
        return {row["username_key"] for row in await self._tx.all(QUERIES.taken_usernames, keys=list(keys))}

    async def add_attempt(self, **columns: Any) -> None:
        """The columns of `sign_in_attempts`; ``now`` is when it begins."""
        await self._tx.execute(QUERIES.add_attempt, columns)

    async def attempt_by_state(self, digest: bytes, provider: str, channel: str, now: datetime) -> Row | None:
        """``id, browser, client, has_pkce`` of an open attempt."""
        values = {"digest": digest, "provider": provider, "channel": channel, "now": now}
        return await self._tx.one_or_none(QUERIES.attempt_by_state, values)

    async def attempts_of_browser(self, browser: bytes, provider: str, channel: str, now: datetime) -> list[int]:
        """The ids of open attempts, newest first; at most two."""
        values = {"browser": browser, "provider": provider, "channel": channel, "now": now}
        return [row["id"] for row in await self._tx.all(QUERIES.attempts_of_browser, values)]

    async def attempts_of_client(self, client: bytes, provider: str, channel: str, now: datetime) -> list[int]:
        """The ids of open attempts with PKCE; at most two."""
        values = {"client": client, "provider": provider, "channel": channel, "now": now}
        return [row["id"] for row in await self._tx.all(QUERIES.attempts_of_client, values)]

    async def use_attempt(self, attempt_id: int, now: datetime) -> Row | None:
        """``digest, verifier, redirect_url``, once; None if a concurrent request has used it."""
        return await self._tx.one_or_none(QUERIES.use_attempt, id=attempt_id, now=now)

    async def remember_token(self, digest: bytes, token_digest: bytes, until: datetime) -> None:
        await self._tx.execute(QUERIES.remember_token, digest=digest, token_digest=token_digest, until=until)

    async def is_own_token(self, token_digest: bytes, provider: str, now: datetime) -> bool:
        return bool(await self._tx.value(QUERIES.is_own_token, token_digest=token_digest, provider=provider, now=now))

    async def sweep(self, before: datetime, batch: int) -> int:
        return await self._tx.execute(QUERIES.sweep_attempts, before=before, batch=batch)
