"""Everything that people do with their accounts, whichever door they came through."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta

from mystar.accounts.credentials import credential_of, key_of, tidy_email, tidy_username
from mystar.accounts.drafts import require_good_password, tidied, tidied_field
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import (
    Account,
    AccountRegistered,
    Actor,
    Confirmed,
    ConfirmLinkUnknown,
    Door,
    Draft,
    EmailConfirmed,
    Language,
    LoginRefused,
    NotYourself,
    PasswordChanged,
    PasswordWrong,
    Person,
    ResetLinkUnknown,
    Role,
    SignedIn,
    Visitor,
    taken,
)
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions import Sessions
from mystar.errors import Forbidden, NotFound
from mystar.kit.clock import Clock
from mystar.kit.db import Database, Tx
from mystar.kit.limits import Limits
from mystar.kit.mail import Mailer
from mystar.kit.outbox import Letter, Outbox
from mystar.kit.passwords import Passwords
from mystar.kit.tokens import Tokens
from mystar.settings import TokenSettings

#: Outbox topic of requests for a reset. What is known about the person is looked up when the row is sent, so that a
#: request takes the same time whether there is such a person or not (contract D13).
RESETS = "password_reset"
_KEPT_AFTER_THE_END = timedelta(days=30)
_SWEPT_AT_ONCE = 1000


class AccountService:
    """Registration, log-in, sessions, mailed links, the profile, and what staff may do to people.

    :param settings: how long tokens, sessions and links live.
    :param public_url: what mailed links begin with.
    """

    def __init__(
        self,
        db: Database,
        *,
        passwords: Passwords,
        tokens: Tokens,
        limits: Limits,
        mailer: Mailer,
        outbox: Outbox,
        clock: Clock,
        settings: TokenSettings,
        public_url: str,
    ) -> None:
        self._db, self._passwords, self._limits, self._clock = db, passwords, limits, clock
        self._mailer, self._outbox = mailer, outbox
        self._sessions = Sessions(db, tokens=tokens, clock=clock, settings=settings)
        self._links = MailedLinks(
            db, mailer=mailer, limits=limits, clock=clock, settings=settings, public_url=public_url
        )

    # Becoming somebody

    async def register(self, visitor: Visitor, draft: Draft, password: str) -> Account:
        """A new account, and a mailed link that confirms its e-mail (contract D9-D14).

        :raises Invalid: by field. :raises Taken: by field. :raises TooMany: from one address.
        """
        await self._limits.hit("registration", visitor.address)
        draft = tidied(draft, password, today=self._clock.now().date())
        hashed = await self._hash_for(draft, password)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).add(draft, password_hash=hashed, language=visitor.language)
            await self._links.mail_confirmation(tx, account)
            await tx.publish(AccountRegistered(account.id))
        return account

    async def create(
        self,
        draft: Draft,
        password: str,
        *,
        role: Role | None = None,
        language: Language = "ru",
        any_password: bool = False,
    ) -> Account:
        """An account that we make ourselves: nothing is mailed, the e-mail counts as confirmed.

        :param any_password: for demo data, whose seed has passwords that nobody could register with.
        :raises Invalid: by field. :raises Taken: by field.
        """
        now = self._clock.now()
        draft = tidied(draft, None if any_password else password, today=now.date())
        hashed = await self._hash_for(draft, password)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).add(
                draft,
                password_hash=hashed,
                language=language,
                role=role,
                email_verified_at=now if draft.email else None,
            )
            await tx.publish(AccountRegistered(account.id))
        return account

    async def create_staff(
        self, *, username: str, password: str, email: str | None = None, phone: str | None = None, role: Role = "owner"
    ) -> Account:
        """:raises Invalid: by field. :raises Taken: by field."""
        return await self.create(Draft(username, email, phone), password, role=role)

    async def confirm_email(self, token: str, visitor: Visitor, door: Door | None) -> Confirmed:
        """Follow a mailed confirmation link. The first to follow it is signed in at ``door``, if any.

        Mail programs open links before people do. So a link that has done its work says so politely, but a second
        session it gives to nobody.

        :raises ConfirmLinkUnknown: also when its e-mail has been replaced. :raises ConfirmLinkExpired: :raises TooMany:
        """
        found = await self._links.look("confirm_email", token, visitor)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            account = await accounts.lock(found.account_id)
            if not account.is_active:
                raise ConfirmLinkUnknown
            if await self._links.use(tx, "confirm_email", token):
                await accounts.confirm_email(account.id, self._clock.now())
                account = await accounts.get(account.id)
                await tx.publish(EmailConfirmed(account.id))
                return Confirmed(account, await self._sessions.open(tx, account, visitor, door) if door else None)
            if account.is_verified:
                return Confirmed(account, None)
            raise ConfirmLinkUnknown

    # Signing in and out

    async def log_in(self, visitor: Visitor, door: Door, login: str, password: str) -> SignedIn:
        """A session for whoever knows the password; ``login`` is an e-mail, a phone or a user name.

        Failures are counted by address and by account. The count is asked again at the end, so that guesses made all
        at once gain nothing over guesses made one after the other.

        :raises LoginRefused: takes as long whatever the reason. :raises TooMany: :raises Unavailable:
        """
        who = credential_of(login)
        await self._limits.check("login_address", visitor.address)
        account, stored = await AccountRepository(self._db).find(who) or (None, None)
        key = account.id if account else who
        await self._limits.check("login_account", key)
        fits = await self._passwords.verify(password, stored)
        if account is None or not fits or not account.is_active:
            await self._limits.hit("login_address", visitor.address)
            await self._limits.hit("login_account", key)
            raise LoginRefused
        await self._limits.check("login_address", visitor.address)
        await self._limits.check("login_account", key)
        async with self._db.transaction() as tx:
            account, current = await AccountRepository(tx).lock_with_hash(account.id)
            if current != stored or not account.is_active:  # changed while we were counting
                raise LoginRefused
            return await self._sessions.open(tx, account, visitor, door)

    async def sign_in(self, account_id: int, visitor: Visitor, door: Door) -> SignedIn:
        """A session for somebody whose identity the caller has established otherwise.

        :raises LoginRefused: the account is blocked. :raises NotFound: there is none.
        """
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if not account.is_active:
                raise LoginRefused
            return await self._sessions.open(tx, account, visitor, door)

    async def authenticate(self, token: str) -> Actor:
        """:raises TokenRefused: see `Sessions.authenticate`."""
        return await self._sessions.authenticate(token)

    async def refresh(self, token: str) -> str:
        """:raises TokenRefused: see `Sessions.refresh`."""
        return await self._sessions.refresh(token)

    async def log_out(self, actor: Actor) -> None:
        async with self._db.transaction() as tx:
            await self._sessions.end(tx, actor.id, session_id=actor.session_id, reason="logout")

    async def end_session(self, actor: Actor, session_id: uuid.UUID) -> None:
        """:raises NotFound: the person has no such living session."""
        async with self._db.transaction() as tx:
            if not await self._sessions.end(tx, actor.id, session_id=session_id, reason="ended"):
                raise NotFound

    # Passwords

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Ends every session, the asking one included (contract D6).

        :raises PasswordWrong: the old one. :raises Invalid: the new one. :raises TooMany:
        """
        await self._limits.check("login_account", actor.id)
        stored = await AccountRepository(self._db).password_hash(actor.id)
        if not await self._passwords.verify(old, stored):
            await self._limits.hit("login_account", actor.id)
            raise PasswordWrong
        await self._limits.check("login_account", actor.id)  # see `log_in`
        require_good_password("new_password", new, await self.profile(actor.id))
        hashed = await self._passwords.hash(new)
        async with self._db.transaction() as tx:
            account, current = await AccountRepository(tx).lock_with_hash(actor.id)
            if current != stored:
                raise PasswordWrong
            await self._set_password(tx, account, hashed, reason="password_changed")

    async def ask_reset(self, email: str, visitor: Visitor) -> None:
        """Mail a link that sets a new password, if there is such a person; the caller never learns.

        :raises Invalid: not an e-mail. :raises TooMany: from one address, or to one mailbox.
        """
        key = key_of(tidied_field("email", tidy_email, email) or "")
        await self._limits.hit("anonymous_form", RESETS, visitor.address)
        await self._limits.hit("mailed_link", key)
        async with self._db.transaction() as tx:
            await self._outbox.put(tx, RESETS, {"email": key})

    async def send_reset_link(self, letter: Letter) -> None:
        """The outbox's handler for ``RESETS``."""
        found = await AccountRepository(self._db).find(credential_of(letter.payload["email"]))
        if found and found[0].is_active:
            async with self._db.transaction() as tx:
                await self._links.mail_reset(tx, found[0])

    async def check_reset_link(self, token: str, visitor: Visitor) -> Account:
        """Whose reset link this is, while it works.

        :raises ResetLinkUnknown: used ones too. :raises ResetLinkExpired: :raises TooMany:
        """
        found = await self._links.look("reset_password", token, visitor)
        account = await self.profile(found.account_id)
        if found.used_at or not account.is_active:
            raise ResetLinkUnknown
        return account

    async def reset_password(self, token: str, password: str, visitor: Visitor) -> None:
        """Set a new password by a mailed link; every session and every other link of the account ends.

        :raises Invalid: the password. :raises ResetLinkUnknown: :raises ResetLinkExpired: :raises TooMany:
        """
        account = await self.check_reset_link(token, visitor)
        require_good_password("password", password, account)
        hashed = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account.id)
            if not await self._links.use(tx, "reset_password", token):
                raise ResetLinkUnknown
            # Whoever follows the link reads the mailbox, which is all that a confirmation would show.
            await AccountRepository(tx).confirm_email(account.id, self._clock.now())
            await self._set_password(tx, account, hashed, reason="password_reset")

    # The profile

    async def profile(self, account_id: int) -> Account:
        """:raises NotFound: nobody has this id."""
        return await AccountRepository(self._db).get(account_id)

    async def public(self, account_ids: Iterable[int]) -> dict[int, Person]:
        """What anybody may know, by id; who does not exist is left out."""
        return await AccountRepository(self._db).people(account_ids)

    async def edit_profile(
        self,
        actor: Actor,
        *,
        username: str | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Account:
        """Change what is given. A new e-mail must be confirmed anew, the old one is told, and its links die.

        :raises Invalid: by field. :raises Taken: by field. :raises TooMany: new e-mails, since each is a mail.
        """
        name = tidied_field("username", tidy_username, username)
        mailbox = tidied_field("email", tidy_email, email)
        if mailbox and key_of(mailbox) != key_of((await self.profile(actor.id)).email or ""):
            await self._limits.hit("mailed_link", actor.id)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            old = await accounts.lock(actor.id)
            await self._require_free(accounts, name or old.username, mailbox or old.email, None, but=old.id)
            await accounts.change_profile(
                old.id,
                username=name or old.username,
                email=mailbox or old.email,
                first_name=old.first_name if first_name is None else first_name.strip(),
                last_name=old.last_name if last_name is None else last_name.strip(),
            )
            new = await accounts.get(old.id)
            if key_of(new.email or "") != key_of(old.email or ""):
                await self._move_mailbox(tx, old, new)
        return new

    async def set_avatar(self, tx: Tx, account_id: int, file_id: int | None, key: str | None) -> int | None:
        """Part of the transaction that attaches the file; ``key`` is its path behind /media/.

        :returns: the id of the file that was the avatar before.
        """
        accounts = AccountRepository(tx)
        before = await accounts.lock(account_id)
        await accounts.change_avatar(account_id, file_id, key)
        return before.avatar_id

    # Staff

    async def block(self, actor: Actor, account_id: int) -> None:
        """End all sessions and let nobody in again.

        :raises Forbidden: not the staff, oneself, or staff by somebody who does not own the place. :raises NotFound:
        """
        await self._set_activity(actor, account_id, is_active=False)

    async def unblock(self, actor: Actor, account_id: int) -> None:
        """:raises Forbidden: as for `block`. :raises NotFound:"""
        await self._set_activity(actor, account_id, is_active=True)

    async def sweep(self) -> None:
        """Forget sessions and links that ended a month ago."""
        before = self._clock.now() - _KEPT_AFTER_THE_END
        while await AccountRepository(self._db).sweep(before, _SWEPT_AT_ONCE) >= _SWEPT_AT_ONCE:
            pass

    async def _hash_for(self, draft: Draft, password: str) -> str:
        """:raises Taken: told before the hash, which is the expensive part; a race is the database's to decide."""
        await self._require_free(AccountRepository(self._db), draft.username, draft.email, draft.phone)
        return await self._passwords.hash(password)

    @staticmethod
    async def _require_free(
        accounts: AccountRepository, username: str, email: str | None, phone: str | None, but: int | None = None
    ) -> None:
        if names := await accounts.taken(username=username, email=email, phone=phone, but=but):
            raise taken(*names)()

    async def _set_password(self, tx: Tx, account: Account, hashed: str, *, reason: str) -> None:
        accounts = AccountRepository(tx)
        await accounts.change_password(account.id, hashed)
        await accounts.use_up_mailed_tokens(account.id, self._clock.now(), "reset_password")
        await self._sessions.end(tx, account.id, reason=reason)
        await tx.publish(PasswordChanged(account.id))
        if account.email:
            await self._mailer.queue(tx, "password_changed", account.email, account.language, username=account.username)

    async def _move_mailbox(self, tx: Tx, old: Account, new: Account) -> None:
        await AccountRepository(tx).use_up_mailed_tokens(old.id, self._clock.now())
        await self._links.mail_confirmation(tx, new)
        if old.email:
            await self._mailer.queue(
                tx, "email_changed", old.email, old.language, username=new.username, new_email=new.email
            )

    async def _set_activity(self, actor: Actor, account_id: int, *, is_active: bool) -> None:
        if not actor.may_operate:
            raise Forbidden
        if actor.id == account_id:
            raise NotYourself
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            account = await accounts.lock(account_id)
            if account.role is not None and actor.role != "owner":
                raise Forbidden
            await accounts.change_activity(account_id, is_active=is_active)
            if not is_active:
                await self._sessions.end(tx, account_id, reason="blocked")
