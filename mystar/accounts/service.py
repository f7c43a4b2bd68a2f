"""Registration, log-in, sessions and the profile, for every dialect."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from mystar.accounts.age import age_on, require_adult
from mystar.accounts.credentials import (
    Credential,
    credential_of,
    email_key,
    key_of,
)
from mystar.accounts.drafts import normalize_draft, require_unleaked_password
from mystar.accounts.factors.service import FactorService
from mystar.accounts.factors.sign_in import Opened, SecondStep, session_or_raise
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import (
    Account,
    AccountChanged,
    AccountDraft,
    AccountRegistered,
    Actor,
    Channel,
    ClientInfo,
    ConfirmLinkUnknown,
    EmailConfirmation,
    EmailConfirmed,
    Language,
    LoginRefused,
    NewSession,
    PersonUnknown,
    RefreshedTokens,
    Role,
    RoleChanged,
    Session,
)
from mystar.accounts.oauth.identities import IdentityService
from mystar.accounts.repository import AccountRepository, require_free
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.accounts.sessions.service import Sessions
from mystar.errors import Invalid, NotFound, Text
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.breached import BreachedPasswords
from mystar.kit.security.passwords import Passwords
from mystar.kit.security.rate_limits import RateLimits, network_of
from mystar.kit.web.pagination import Page, PageRequest

_RETENTION = timedelta(days=30)
_SWEEP_BATCH = 1000


class AccountService:
    """Registration, log-in, sessions and the profile."""

    def __init__(
        self,
        db: Database,
        *,
        passwords: Passwords,
        sessions: Sessions,
        links: MailedLinks,
        throttle: LoginThrottle,
        identities: IdentityService,
        factors: FactorService,
        second_step: SecondStep,
        leaked: BreachedPasswords,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        self._db, self._passwords, self._sessions, self._links = db, passwords, sessions, links
        self._throttle, self._limits, self._clock = throttle, limits, clock
        self._identities, self._leaked = identities, leaked
        self._factors, self._second_step = factors, second_step

    # Registration

    async def register(
        self,
        client: ClientInfo,
        draft: AccountDraft,
        password: str,
        channel: Channel = "market",
        *,
        adults_only: bool = False,
        as_creator: bool = False,
    ) -> Account:
        """Create an account and mail the link that confirms its e-mail (D9-D14).

        :param as_creator: create a creator profile with it.
        :raises Invalid: by field. :raises Taken: by field. :raises TooMany: per client address.
        :raises TooYoung: in a channel for adults only (D34).
        """
        await self._limits.hit("registration", client.address)
        today = self._clock.today()
        draft = normalize_draft(draft, password, today=today)
        if adults_only and draft.birth_date:
            require_adult(draft.birth_date, today)
        hashed = await self._hash_for(draft, password, network_of(client.address))
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).add(
                draft, password_hash=hashed, language=client.language, channel=channel
            )
            await AccountRepository(tx).register_from(account.id, network_of(client.address))
            await self._links.mail_confirmation(tx, account)
            await tx.publish(AccountRegistered(account.id, as_creator))
        return account

    async def ask_confirmation(self, email: str, client: ClientInfo, channel: Channel = "market") -> None:
        """Mail the confirmation link again, if it is needed; the answer is the same either way.

        :raises Invalid: not an e-mail. :raises TooMany: per client address.
        """
        await self._links.request("confirm_email", email, client, channel)

    async def create(
        self,
        draft: AccountDraft,
        password: str,
        *,
        role: Role | None = None,
        language: Language = "ru",
        channel: Channel = "market",
        any_password: bool = False,
    ) -> Account:
        """Create an account without a mail; its e-mail counts as confirmed.

        :param any_password: skip the password rule, for demo data with short passwords.
        :raises Invalid: by field. :raises Taken: by field.
        """
        now = self._clock.now()
        draft = normalize_draft(draft, None if any_password else password, today=self._clock.today())
        hashed = await self._hash_for(draft, password, is_checked=not any_password)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).add(
                draft,
                password_hash=hashed,
                language=language,
                role=role,
                email_verified_at=now if draft.email else None,
                channel=channel,
            )
            await tx.publish(AccountRegistered(account.id))
            if role is not None:
                await tx.publish(RoleChanged(account.id, None, role))
        return account

    @property
    def today(self) -> date:
        """The day of the persons' time zone."""
        return self._clock.today()

    async def exists(self, draft: AccountDraft, *, by_username: bool = True) -> bool:
        """Whether one account has exactly this e-mail and phone, and this user name unless it was made up."""
        email, phone = draft.email and email_key(draft.email), draft.phone
        login = draft.username if by_username else email or phone or ""
        account, _ = await AccountRepository(self._db).find(credential_of(login)) or (None, None)
        if account is None or (account.email and email_key(account.email), account.phone) != (email, phone):
            return False
        return not by_username or key_of(account.username) == key_of(draft.username)

    async def add_imported(
        self,
        draft: AccountDraft,
        stored: str,
        *,
        is_verified: bool,
        is_active: bool = True,
        channel: Channel = "market",
    ) -> Account:
        """Create an account of another service with its password hash; nothing is mailed.

        :param is_active: False = it is blocked: it cannot log in, and its name, e-mail and phone stay taken.
        :param stored: ``pbkdf2_sha256$…``; empty, or beginning with "!", when the account has no usable password.
        :raises Invalid: by field. :raises Taken: by field.
        """
        now = self._clock.now()
        draft = normalize_draft(draft, None, today=self._clock.today())
        hashed = None if not stored or stored.startswith("!") else stored
        if hashed and not self._passwords.reads(hashed):
            raise Invalid(fields={"password": [Text("Неизвестный вид хеша.", "Not a supported hash.")]})
        verified_at = now if is_verified and draft.email else None
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            await require_free(accounts, draft.username, draft.email, draft.phone)
            account = await accounts.add(
                draft, password_hash=hashed, language="ru", email_verified_at=verified_at, channel=channel
            )
            await tx.publish(AccountRegistered(account.id))
            if not is_active:
                await accounts.change_activity(account.id, is_active=False)
                await tx.publish(AccountChanged(account.id))
        return account

    async def create_staff(
        self, *, username: str, password: str, email: str | None = None, phone: str | None = None, role: Role = "owner"
    ) -> Account:
        """:raises Invalid: by field. :raises Taken: by field."""
        return await self.create(AccountDraft(username, email, phone), password, role=role)

    async def confirm_email(self, token: str, client: ClientInfo, channel: Channel | None) -> EmailConfirmation:
        """Confirm an e-mail by its mailed link. The first use opens a session in ``channel``, if one is given.

        Mail programs open links before people do. So a used link succeeds again, but opens no second session. A link
        does not replace a second factor: it opens no session then.

        :raises ConfirmLinkUnknown: also when the e-mail was changed. :raises ConfirmLinkExpired: :raises TooMany:
        """
        found = await self._links.find("confirm_email", token, client)
        session = await self._sessions.session_of(client, found.account_id)
        device = await self._sessions.recognize_device(client, found.account_id)
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            account = await accounts.lock(found.account_id)
            if not account.is_active:
                raise ConfirmLinkUnknown
            if await self._links.mark_used(tx, "confirm_email", token):
                if not account.is_verified:
                    await self._drop_unproven(tx, account, client, session, is_known=device is not None)
                await accounts.confirm_email(account.id, self._clock.now())
                account = await accounts.get(account.id)
                await tx.publish(EmailConfirmed(account.id))
                if channel is None or account.has_second_factor:
                    return EmailConfirmation(account, None)
                return EmailConfirmation(account, await self._sessions.open(tx, account, client, channel))
            if account.is_verified:
                return EmailConfirmation(account, None)
            raise ConfirmLinkUnknown

    async def _drop_unproven(
        self, tx: Tx, account: Account, client: ClientInfo, session: uuid.UUID | None, *, is_known: bool
    ) -> None:
        """Drop what was attached to the account before its e-mail was confirmed, as a stranger may have attached it.

        Linked sign-ins, second factors and other sessions are kept only for a client with a session of the account; the
        password also for a known device, and for the network that registered.
        """
        accounts = AccountRepository(tx)
        registered_from = await accounts.unconfirmed_from(account.id)
        if session is None:
            await self._identities.drop(tx, account.id)
            await self._factors.drop(tx, account.id, "unproven")
        await self._sessions.end_others(tx, account.id, reason="email_confirmed", keep=session)
        if session or is_known or registered_from in (None, network_of(client.address)):
            return
        await accounts.remove_password(account.id)
        await self._links.mail_reset(tx, account)

    # Log-in and log-out

    async def log_in(self, client: ClientInfo, channel: Channel, login: str, password: str) -> NewSession:
        """Open a session by password; ``login`` is an e-mail, a phone or a user name.

        Failures are counted, see `LoginThrottle`. The count is checked again at the end, so that guesses made at the
        same moment gain nothing over guesses made one after the other.

        :raises LoginRefused: after the same time, whatever the reason. :raises TooMany: :raises Unavailable:
        :raises SecondFactorRequired: the password is right, and the account has a second factor (`SecondStep.finish`).
        """
        who = credential_of(login)
        account, stored = await AccountRepository(self._db).find(who) or (None, None)
        attempt = await self._throttle.attempt(client, who, account.id if account else None, stored)
        await attempt.begin()
        caller: dict[str, Any] = {"client": network_of(client.address), "account": account.id if account else who}
        matches = await self._passwords.verify(password, stored, **caller)
        is_locked = await attempt.is_locked()
        if account is None or stored is None or not matches or not account.is_active or is_locked:
            await attempt.failed()
            raise LoginRefused(account.id if account else None)
        await attempt.check()
        return session_or_raise(await self._open_session(account.id, stored, password, client, channel))

    async def _open_session(
        self, account_id: int, stored: str, password: str, client: ClientInfo, channel: Channel
    ) -> Opened:
        """Open a session or its second step, unless the ``stored`` hash, which matches, was replaced meanwhile."""
        caller: dict[str, Any] = {"client": network_of(client.address), "account": account_id}
        needs_rehash = self._passwords.needs_rehash(stored)
        renewed = await self._passwords.hash(password, **caller) if needs_rehash else None
        async with self._db.transaction() as tx:
            accounts = AccountRepository(tx)
            account, current = await accounts.lock_with_hash(account_id)
            if account.is_active and current == stored:
                if renewed:
                    await accounts.change_password(account_id, renewed)
                return await self._second_step.open(tx, account, client, channel)
        # Replaced by another password, or by a concurrent log-in that renewed the hash.
        if account.is_active and current and await self._passwords.verify(password, current, **caller):
            return await self._open_session(account_id, current, password, client, channel)
        raise LoginRefused

    async def sign_in(self, account_id: int, client: ClientInfo, channel: Channel) -> NewSession:
        """Open a session for an account that the caller has authenticated otherwise, its second factor included.

        :raises LoginRefused: the account is blocked. :raises NotFound: there is none.
        """
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account_id)
            if not account.is_active:
                raise LoginRefused
            return await self._sessions.open(tx, account, client, channel)

    async def authenticate(self, token: str) -> Actor:
        """:raises TokenRefused: see `Sessions.authenticate`."""
        return await self._sessions.authenticate(token)

    async def refresh(self, token: str, *, rotate: bool = False) -> RefreshedTokens:
        """:raises TokenRefused: see `Sessions.refresh`."""
        return await self._sessions.refresh(token, rotate=rotate)

    async def sessions(self, actor: Actor, page: PageRequest) -> Page[Session]:
        """The actor's active sessions, newest first."""
        return await self._sessions.active(actor.id, page)

    async def log_out(self, actor: Actor) -> None:
        async with self._db.transaction() as tx:
            await self._sessions.end(tx, actor.id, session_id=actor.session_id, reason="logout")

    async def end_session(self, actor: Actor, session_id: uuid.UUID) -> None:
        """:raises NotFound: the actor has no such active session."""
        async with self._db.transaction() as tx:
            if not await self._sessions.end(tx, actor.id, session_id=session_id, reason="ended"):
                raise NotFound

    # The profile

    async def profile(self, account_id: int) -> Account:
        """:raises NotFound: no account has this id."""
        return await AccountRepository(self._db).get(account_id)

    def age_of(self, account: Account) -> int | None:
        """Full years today; None without a birth date."""
        return age_on(account.birth_date, self._clock.today()) if account.birth_date else None

    async def find(self, username: str) -> Account:
        """The active account with this user name, ignoring case (D9).

        :raises PersonUnknown: there is none, or it is blocked.
        """
        found = await AccountRepository(self._db).find(Credential(username_key=key_of(username)))
        if found is None or not found[0].is_active:
            raise PersonUnknown
        return found[0]

    async def set_avatar(self, tx: Tx, account_id: int, file_id: int | None, key: str | None) -> int | None:
        """Part of the transaction that attaches the file; ``key`` is its path behind /media/.

        :returns: the id of the previous avatar.
        """
        accounts = AccountRepository(tx)
        before = await accounts.lock(account_id)
        await accounts.change_avatar(account_id, file_id, key)
        return before.avatar_id

    async def sweep(self) -> None:
        """Delete sessions and links that ended a month ago."""
        before = self._clock.now() - _RETENTION
        while await AccountRepository(self._db).sweep(before, _SWEEP_BATCH) >= _SWEEP_BATCH:
            pass

    async def _hash_for(self, draft: AccountDraft, password: str, client: str = "", *, is_checked: bool = True) -> str:
        """:raises Taken: before the expensive hash; between concurrent requests, the constraint decides."""
        await require_free(AccountRepository(self._db), draft.username, draft.email, draft.phone)
        if is_checked:
            await require_unleaked_password("password", password, self._leaked)
        return await self._passwords.hash(password, client=client, account=key_of(draft.username))
