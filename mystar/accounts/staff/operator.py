"""Commands for staff accounts, which need no account of their own."""

from __future__ import annotations

from mystar.accounts.credentials import credential_of
from mystar.accounts.drafts import require_good_password
from mystar.accounts.model import (
    Account,
    AccountBlocked,
    AccountChanged,
    AccountUnblocked,
    PasswordChanged,
    PersonUnknown,
    Role,
    RoleChanged,
)
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.staff.service import LastOwner
from mystar.errors import Conflict, Forbidden, Text
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.security.passwords import Passwords


class NoStaff(Conflict):
    """A command for staff accounts names an account without a role."""

    code = "no_staff"
    text = Text("Это не сотрудник.", "This is no member of the staff.")


class Operator:
    """Every method takes a user name, an e-mail or a phone, and raises ``PersonUnknown`` if no account has it."""

    def __init__(self, db: Database, *, passwords: Passwords, sessions: Sessions, clock: Clock) -> None:
        self._db, self._passwords, self._sessions, self._clock = db, passwords, sessions, clock

    async def member(self, login: str) -> Account:
        """The staff account of this log-in. :raises Forbidden: it may not change things."""
        account = await AccountRepository(self._db).get(await self._find(login))
        if account.role not in ("operator", "owner"):
            raise Forbidden
        return account

    async def account(self, login: str) -> Account:
        """Any account; ``id:17`` names one by its number. :raises NotFound: no account has the number."""
        number = login.removeprefix("id:")
        is_number = login.startswith("id:") and number.isascii() and number.isdigit()
        return await AccountRepository(self._db).get(int(number) if is_number else await self._find(login))

    async def staff(self) -> list[Account]:
        """All staff accounts, owners first; at most 1000."""
        return await AccountRepository(self._db).staff()

    async def set_role(self, login: str, role: Role | None) -> Account:
        """Give the account a role, or take it away with None; a changed role ends its sessions.

        :raises LastOwner: the account is the only active owner.
        """
        account_id = await self._find(login)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            owners = await accounts.lock_owners()
            account = await accounts.lock(account_id)
            if role != "owner" and owners == {account_id}:
                raise LastOwner
            if account.role != role:
                await accounts.change_role(account_id, role)
                await tx.publish(RoleChanged(account_id, account.role, role))
                await self._sessions.end(tx, account_id, reason="role_changed")
            return await accounts.get(account_id)

    async def disable(self, login: str) -> Account:
        """Block a staff account and end its sessions. :raises NoStaff: :raises LastOwner:"""
        return await self._set_activity(login, is_active=False)

    async def enable(self, login: str) -> Account:
        """:raises NoStaff:"""
        return await self._set_activity(login, is_active=True)

    async def reset(self, login: str, password: str) -> Account:
        """Set the password of a staff account; ends its sessions.

        :raises NoStaff: :raises Invalid: the password.
        """
        account_id = await self._find(login)
        account = await AccountRepository(self._db).get(account_id)
        _require_staff(account)
        require_good_password("password", password, account)
        hashed = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            _require_staff(await accounts.lock(account_id))
            await accounts.change_password(account_id, hashed)
            await accounts.use_up_mailed_tokens(account_id, self._clock.now(), "reset_password")
            await self._sessions.end(tx, account_id, reason="password_reset")
            await tx.publish(PasswordChanged(account_id, "password_reset"))
        return account

    async def _set_activity(self, login: str, *, is_active: bool) -> Account:
        account_id = await self._find(login)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            owners = await accounts.lock_owners()
            account = await accounts.lock(account_id)
            _require_staff(account)
            if not is_active and owners == {account_id}:
                raise LastOwner
            if account.is_active is not is_active:
                await accounts.change_activity(account_id, is_active=is_active)
                await tx.publish(AccountChanged(account_id))
                await tx.publish(AccountUnblocked(account_id) if is_active else AccountBlocked(account_id))
            if not is_active:
                await self._sessions.end(tx, account_id, reason="blocked")
            return await accounts.get(account_id)

    async def _find(self, login: str) -> int:
        found = await AccountRepository(self._db).find(credential_of(login))
        if found is None:
            raise PersonUnknown
        return found[0].id


def _require_staff(account: Account) -> None:
    if account.role is None:
        raise NoStaff
