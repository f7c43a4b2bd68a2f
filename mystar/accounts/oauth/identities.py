"""Linked sign-ins of an account, as its owner sees and removes them."""

from __future__ import annotations

from collections.abc import Iterable

from mystar.accounts.model import Actor
from mystar.accounts.oauth.model import Identity, IdentityLinked, IdentityUnlinked, LastSignIn
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.step_up import StepUp
from mystar.errors import NotFound
from mystar.kit.postgres.database import Database, Tx


class IdentityService:
    """Lists and removes linked sign-ins."""

    def __init__(self, db: Database, step_up: StepUp) -> None:
        self._db, self._step_up = db, step_up

    async def linked(self, actor: Actor) -> list[Identity]:
        """In the order in which they were linked."""
        return await ProviderRepository(self._db).identities(actor.id)

    async def unlink(self, actor: Actor, identity_id: int | None = None) -> None:
        """Remove one linked sign-in, or all.

        :raises NotFound: :raises LastSignIn: the account would have no way to log in.
        :raises ReauthenticationNeeded: see `StepUp.require`.
        """
        await self._step_up.require(actor)
        async with self._db.transaction() as tx:
            _, stored = await AccountRepository(tx).lock_with_hash(actor.id)
            removed = await self.drop(tx, actor.id, identity_id)
            if identity_id is not None and not removed:
                raise NotFound
            if stored is None and not await ProviderRepository(tx).identities(actor.id):
                raise LastSignIn

    async def drop(self, tx: Tx, account_id: int, identity_id: int | None = None) -> list[str]:
        """Remove one linked sign-in of the account, or all, within ``tx``; returns their providers."""
        removed = await ProviderRepository(tx).delete_identities(account_id, identity_id)
        left = await _providers(tx, account_id) if removed else []
        for at, provider in enumerate(removed):
            before, after = ([*left, *removed[one:]] for one in (at, at + 1))
            await tx.publish(IdentityUnlinked(account_id, provider, _text(before), _text(after)))
        return removed


async def linked_account(tx: Tx, provider: str, subject: str) -> int | None:
    """The account that the sign-in is linked with; locked, so that it still is at the commit. None = with none."""
    rows = ProviderRepository(tx)
    found = await rows.account_of(provider, subject)
    if found is None:
        return None
    await AccountRepository(tx).lock(found)
    # Removed meanwhile, as by the owner who takes the account back from a thief?
    return await rows.account_of(provider, subject)


async def link_identity(tx: Tx, account_id: int, provider: str, subject: str) -> None:
    """Link a sign-in with the account. :raises AlreadyRegistered: by a concurrent request."""
    before = await _providers(tx, account_id)
    await ProviderRepository(tx).add_identity(provider, subject, account_id)
    await tx.publish(IdentityLinked(account_id, provider, _text(before), _text([*before, provider])))


async def _providers(tx: Tx, account_id: int) -> list[str]:
    return [one.provider for one in await ProviderRepository(tx).identities(account_id)]


def _text(providers: Iterable[str]) -> str:
    return ", ".join(sorted(providers))
