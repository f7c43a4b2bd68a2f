"""What the erasure of an account needs of its row: the names it had, and the number that it becomes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from mystar.accounts.model import Account, AccountChanged
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Tx
from mystar.kit.postgres.personal_data import ErasedPerson


class AccountErasure:
    """Used by `mystar.privacy`, inside its transactions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def lock(self, tx: Tx, account_id: int) -> Account:
        """The account; rows that refer to it wait, or are waited for. :raises NotFound: none, or erased already."""
        return await AccountRepository(tx).lock_for_erasure(account_id)

    async def schedule(self, tx: Tx, account_id: int, due_at: datetime | None) -> None:
        """Hide the services until ``due_at``, when the account is erased; None shows them again."""
        await AccountRepository(tx).set_erasure_due(account_id, due_at)
        await tx.publish(AccountChanged(account_id))

    async def end_sessions(self, tx: Tx, account_id: int, reason: str) -> None:
        await self._sessions.end(tx, account_id, reason=reason)

    async def person(self, tx: Tx, account: Account, former: Iterable[str]) -> ErasedPerson:
        """:param former: user names and full names that the account had before."""
        accounts = AccountRepository(tx)
        former_contacts = await accounts.former_contacts(account.id)
        contacts = [
            (field, value) for field, value in former_contacts if not await _is_anothers(accounts, field, value)
        ]
        emails = {account.email or "", *(value for field, value in contacts if field == "email")} - {""}
        phones = {account.phone or "", *(value for field, value in contacts if field == "phone")} - {""}
        full_names = {account.full_name, f"{account.last_name} {account.first_name}".strip()} - {""}
        names = {account.username, *former, *full_names, *emails, *phones}
        return ErasedPerson(
            account.id, await self._alias(accounts, account.id), tuple(names), tuple(emails), self._clock.now()
        )

    @staticmethod
    async def _alias(accounts: AccountRepository, account_id: int) -> str:
        """A user name that is free, even if another account has the obvious one."""
        plain = f"deleted-{account_id}"
        taken = await accounts.taken_usernames([plain], but=account_id)
        return f"{plain}-{secrets.token_hex(4)}" if taken else plain


async def _is_anothers(accounts: AccountRepository, field: str, value: str) -> bool:
    """Whether another account has the contact now: its mails and texts are not those of the erased person."""
    email, phone = (value, None) if field == "email" else (None, value)
    return bool(await accounts.taken(username="", email=email, phone=phone))
