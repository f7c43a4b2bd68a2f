"""Accounts, sessions and mailed tokens as rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Literal, cast

from mystar.accounts.credentials import Credential, email_key, key_of
from mystar.accounts.model import (
    Account,
    AccountDraft,
    Channel,
    ClientInfo,
    Language,
    MailedToken,
    Role,
    Session,
    taken,
)
from mystar.errors import MystarError, NotFound
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "account": QUERIES.export_account,
        "sessions": QUERIES.export_sessions,
        "contact_changes": QUERIES.export_contact_changes,
    },
    erasures=(
        QUERIES.erase_sessions,
        QUERIES.erase_mailed_tokens,
        QUERIES.erase_contact_changes,
        QUERIES.erase_account,
    ),
    obstacles=QUERIES.erasure_obstacles,
)
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {
    "accounts_username_key": taken("username"),
    "accounts_email_key": taken("email"),
    "accounts_phone_key": taken("phone"),
}
Purpose = Literal["confirm_email", "reset_password"]
_COLUMNS = tuple(column.name for column in fields(Account))

#: Former names of dialects, in rows written before they were renamed.
_RENAMED: dict[str, Channel] = {"house": "market"}


def stored_channel(name: str) -> Channel:
    """The current name of a stored channel."""
    return _RENAMED.get(name, cast(Channel, name))


class AccountRepository:
    """Accounts, sessions and mailed tokens. ``tx`` is a transaction, or the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def get(self, account_id: int) -> Account:
        """:raises NotFound: no account has this id."""
        return _account(await self._tx.one_or_none(QUERIES.account, id=account_id))

    async def lock(self, account_id: int) -> Account:
        """:raises NotFound: no account has this id."""
        return _account(await self._tx.one_or_none(QUERIES.lock_account, id=account_id))

    async def lock_with_hash(self, account_id: int) -> tuple[Account, str | None]:
        """:raises NotFound: no account has this id."""
        row = await self._tx.one_or_none(QUERIES.lock_account, id=account_id)
        return _account(row), row["password_hash"] if row else None

    async def password_hash(self, account_id: int) -> str | None:
        stored: str | None = await self._tx.value(QUERIES.password_hash, id=account_id)
        return stored

    async def find(self, who: Credential) -> tuple[Account, str | None] | None:
        """The account and its password hash, or None."""
        row = await self._tx.one_or_none(
            QUERIES.account_by_credential, username_key=who.username_key, email_key=who.email_key, phone=who.phone
        )
        return (_account(row), row["password_hash"]) if row else None

    async def taken(self, *, username: str, email: str | None, phone: str | None, but: int | None = None) -> list[str]:
        """Which of the three belong to an account other than ``but``."""
        keys = {"username_key": key_of(username), "email_key": email and email_key(email), "phone": phone}
        return [name for name, is_taken in (await self._tx.one(QUERIES.taken, but=but, **keys)).items() if is_taken]

    async def add(
        self,
        draft: AccountDraft,
        *,
        password_hash: str | None,
        language: Language,
        role: Role | None = None,
        email_verified_at: datetime | None = None,
        channel: Channel = "market",
    ) -> Account:
        """:raises Taken: by a concurrent request."""
        values = {
            **asdict(draft),
            "username_key": key_of(draft.username),
            "email_key": draft.email and email_key(draft.email),
            "password_hash": password_hash,
            "language": language,
            "role": role,
            "email_verified_at": email_verified_at,
            "channel": channel,
        }
        return _account(await self._tx.one(QUERIES.add_account, values))

    async def change_profile(self, account: Account) -> None:
        """Write the editable fields. :raises Taken: user name, e-mail or phone belongs to another account."""
        keys = {"username_key": key_of(account.username), "email_key": account.email and email_key(account.email)}
        await self._tx.execute(QUERIES.change_profile, {**asdict(account), **keys})

    async def change_password(self, account_id: int, password_hash: str) -> None:
        await self._tx.execute(QUERIES.change_password, id=account_id, password_hash=password_hash)

    async def change_avatar(self, account_id: int, file_id: int | None, key: str | None) -> None:
        await self._tx.execute(QUERIES.change_avatar, id=account_id, avatar_id=file_id, avatar_key=key)

    async def change_activity(self, account_id: int, *, is_active: bool) -> None:
        await self._tx.execute(QUERIES.change_activity, id=account_id, is_active=is_active)

    async def lock_owners(self) -> set[int]:
        """The ids of the active owners, locked until the transaction ends."""
        return {row["id"] for row in await self._tx.all(QUERIES.lock_owners)}

    async def staff(self) -> list[Account]:
        """Owners first, then by name; at most 1000."""
        return [_account(row) for row in await self._tx.all(QUERIES.staff)]

    async def change_role(self, account_id: int, role: Role | None) -> None:
        await self._tx.execute(QUERIES.change_role, id=account_id, role=role)

    async def confirm_email(self, account_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.confirm_email, id=account_id, now=now)

    async def add_session(
        self,
        session_id: uuid.UUID,
        account_id: int,
        channel: str,
        client: ClientInfo,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        await self._tx.execute(
            QUERIES.add_session,
            id=session_id,
            account_id=account_id,
            channel=channel,
            now=now,
            expires_at=expires_at,
            user_agent=client.user_agent,
            address=client.address,
        )

    async def active_session(self, session_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Row]:
        """Those that are, with ``channel, created_at, expires_at`` and the account's ``id, username, email, role``."""
        rows = await self._tx.all(QUERIES.active_session, ids=list(session_ids), now=now)
        return {row["session_id"]: row for row in rows}

    async def lock_session(self, session_id: uuid.UUID, now: datetime) -> Row | None:
        """Like `active_session`, locked for a change."""
        return await self._tx.one_or_none(QUERIES.lock_session, id=session_id, now=now)

    async def rotations(self, session_id: uuid.UUID) -> dict[int, datetime]:
        """When its refresh tokens were rotated, by generation; old ones are missing."""
        rows = await self._tx.all(QUERIES.rotations, id=session_id)
        return {row["generation"]: row["rotated_at"] for row in rows}

    async def add_rotation(self, session_id: uuid.UUID, generation: int, now: datetime, before: datetime) -> None:
        """Record the rotation of a generation, and delete rotations older than ``before``."""
        await self._tx.execute(QUERIES.add_rotation, id=session_id, generation=generation, now=now, before=before)

    async def touch_session(
        self, session_id: uuid.UUID, *, generation: int, used: bool, now: datetime, expires_at: datetime
    ) -> None:
        values = {"id": session_id, "generation": generation, "used": used, "now": now, "expires_at": expires_at}
        await self._tx.execute(QUERIES.touch_session, values)

    async def active_sessions(self, account_id: int, now: datetime, limit: int, offset: int) -> list[Session]:
        """Newest first."""
        values = {"account_id": account_id, "now": now, "limit": limit, "offset": offset}
        return [Session(**row) for row in await self._tx.all(QUERIES.active_sessions, values)]

    async def count_active_sessions(self, account_id: int, now: datetime) -> int:
        count: int = await self._tx.value(QUERIES.count_active_sessions, account_id=account_id, now=now)
        return count

    async def active_among(self, session_ids: Sequence[uuid.UUID], now: datetime) -> set[uuid.UUID]:
        """Which of these sessions are active."""
        rows = await self._tx.all(QUERIES.active_among, ids=list(session_ids), now=now)
        return {row["id"] for row in rows}

    async def end_sessions(self, account_id: int, session_id: uuid.UUID | None, reason: str, now: datetime) -> int:
        return await self._tx.execute(
            QUERIES.end_sessions, account_id=account_id, id=session_id, reason=reason, now=now
        )

    async def other_sessions(self, account_id: int, but: uuid.UUID | None, now: datetime) -> list[uuid.UUID]:
        """The ids of its active sessions other than ``but``."""
        return [
            row["id"] for row in await self._tx.all(QUERIES.other_sessions, account_id=account_id, but=but, now=now)
        ]

    async def authenticated_at(self, session_id: uuid.UUID) -> datetime | None:
        """When the session's person last gave a password or came from a provider."""
        moment: datetime | None = await self._tx.value(QUERIES.authenticated_at, id=session_id)
        return moment

    async def reauthenticate(self, session_id: uuid.UUID, now: datetime) -> None:
        await self._tx.execute(QUERIES.reauthenticate, id=session_id, now=now)

    async def revoke_devices(self, account_id: int, now: datetime) -> None:
        """Device cookies given out before ``now`` are not recognized."""
        await self._tx.execute(QUERIES.revoke_devices, id=account_id, now=now)

    async def devices_revoked_at(self, account_id: int) -> datetime | None:
        moment: datetime | None = await self._tx.value(QUERIES.devices_revoked_at, id=account_id)
        return moment

    async def unconfirmed_from(self, account_id: int) -> str | None:
        """The network that registered an account whose e-mail was never confirmed."""
        network: str | None = await self._tx.value(QUERIES.unconfirmed_from, id=account_id)
        return network

    async def register_from(self, account_id: int, network: str) -> None:
        await self._tx.execute(QUERIES.register_from, id=account_id, network=network)

    async def remove_password(self, account_id: int) -> None:
        await self._tx.execute(QUERIES.remove_password, id=account_id)

    async def add_mailed_token(
        self, account_id: int, purpose: Purpose, digest: bytes, now: datetime, expires_at: datetime
    ) -> None:
        await self._tx.execute(
            QUERIES.add_mailed_token,
            account_id=account_id,
            purpose=purpose,
            digest=digest,
            now=now,
            expires_at=expires_at,
        )

    async def mailed_token(self, purpose: Purpose, digest: bytes) -> MailedToken | None:
        row = await self._tx.one_or_none(QUERIES.mailed_token, purpose=purpose, digest=digest)
        return MailedToken(**row) if row else None

    async def use_mailed_token(self, purpose: Purpose, digest: bytes, now: datetime) -> int | None:
        """The account's id, once; None for an unknown, used or expired token."""
        account_id: int | None = await self._tx.value(QUERIES.use_mailed_token, purpose=purpose, digest=digest, now=now)
        return account_id

    async def use_up_mailed_tokens(self, account_id: int, now: datetime, purpose: Purpose | None = None) -> None:
        """Invalidate the unused links of the account, of one purpose or of all."""
        await self._tx.execute(QUERIES.use_up_mailed_tokens, account_id=account_id, purpose=purpose, now=now)

    async def lock_phone_holder(self, phone: str) -> Account | None:
        row = await self._tx.one_or_none(QUERIES.lock_phone_holder, phone=phone)
        return _account(row) if row else None

    async def release_phone(self, account_id: int, now: datetime) -> None:
        """Remove a phone that was never proven."""
        await self._tx.execute(QUERIES.release_phone, id=account_id, now=now)

    async def prove_phone(self, account_id: int, phone: str, now: datetime) -> None:
        """:raises Taken: by a concurrent request."""
        await self._tx.execute(QUERIES.prove_phone, id=account_id, phone=phone, now=now)

    async def lock_for_erasure(self, account_id: int) -> Account:
        """:raises NotFound: no account has this id, or it is erased already."""
        return _account(await self._tx.one_or_none(QUERIES.lock_for_erasure, id=account_id))

    async def set_erasure_due(self, account_id: int, due_at: datetime | None) -> None:
        await self._tx.execute(QUERIES.set_erasure_due, id=account_id, due_at=due_at)

    async def former_contacts(self, account_id: int) -> list[tuple[str, str]]:
        """``"email"`` or ``"phone"``, and the value that a change has replaced."""
        rows = await self._tx.all(QUERIES.former_contacts, account_id=account_id)
        return [(row["field"], row["old_value"]) for row in rows]

    async def taken_usernames(self, names: Sequence[str], *, but: int) -> set[str]:
        """Which of the keys belong to accounts other than ``but``."""
        return {row["username_key"] for row in await self._tx.all(QUERIES.aliases_taken, keys=list(names), id=but)}

    async def sweep(self, before: datetime, batch: int) -> int:
        """Delete sessions and links that ended before; at most about ``batch`` of each kind. Returns how many."""
        values = {"before": before, "batch": batch}
        sweeps = (QUERIES.sweep_sessions, QUERIES.sweep_mailed_tokens, QUERIES.sweep_contact_changes)
        return sum([await self._tx.execute(sweep, values) for sweep in sweeps])


class ContactChangeRepository:
    """Changes of e-mail and phone that can be undone."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self, account_id: int, field: str, old_value: str | None, digest: bytes, now: datetime, expires_at: datetime
    ) -> None:
        await self._tx.execute(
            QUERIES.add_contact_change,
            account_id=account_id,
            field=field,
            old_value=old_value,
            digest=digest,
            now=now,
            expires_at=expires_at,
        )

    async def find(self, digest: bytes, now: datetime) -> Row | None:
        """``id, account_id, field, old_value, changed_at`` of a change that can be undone."""
        return await self._tx.one_or_none(QUERIES.contact_change, digest=digest, now=now)

    async def is_pending(self, account_id: int, field: str, now: datetime) -> bool:
        """Whether a change of the field can be undone."""
        values = {"account_id": account_id, "field": field, "now": now}
        return bool(await self._tx.value(QUERIES.has_contact_change, values))

    async def first_email(self, account_id: int, now: datetime) -> str | None:
        """What the e-mail was before all changes of it that can be undone; None = there are none."""
        email: str | None = await self._tx.value(QUERIES.first_email, account_id=account_id, now=now)
        return email

    async def undo(self, account_id: int, change_id: int, now: datetime) -> dict[str, str | None]:
        """Mark the change and later ones as undone; what is to be restored, by field."""
        rows = await self._tx.all(QUERIES.undo_contact_changes, account_id=account_id, id=change_id, now=now)
        return {row["field"]: row["old_value"] for row in rows}

    async def restore(self, account_id: int, field: str, value: str | None, now: datetime) -> None:
        """:raises Taken: another account has the value now."""
        key = email_key(value) if value and field == "email" else None
        await self._tx.execute(QUERIES.restore_contact, id=account_id, field=field, value=value, key=key, now=now)


async def require_free(
    accounts: AccountRepository, username: str, email: str | None, phone: str | None, but: int | None = None
) -> None:
    """:raises Taken: names all fields; between concurrent requests, the constraints decide."""
    if names := await accounts.taken(username=username, email=email, phone=phone, but=but):
        raise taken(*names)()


def _account(row: Row | None) -> Account:
    if row is None:
        raise NotFound
    if row["avatar_id"] is None:  # the file was deleted
        row["avatar_key"] = None
    return Account(**{name: row[name] for name in _COLUMNS})
