"""Changes of e-mail and phone: the owner of the confirmed e-mail is told, and can undo them for a week.

A stolen session could otherwise take the account over. While a change of the e-mail can be undone, the new address gets
no link that sets a password.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mystar.accounts.factors.service import FactorService
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import Account, AccountChanged, ConfirmLinkUnknown, ContactChangeUndone
from mystar.accounts.oauth.identities import IdentityService
from mystar.accounts.repository import AccountRepository, ContactChangeRepository
from mystar.accounts.sessions.service import Sessions
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import TOKEN, Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.tokens import Signer, mailed_token, token_digest

_UNDO = timedelta(days=7)


class ContactChanges:
    """:param public_url: the beginning of the address of the link."""

    def __init__(
        self,
        db: Database,
        *,
        links: MailedLinks,
        sessions: Sessions,
        identities: IdentityService,
        factors: FactorService,
        mailer: Mailer,
        signer: Signer,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._db, self._links, self._sessions, self._identities = db, links, sessions, identities
        self._factors = factors
        self._mailer, self._signer, self._clock, self._public_url = mailer, signer, clock, public_url

    async def notify(self, tx: Tx, old: Account, new: Account, field: str) -> None:
        """Mail the previous e-mail. A confirmed one gets a link that undoes the change; another may be a stranger's."""
        if not old.email:
            return
        link = await self._undo_link(tx, old, field) if old.is_verified else ("", "")
        values = {"username": old.greeting_name, "link": link[0], "seed": link[1]}
        if field == "email":
            values["new_email"] = new.email or ""
        name = f"{field}_changed" if link[0] else f"{field}_changed_for_good"
        await self._mailer.queue(tx, name, old.email, old.language, dialect=old.channel, **values)

    async def is_known(self, token: str) -> bool:
        """Whether the link can undo a change."""
        return await ContactChangeRepository(self._db).find(token_digest(token), self._clock.now()) is not None

    async def undo(self, token: str) -> Account:
        """Restore the previous e-mail or phone by its mailed link.

        Later changes are undone with it, as the links that undo them may have gone to a stranger. Sessions, linked
        sign-ins, the password and the second factors added since end, as the person who made the change knows them; a
        link that sets a new password is mailed.

        :raises ConfirmLinkUnknown: used or expired as well. :raises Taken: another account has the value now.
        """
        now = self._clock.now()
        async with self._db.transaction() as tx:
            changes, accounts = ContactChangeRepository(tx), AccountRepository(tx)
            change = await changes.find(token_digest(token), now)
            if change is None:
                raise ConfirmLinkUnknown
            account_id = change["account_id"]
            await accounts.lock(account_id)
            # Again under the lock: of two uses of the link at once, one undoes.
            if await changes.find(token_digest(token), now) is None:
                raise ConfirmLinkUnknown
            restored = await changes.undo(account_id, change["id"], now)
            for field, value in restored.items():
                await changes.restore(account_id, field, value, now)
            await self._close(tx, account_id)
            await self._factors.drop_since(tx, account_id, change["changed_at"])
            account = await accounts.get(account_id)
            # While an earlier change of the e-mail can be undone, the new address gets no such link.
            email = await changes.first_email(account_id, now) or account.email
            await self._links.mail_reset(tx, replace(account, email=email))
            await tx.publish(AccountChanged(account_id))
            for field in restored:
                await tx.publish(ContactChangeUndone(account_id, field))
            return account

    async def _close(self, tx: Tx, account_id: int) -> None:
        accounts, now = AccountRepository(tx), self._clock.now()
        await self._identities.drop(tx, account_id)
        await accounts.remove_password(account_id)
        await accounts.revoke_devices(account_id, now)
        await accounts.use_up_mailed_tokens(account_id, now)
        await self._sessions.end(tx, account_id, reason="contact_change_undone")

    async def _undo_link(self, tx: Tx, old: Account, field: str) -> tuple[str, str]:
        (seed, digest), now = mailed_token(self._signer), self._clock.now()
        value = old.email if field == "email" else old.phone
        await ContactChangeRepository(tx).add(old.id, field, value, digest, now, now + _UNDO)
        return f"{self._public_url}/api/auth/undo-change/?token={TOKEN}", seed
