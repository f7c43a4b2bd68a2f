"""Editing the profile of an account, for every dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from mystar.accounts.age import require_adult
from mystar.accounts.contacts import ContactChanges
from mystar.accounts.credentials import (
    email_key,
    normalize_email,
    normalize_name,
    normalize_phone,
    normalize_username,
)
from mystar.accounts.drafts import normalize_field, require_birth_date
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import Account, AccountChanged, Actor, FieldChanged
from mystar.accounts.repository import AccountRepository, require_free
from mystar.accounts.sessions.step_up import StepUp
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits

#: What says who and where a person is. Its other texts and pictures are public, and stand as they are.
_AUDITED = (
    *("username", "first_name", "last_name", "email", "phone"),
    *("birth_date", "location", "language", "time_zone"),
)
#: Fields of an account and their new values.
ProfilePatch = Mapping[str, str | date | None]
FurtherChange = Callable[[Tx], Awaitable[object]]


class ProfileService:
    """Changes what people may change of their own accounts."""

    def __init__(
        self,
        db: Database,
        *,
        links: MailedLinks,
        contacts: ContactChanges,
        step_up: StepUp,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        self._db, self._links, self._contacts, self._step_up = db, links, contacts, step_up
        self._limits, self._clock = limits, clock

    async def edit(self, actor: Actor, *, also: FurtherChange | None = None, **given: Any) -> Account:
        """Change what is given, in a transaction of its own. The errors are those of `check` and `save`.

        :param also: a further change of the same transaction, such as a new avatar: all of it happens, or nothing.
        """
        change = await self.check(actor, **given)
        async with self._db.transaction() as tx:
            account = await self.save(tx, actor.id, change)
            if also is not None:
                await also(tx)
            return account

    async def check(
        self,
        actor: Actor,
        *,
        username: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        bio: str | None = None,
        location: str | None = None,
        birth_date: date | None = None,
        locale: str | None = None,
        time_zone: str | None = None,
        current_password: str | None = None,
        adults_only: bool = False,
    ) -> ProfilePatch:
        """What is given, checked and normalized, for `save`; an empty phone removes it (D10).

        :param locale: "ru" or "en", the language of mails. :param time_zone: of the database of zones; empty = none.

        A new e-mail or phone needs the password or a recent session, and can be undone (`ContactChanges`). A new e-mail
        has to be confirmed, and the links of the old one become invalid.

        :raises Invalid: by field. :raises Taken: by field. :raises TooMany: new e-mails, as each sends a mail.
        :raises TooYoung: see `register`.
        """
        if birth_date is not None:
            require_birth_date(birth_date, today=self._clock.today())
            if adults_only:
                require_adult(birth_date, self._clock.today())
        given = {
            "username": normalize_field("username", normalize_username, username),
            "email": normalize_field("email", normalize_email, email),
            "first_name": normalize_field("first_name", normalize_name, first_name),
            "last_name": normalize_field("last_name", normalize_name, last_name),
            "bio": bio,
            "location": location,
        }
        change: dict[str, str | date | None] = {
            name: value.strip() for name, value in given.items() if value is not None
        }
        if birth_date is not None:
            change["birth_date"] = birth_date
        if locale is not None:
            change["language"] = locale
        if time_zone is not None:
            change["time_zone"] = time_zone or None
        if phone is not None:
            change["phone"] = normalize_field("phone", normalize_phone, phone)
        await self._require_owner(actor, change, current_password)
        return change

    async def save(self, tx: Tx, account_id: int, change: ProfilePatch) -> Account:
        """:param change: of `check`, before the transaction. :raises Taken: by field."""
        accounts = AccountRepository(tx)
        old = await accounts.lock(account_id)
        new = replace(old, **change)  # type: ignore[arg-type]
        await require_free(accounts, new.username, new.email, new.phone, but=old.id)
        await accounts.change_profile(new)
        await tx.publish(AccountChanged(old.id))
        for field in _AUDITED:
            before, after = (str(getattr(one, field) or "") for one in (old, new))
            if before != after:
                await tx.publish(FieldChanged(old.id, field, before, after))
        if (new.phone or "") != (old.phone or ""):
            await self._contacts.notify(tx, old, new, "phone")
        if email_key(new.email or "") != email_key(old.email or ""):
            await self._change_email(tx, old, new)
        return await accounts.get(old.id)

    async def _change_email(self, tx: Tx, old: Account, new: Account) -> None:
        await AccountRepository(tx).use_up_mailed_tokens(old.id, self._clock.now())
        await self._links.mail_confirmation(tx, new)
        await self._contacts.notify(tx, old, new, "email")

    async def _require_owner(self, actor: Actor, change: Mapping[str, object], password: str | None) -> None:
        """Step-up for a new e-mail or phone, and the limit of mails for a new e-mail."""
        if not change.keys() & {"email", "phone"}:
            return
        old = await AccountRepository(self._db).get(actor.id)
        new_email = email_key(str(change.get("email") or "")) not in ("", email_key(old.email or ""))
        if new_email or ("phone" in change and change["phone"] != old.phone):
            await self._step_up.require(actor, password)
        if new_email:
            await self._limits.hit("mailed_link", actor.id)
