"""What people do about their passwords: change them, and get new ones when they forgot."""

from __future__ import annotations

from mystar.accounts.drafts import require_good_password
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import (
    Account,
    Actor,
    ClientInfo,
    PasswordChanged,
    PasswordWrong,
    ResetLinkUnknown,
)
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.accounts.sessions.service import Sessions
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.passwords import Passwords


class PasswordService:
    """Every new password ends all sessions of its account (D6)."""

    def __init__(
        self,
        db: Database,
        *,
        passwords: Passwords,
        sessions: Sessions,
        links: MailedLinks,
        guard: LoginThrottle,
        mailer: Mailer,
        clock: Clock,
    ) -> None:
        self._db, self._passwords, self._sessions, self._links = db, passwords, sessions, links
        self._guard, self._mailer, self._clock = guard, mailer, clock

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Ends every session, the asking one included (D6).

        :raises PasswordWrong: the old one. :raises Invalid: the new one. :raises TooMany:
        """
        accounts, guesses = AccountRepository(self._db), self._guard.reauthentication(actor)
        await guesses.check()
        stored = await accounts.password_hash(actor.id)
        if not await self._passwords.verify(old, stored):
            await guesses.failed()
            raise PasswordWrong
        await guesses.check()  # see `log_in`
        require_good_password("new_password", new, await accounts.get(actor.id))
        hashed = await self._passwords.hash(new)
        async with self._db.transaction() as tx:
            account, current = await AccountRepository(tx).lock_with_hash(actor.id)
            if current != stored:
                raise PasswordWrong
            await self._set_password(tx, account, hashed, reason="password_changed")

    async def ask_reset(self, email: str, client: ClientInfo) -> None:
        """Mail a link that sets a new password, if there is such a person; the caller never learns.

        :raises Invalid: not an e-mail. :raises TooMany: from one address, or to one mailbox.
        """
        await self._links.ask("reset_password", email, client, "greetings")

    async def check_reset_link(self, token: str, client: ClientInfo) -> Account:
        """Whose reset link this is, while it works.

        :raises ResetLinkUnknown: used ones too. :raises ResetLinkExpired: :raises TooMany:
        """
        found = await self._links.look("reset_password", token, client)
        account = await AccountRepository(self._db).get(found.account_id)
        if found.used_at or not account.is_active:
            raise ResetLinkUnknown
        return account

    async def reset_password(self, token: str, password: str, client: ClientInfo) -> None:
        """Set a new password by a mailed link; every session and every other link of the account ends.

        :raises Invalid: the password. :raises ResetLinkUnknown: :raises ResetLinkExpired: :raises TooMany:
        """
        account = await self.check_reset_link(token, client)
        require_good_password("password", password, account)
        hashed = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            account = await AccountRepository(tx).lock(account.id)
            if not await self._links.use(tx, "reset_password", token):
                raise ResetLinkUnknown
            if not account.is_verified:
                # Whoever linked a provider before may be a stranger who wrote another's mailbox down.
                await ProviderRepository(tx).forget_identities(account.id)
            # Whoever follows the link reads the mailbox, which is all that a confirmation would show.
            await AccountRepository(tx).confirm_email(account.id, self._clock.now())
            await self._set_password(tx, account, hashed, reason="password_reset")

    async def _set_password(self, tx: Tx, account: Account, hashed: str, *, reason: str) -> None:
        accounts = AccountRepository(tx)
        await accounts.change_password(account.id, hashed)
        await accounts.use_up_mailed_tokens(account.id, self._clock.now(), "reset_password")
        await self._sessions.end(tx, account.id, reason=reason)
        await tx.publish(PasswordChanged(account.id, reason))
        if account.email:
            await self._mailer.queue(tx, "password_changed", account.email, account.language, username=account.username)
