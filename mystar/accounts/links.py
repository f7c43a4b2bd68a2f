"""Mailed links: each proves access to a mailbox, works once, and expires.

Browsers can open their addresses, whichever channel the account came from.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from mystar.accounts.credentials import credential_of, email_key, normalize_email
from mystar.accounts.drafts import normalize_field
from mystar.accounts.model import (
    Account,
    Channel,
    ClientInfo,
    ConfirmLinkExpired,
    ConfirmLinkUnknown,
    MailedToken,
    ResetLinkExpired,
    ResetLinkUnknown,
)
from mystar.accounts.repository import AccountRepository, ContactChangeRepository, Purpose
from mystar.errors import NotFound, TooMany
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import TOKEN, Mailer
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer, mailed_token, token_digest
from mystar.kit.web.site import Site
from mystar.sections import TokenSettings

#: Outbox topic of requests for a link. The account is looked up when the row is sent, so that a request takes the same
#: time whether the account exists or not (D13).
REQUESTS = "link_request"
_UNKNOWN: dict[Purpose, type[NotFound]] = {"confirm_email": ConfirmLinkUnknown, "reset_password": ResetLinkUnknown}
_EXPIRED: dict[Purpose, type[NotFound]] = {"confirm_email": ConfirmLinkExpired, "reset_password": ResetLinkExpired}


class MailedLinks:
    """Mails links, and checks those that are opened."""

    def __init__(
        self,
        db: Database,
        *,
        mailer: Mailer,
        outbox: Outbox,
        signer: Signer,
        limits: RateLimits,
        clock: Clock,
        settings: TokenSettings,
        public_url: str,
        site: Site,
    ) -> None:
        self._db, self._mailer, self._outbox, self._limits, self._clock = db, mailer, outbox, limits, clock
        self._signer, self._public_url, self._site = signer, public_url, site
        self._lifetimes: dict[Purpose, timedelta] = {
            "confirm_email": timedelta(seconds=settings.confirm_email),
            "reset_password": timedelta(seconds=settings.reset_password),
        }

    async def request(self, purpose: Purpose, email: str, client: ClientInfo, channel: Channel) -> None:
        """Mail a link, if there is an account that needs one; the answer is the same either way.

        Above the limit of a mailbox nothing is sent: it has links that work, and an error would let strangers keep the
        owner from asking.

        :raises Invalid: not an e-mail. :raises TooMany: per client address.
        """
        key = email_key(normalize_field("email", normalize_email, email) or "")
        await self._limits.hit("anonymous_form", purpose, client.address)
        try:
            await self._limits.hit("mailed_link", key)
        except TooMany:
            return
        async with self._db.transaction() as tx:
            await self._outbox.put(tx, REQUESTS, {"purpose": purpose, "email": key, "door": channel})

    async def send_requested(self, message: OutboxMessage) -> None:
        """The outbox's handler for ``REQUESTS``."""
        key = message.payload["email"]
        found, _ = await AccountRepository(self._db).find(credential_of(key)) or (None, None)
        if found is None:
            return
        async with self._db.transaction() as tx:
            # Under its lock: a link to an address that is just being replaced would outlive those that the change ends.
            account = await AccountRepository(tx).lock(found.id)
            if not account.is_active or account.email is None or email_key(account.email) != key:
                return
            if message.payload["purpose"] == "reset_password":
                # For a week only the previous e-mail, by its own link, recovers the account (`ContactChanges`).
                if not await ContactChangeRepository(tx).is_pending(account.id, "email", self._clock.now()):
                    await self.mail_reset(tx, account)
            elif not account.is_verified:
                await self.mail_confirmation(tx, account)

    async def mail_confirmation(self, tx: Tx, account: Account) -> None:
        """In the dialect of the account's registration, as all of these. Does nothing for an account without e-mail."""
        if account.channel == "greetings":
            query = {"username": account.username, "confirm": "1"}
            await self._mail(tx, "confirm_email", account, "/api/registration-confirm/", query)
        else:
            await self._mail(tx, "confirm_email", account, "/api/auth/verify-email/", {})

    async def mail_reset(self, tx: Tx, account: Account) -> None:
        """Does nothing for an account without e-mail."""
        await self._mail(tx, "reset_password", account, "/password_reset/confirm/", {})

    async def find(self, purpose: Purpose, token: str, client: ClientInfo) -> MailedToken:
        """The stored link, used or not. Unknown tokens are counted by client address.

        :raises NotFound: `ConfirmLinkUnknown` or `ResetLinkUnknown`, and their `…Expired`.
        """
        await self._limits.check("mailed_token", client.address)
        found = await AccountRepository(self._db).mailed_token(purpose, token_digest(token))
        if found is None:
            await self._limits.hit("mailed_token", client.address)
            raise _UNKNOWN[purpose]
        if found.used_at is None and found.expires_at <= self._clock.now():
            raise _EXPIRED[purpose]
        return found

    async def mark_used(self, tx: Tx, purpose: Purpose, token: str) -> bool:
        """Mark the link as used; false if it was used before, or has just expired."""
        now = self._clock.now()
        return await AccountRepository(tx).use_mailed_token(purpose, token_digest(token), now) is not None

    async def _mail(self, tx: Tx, purpose: Purpose, account: Account, path: str, query: dict[str, str]) -> None:
        """:param path: of the service's own page, for a dialect whose site has none."""
        if account.email is None:
            return
        (seed, digest), now, life = mailed_token(self._signer), self._clock.now(), self._lifetimes[purpose]
        await AccountRepository(tx).add_mailed_token(account.id, purpose, digest, now, now + life)
        await self._mailer.queue(
            tx,
            purpose,
            account.email,
            account.language,
            username=account.greeting_name,
            seed=seed,
            link=self._site.link(account.channel, purpose, token=TOKEN, username=account.username)
            or f"{self._public_url}{path}?{urlencode({**query, 'token': TOKEN})}",
            dialect=account.channel,
            hours=int(life.total_seconds() // 3600),
        )
