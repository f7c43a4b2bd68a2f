"""Roles and blocking of accounts, and sessions as staff see them."""

from __future__ import annotations

import uuid

from mystar.accounts.credentials import normalize_phone
from mystar.accounts.drafts import normalize_field
from mystar.accounts.model import (
    Account,
    AccountBlocked,
    AccountChanged,
    AccountUnblocked,
    Actor,
    NotYourself,
    Role,
    RoleChanged,
    Session,
    taken,
)
from mystar.accounts.phones import PhoneProofs
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.step_up import StepUp
from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import Page, PageRequest

_NEEDED = Text("Обязательное поле.", "Missing data for required field.")


class NotYourRole(Forbidden):
    """Staff changes the role of its own account."""

    code = "not_your_role"
    text = Text("Свою роль изменить нельзя.", "You cannot change your own role.")


class LastOwner(Conflict):
    """The last account with the role of owner cannot lose it."""

    code = "last_owner"
    text = Text("Без единого владельца остаться нельзя.", "There has to be an owner.")


class StaffService:
    """What owners do with roles, and staff with accounts."""

    def __init__(self, db: Database, sessions: Sessions, step_up: StepUp, phones: PhoneProofs) -> None:
        self._db, self._sessions, self._step_up, self._phones = db, sessions, step_up, phones

    async def require_owner(self, actor: Actor) -> None:
        """Before staff are made. :raises Forbidden: not an owner. :raises ReauthenticationNeeded:"""
        if actor.role != "owner":
            raise Forbidden
        await self._step_up.require(actor)

    async def set_role(self, actor: Actor, account_id: int, role: Role | None) -> Account:
        """Give the account a role, or take it away with None. A changed role ends its sessions.

        :raises Forbidden: not an owner. :raises NotYourRole: :raises NotFound: no account has this id.
        :raises LastOwner: two owners take the role from each other.
        :raises ReauthenticationNeeded: see `StepUp.require`.
        """
        if actor.role != "owner":
            raise Forbidden
        if actor.id == account_id:
            raise NotYourRole
        await self._step_up.require(actor)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            owners = await accounts.lock_owners()
            account = await accounts.lock(account_id)
            if account.role == "owner" and role != "owner" and owners <= {account_id}:
                raise LastOwner
            if account.role != role:
                await accounts.change_role(account_id, role)
                await tx.publish(RoleChanged(account_id, account.role, role))
                await self._sessions.end(tx, account_id, reason="role_changed")
            return await accounts.get(account_id)

    async def prove_phone(self, actor: Actor, account_id: int, phone: str, reason: str) -> None:
        """Set the phone of an account as proven, after the staff have seen a proof.

        An account that has it without a proof loses it.

        :param reason: what the proof was. :raises Forbidden: as for `block`. :raises NotFound: :raises Invalid:
        :raises Taken: another account has proven it.
        """
        actor.require_operator()
        number = normalize_field("phone", normalize_phone, phone)
        if number is None or not reason.strip():
            raise Invalid(fields={"phone" if number is None else "reason": [_NEEDED]})
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if account.role is not None and actor.role != "owner":
                raise Forbidden
            if not await self._phones.prove(tx, account, number, by="staff", reason=reason):
                raise taken("phone")()

    async def sessions_of(self, actor: Actor, account_id: int, page: PageRequest) -> Page[Session]:
        """The active sessions of an account, newest first. :raises Forbidden: not staff."""
        actor.require_staff()
        return await self._sessions.active(account_id, page)

    async def end_session(self, actor: Actor, account_id: int, session_id: uuid.UUID) -> None:
        """End one session of an account.

        :raises Forbidden: not an operator, or the account is another member of the staff and the actor no owner.
        :raises NotFound: the account has no such active session.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if account.role is not None and actor.role != "owner" and actor.id != account_id:
                raise Forbidden
            if not await self._sessions.end(tx, account_id, session_id=session_id, reason="ended_by_staff"):
                raise NotFound

    async def block(self, actor: Actor, account_id: int) -> None:
        """Block the account: its sessions end, and it cannot log in.

        :raises Forbidden: not an operator, the actor's own account, or a staff account when the actor is no owner.
        :raises NotFound:
        """
        await self._set_activity(actor, account_id, is_active=False)

    async def unblock(self, actor: Actor, account_id: int) -> None:
        """:raises Forbidden: as for `block`. :raises NotFound:"""
        await self._set_activity(actor, account_id, is_active=True)

    async def _set_activity(self, actor: Actor, account_id: int, *, is_active: bool) -> None:
        actor.require_operator()
        if actor.id == account_id:
            raise NotYourself
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            owners = await accounts.lock_owners()
            account = await accounts.lock(account_id)
            if account.role is not None and actor.role != "owner":
                raise Forbidden
            if not is_active and owners == {account_id}:
                raise LastOwner
            await accounts.change_activity(account_id, is_active=is_active)
            await tx.publish(AccountChanged(account_id))
            await tx.publish(AccountUnblocked(account_id) if is_active else AccountBlocked(account_id))
            if not is_active:
                await self._sessions.end(tx, account_id, reason="blocked")
