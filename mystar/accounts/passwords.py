"""Changing a password, and resetting a forgotten one."""

from __future__ import annotations

from mystar.accounts.drafts import require_good_password, require_unleaked_password
from mystar.accounts.factors.service import FactorService
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import (
    Account,
    Actor,
    ClientInfo,
    PasswordChanged,
    PasswordWrong,
    ResetLinkUnknown,
)
from mystar.accounts.oauth.identities import IdentityService
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.accounts.sessions.service import Sessions
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.breached import BreachedPasswords
from mystar.kit.security.passwords import Passwords
from mystar.kit.security.rate_limits import network_of


class PasswordService:
    """A new password ends all sessions of its account (D6)."""

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
        leaked: BreachedPasswords,
        mailer: Mailer,
        clock: Clock,
    ) -> None:
        self._db, self._passwords, self._sessions, self._links = db, passwords, sessions, links
        self._throttle, self._mailer, self._clock = throttle, mailer, clock
        self._identities, self._factors, self._leaked = identities, factors, leaked

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Ends every session, including the current one (D6).

        :raises PasswordWrong: the old password. :raises Invalid: the new password. :raises TooMany:
        """
        accounts, guesses = AccountRepository(self._db), self._throttle.reauthentication(actor)
        await guesses.begin()
        stored = await accounts.password_hash(actor.id)
        if not await self._passwords.verify(old, stored, account=actor.id):
            await guesses.failed()
            raise PasswordWrong
        await guesses.check()  # see `log_in`
        require_good_password("new_password", new, await accounts.get(actor.id))
        await require_unleaked_password("new_password", new, self._leaked)
        hashed = await self._passwords.hash(new, account=actor.id)
        async with self._db.transaction() as tx:
            account, current = await AccountRepository(tx).lock_with_hash(actor.id)
            if current != stored:
                raise PasswordWrong
            await self._set_password(tx, account, hashed, reason="password_changed")

    async def ask_reset(self, email: str, client: ClientInfo) -> None:
        """Mail a link that sets a new password, if the account exists; the answer is the same either way.

        :raises Invalid: not an e-mail. :raises TooMany: per client address.
        """
        await self._links.request("reset_password", email, client, "greetings")

    async def check_reset_link(self, token: str, client: ClientInfo) -> Account:
        """The account of a reset link that can be used.

        :raises ResetLinkUnknown: also when it was used. :raises ResetLinkExpired: :raises TooMany:
        """
        found = await self._links.find("reset_password", token, client)
        account = await AccountRepository(self._db).get(found.account_id)
        if found.used_at or not account.is_active:
            raise ResetLinkUnknown
        return account

    async def reset_password(self, token: str, password: str, client: ClientInfo) -> None:
        """Set a new password by a mailed link; ends every session and every other link of the account.

        Second factors stay, unless the e-mail was never confirmed: they may be those of the stranger who registered it.

        :raises Invalid: the password. :raises ResetLinkUnknown: :raises ResetLinkExpired: :raises TooMany:
        """
        account = await self.check_reset_link(token, client)
        require_good_password("password", password, account)
        await require_unleaked_password("password", password, self._leaked)
        hashed = await self._passwords.hash(password, client=network_of(client.address), account=account.id)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account.id)
            if not await self._links.mark_used(tx, "reset_password", token):
                raise ResetLinkUnknown
            # A linked sign-in may be that of the person from whom the account is recovered.
            await self._identities.drop(tx, account.id)
            if not account.is_verified:
                await self._factors.drop(tx, account.id, "unproven")
            # Following the link proves access to the mailbox, as a confirmation does.
            await AccountRepository(tx).confirm_email(account.id, self._clock.now())
            await self._set_password(tx, account, hashed, reason="password_reset")

    async def _set_password(self, tx: Tx, account: Account, hashed: str, *, reason: str) -> None:
        accounts = AccountRepository(tx)
        await accounts.change_password(account.id, hashed)
        await accounts.use_up_mailed_tokens(account.id, self._clock.now(), "reset_password")
        await accounts.revoke_devices(account.id, self._clock.now())
        await self._sessions.end(tx, account.id, reason=reason)
        await tx.publish(PasswordChanged(account.id, reason))
        if account.email:
            linked = await ProviderRepository(tx).identities(account.id)
            name = "password_changed_sign_ins_left" if linked else "password_changed"
            values = {"username": account.greeting_name, "providers": ", ".join(one.provider for one in linked)}
            await self._mailer.queue(tx, name, account.email, account.language, dialect=account.channel, **values)
