"""Set, show and remove payout details."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mystar.accounts.model import Account, Actor
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.step_up import StepUp
from mystar.earnings.details.model import (
    FIELDS,
    Details,
    DetailsChanged,
    DetailsUnknown,
    Kind,
    NotMeLinkRefused,
    PayoutOpen,
    PayoutsStopped,
    mask_of,
)
from mystar.earnings.details.repository import DetailsRepository
from mystar.earnings.repository import EarningRepository
from mystar.kit.clock import Clock
from mystar.kit.moments import moment_text, zone_of
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.sealing import Sealer
from mystar.kit.security.tokens import Signer

_LINK = "payout_details_not_me"
#: Of an old mail the owner of the mailbox may be another one.
_LINK_LIFE = timedelta(days=30)
#: The stop that the link in the mail sets.
NOT_ME = "not_me"


class DetailsService:
    """Every change needs a fresh sign-in or the password, is told by mail, and counts after a cool-down."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        accounts: AccountService,
        step_up: StepUp,
        mailer: Mailer,
        sealer: Sealer,
        signer: Signer,
        public_url: str,
        cooldown: timedelta,
    ) -> None:
        self._db, self._clock, self._accounts, self._step_up = db, clock, accounts, step_up
        self._mailer, self._sealer, self._signer = mailer, sealer, signer
        self._public_url, self._cooldown = public_url, cooldown

    async def current(self, creator_id: int) -> Details:
        """:raises DetailsUnknown: there are none."""
        details = await DetailsRepository(self._db).current(creator_id)
        if details is None:
            raise DetailsUnknown
        return details

    async def put(self, actor: Actor, kind: Kind, fields: Mapping[str, str], password: str | None) -> Details:
        """Set the details. Setting the same again changes nothing.

        :raises ReauthenticationNeeded: :raises ReauthenticationFailed: :raises TooMany:
        :raises PayoutOpen: a payout is on its way.
        """
        await self._step_up.require(actor, password)
        account = await self._accounts.profile(actor.id)
        fingerprint = self._sealer.fingerprint(kind, *(fields[name] for name in FIELDS[kind]))
        now = self._clock.now()
        async with self._db.transaction() as tx:
            details = DetailsRepository(tx)
            await self._lock(tx, actor.id)
            before = await details.current(actor.id)
            if before is not None and before.fingerprint == fingerprint:
                return before
            await details.replace(actor.id, now)
            changed = await details.add(
                actor.id,
                kind,
                sealed=self._sealer.seal(fields),
                mask=mask_of(kind, fields),
                fingerprint=fingerprint,
                usable_at=now + self._cooldown,
                email=account.email,
                now=now,
            )
            await self._tell(tx, account, before, changed)
            await tx.publish(DetailsChanged(actor.id, changed.mask, changed.fingerprint))
        return changed

    async def remove(self, actor: Actor, password: str | None) -> None:
        """:raises DetailsUnknown: and as `put` does."""
        await self._step_up.require(actor, password)
        account = await self._accounts.profile(actor.id)
        async with self._db.transaction() as tx:
            await self._lock(tx, actor.id)
            before = await DetailsRepository(tx).replace(actor.id, self._clock.now())
            if before is None:
                raise DetailsUnknown
            await self._tell(tx, account, before, None)
            await tx.publish(DetailsChanged(actor.id, None, None))

    def open(self, details: Details) -> dict[str, str]:
        """The details in clear, for sending the money. :raises SealBroken:"""
        return self._sealer.open(details.sealed)

    async def shared_with(self, details: Details) -> list[int]:
        """Other creators with the same details: something for the staff to look at."""
        return await DetailsRepository(self._db).shared_with(details)

    # The link "it wasn't me" of the mail.

    def not_me_link(self, creator_id: int) -> str:
        signature = self._signer.sign_until(self._clock.now() + _LINK_LIFE, _LINK, creator_id)
        return f"{self._public_url}/payouts/not-me/?account={creator_id}&sig={signature}"

    def check_not_me_link(self, creator_id: int, signature: str) -> None:
        """:raises NotMeLinkRefused:"""
        if not self._signer.verify_until(signature, self._clock.now(), _LINK, creator_id):
            raise NotMeLinkRefused

    async def stop_by_link(self, creator_id: int, signature: str) -> None:
        """Pay nothing out until the staff have looked. :raises NotMeLinkRefused:"""
        self.check_not_me_link(creator_id, signature)
        async with self._db.transaction() as tx:
            await self.stop(tx, creator_id, NOT_ME, by=None)

    async def stop(self, tx: Tx, creator_id: int, reason: str | None, *, by: int | None) -> None:
        """Stop a creator's payouts; None = go on."""
        earnings, now = EarningRepository(tx), self._clock.now()
        await earnings.open_balance(creator_id, now)
        await earnings.stop_payouts(creator_id, reason, now)
        await tx.publish(PayoutsStopped(creator_id, reason, by))

    async def _lock(self, tx: Tx, creator_id: int) -> None:
        await EarningRepository(tx).open_balance(creator_id, self._clock.now())
        if await DetailsRepository(tx).has_open_payout(creator_id):
            raise PayoutOpen

    async def _tell(self, tx: Tx, account: Account, before: Details | None, after: Details | None) -> None:
        """Mail to the account's address, and to the one that it had when the details before were set."""
        addresses = [account.email, before.email if before else None]
        zone = zone_of(account.time_zone, self._clock.zone)
        for address in dict.fromkeys(one for one in addresses if one):
            await self._mailer.queue(
                tx,
                "payout_details_changed" if after else "payout_details_removed",
                address,
                account.language,
                dialect=account.channel,
                username=account.username,
                mask=after.mask if after else "",
                usable_at=moment_text(after.usable_at, account.language, zone) if after else "",
                link=self.not_me_link(account.id),
            )
