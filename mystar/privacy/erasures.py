"""Erasures of accounts: asked for, withdrawn, and done when the waiting period is over.

An erasure is one transaction over all domains: a process that is killed has erased nothing, and of two processes one
holds the lock of the request. What stays is listed in `docs/privacy.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mystar.accounts.erasure import AccountErasure
from mystar.accounts.model import Account, Actor, SessionOpened
from mystar.accounts.sessions.step_up import StepUp
from mystar.audit.redaction import former_names, redact
from mystar.audit.service import AuditService
from mystar.errors import Unavailable
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.moments import day_text
from mystar.kit.outbox.letters import items
from mystar.kit.outbox.mail import TOKEN, Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.postgres.personal_data import Obstacle, PersonalDataRegistry
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer, mailed_token, token_digest
from mystar.privacy.model import (
    OBSTACLES,
    Erasure,
    ErasureBlocked,
    ErasureLinkUnknown,
    ErasureUnknown,
    ReasonNeeded,
    Requester,
)
from mystar.privacy.repository import ErasureRepository, ExportRepository
from mystar.sections import PrivacySettings

log = logging.getLogger(__name__)

#: After which what stood in the way is looked at again.
_AGAIN = timedelta(days=1)
#: After which an erasure that has failed is tried again.
_AFTER_FAILURE = timedelta(hours=1)


class ErasureService:
    """:param public_url: the beginning of the mailed link."""

    def __init__(
        self,
        db: Database,
        *,
        personal_data: PersonalDataRegistry,
        accounts: AccountErasure,
        files: FileService,
        step_up: StepUp,
        audit: AuditService,
        mailer: Mailer,
        signer: Signer,
        limits: RateLimits,
        clock: Clock,
        settings: PrivacySettings,
        public_url: str,
    ) -> None:
        self._db, self._personal_data, self._accounts, self._files = db, personal_data, accounts, files
        self._step_up, self._audit, self._mailer, self._signer = step_up, audit, mailer, signer
        self._limits, self._clock, self._public_url = limits, clock, public_url
        self.waiting_period = timedelta(days=settings.erasure_days)

    def listen(self, events: Events) -> None:
        """A sign-in keeps the account: its erasure is cancelled."""
        events.on(SessionOpened, self._signed_in)

    # Asking

    async def request(self, actor: Actor, password: str | None = None) -> Erasure:
        """Ask for the erasure of the actor's account: all sessions end, and a link that withdraws it is mailed.

        :raises ReauthenticationNeeded: or `ReauthenticationFailed`, see `StepUp.require`. :raises TooMany: per account.
        :raises ErasureBlocked: :raises ErasureRequested:
        """
        await self._step_up.require(actor, password)
        await self._limits.hit("erasure", actor.id)
        return await self.request_for(actor.id, Requester())

    async def request_by_staff(self, actor: Actor, account_id: int, reason: str) -> Erasure:
        """The same on behalf of a person.

        :raises Forbidden: not an operator. :raises NotFound: :raises ReasonNeeded: :raises ErasureBlocked:
        :raises ErasureRequested:
        """
        actor.require_operator()
        return await self.request_for(account_id, Requester("staff", actor.id, reason))

    async def request_for(self, account_id: int, requester: Requester) -> Erasure:
        """:raises NotFound: :raises ReasonNeeded: :raises ErasureBlocked: :raises ErasureRequested:"""
        if requester.by != "person" and not requester.reason.strip():
            raise ReasonNeeded
        (seed, digest), now = mailed_token(self._signer), self._clock.now()
        due_at = now + self.waiting_period
        async with self._db.transaction() as tx:
            account = await self._accounts.lock(tx, account_id)
            if found := await self._personal_data.obstacles_of(account_id, tx):
                raise ErasureBlocked(found)
            erasure = await ErasureRepository(tx).add(account_id, requester, now=now, due_at=due_at, digest=digest)
            await self._accounts.schedule(tx, account_id, due_at)
            await self._accounts.end_sessions(tx, account_id, "erasure_requested")
            await self._audit.record(
                tx,
                "erasure_requested",
                f"account:{account_id}",
                actor_id=requester.account_id,
                by=requester.by,
                reason=requester.reason or None,
                due=due_at.date().isoformat(),
            )
            await self._mail_request(tx, account, due_at, seed)
        return erasure

    async def open(self, account_id: int) -> Erasure | None:
        """The request that has been made and neither withdrawn nor done."""
        return await ErasureRepository(self._db).open(account_id)

    async def state(self, account_id: int) -> tuple[Erasure | None, list[Obstacle]]:
        """The open request, and what stands in the way of an erasure."""
        return await self.open(account_id), await self._personal_data.obstacles_of(account_id)

    # Withdrawing

    async def is_known(self, token: str) -> bool:
        """Whether the mailed link can still keep the account."""
        return await ErasureRepository(self._db).by_digest(token_digest(token)) is not None

    async def withdraw_by_link(self, token: str) -> None:
        """:raises ErasureLinkUnknown:"""
        found = await ErasureRepository(self._db).by_digest(token_digest(token))
        if found is None:
            raise ErasureLinkUnknown
        async with self._db.transaction() as tx:
            if not await self._withdraw(tx, found.account_id, by="link", actor_id=found.account_id):
                raise ErasureLinkUnknown

    async def withdraw_by_staff(self, actor: Actor, account_id: int) -> None:
        """:raises Forbidden: not an operator. :raises ErasureUnknown:"""
        actor.require_operator()
        async with self._db.transaction() as tx:
            if not await self._withdraw(tx, account_id, by="staff", actor_id=actor.id):
                raise ErasureUnknown

    async def _signed_in(self, tx: Tx, event: SessionOpened) -> None:
        await self._withdraw(tx, event.account_id, by="sign_in", actor_id=event.account_id)

    async def _withdraw(self, tx: Tx, account_id: int, *, by: str, actor_id: int | None) -> bool:
        if await ErasureRepository(tx).withdraw(account_id, self._clock.now()) is None:
            return False
        account = await self._accounts.lock(tx, account_id)
        await self._accounts.schedule(tx, account_id, None)
        await self._audit.record(tx, "erasure_withdrawn", f"account:{account_id}", actor_id=actor_id, by=by)
        await self._mail(tx, "erasure_withdrawn", account)
        return True

    # Erasing

    async def erase_next(self) -> int:
        """Erase one account whose waiting period is over, or postpone it; answers how many, 0 or 1."""
        erasure: Erasure | None = None
        try:
            async with self._db.transaction() as tx:
                erasure = await ErasureRepository(tx).lock_due(self._clock.now())
                if erasure is None:
                    return 0
                await self._erase_or_postpone(tx, erasure)
        except Unavailable:
            raise
        except Exception:
            if erasure is None:
                raise
            # The others are still erased.
            log.exception("the erasure of account %s failed", erasure.account_id)
            again = self._clock.now() + _AFTER_FAILURE
            await ErasureRepository(self._db).postpone(erasure.id, again, erasure.blocked_by)
        return 1

    async def erase_now(self, account_id: int) -> None:
        """Erase an account whose erasure is asked for, without waiting longer: for the operator.

        :raises ErasureUnknown: :raises ErasureBlocked:
        """
        async with self._db.transaction() as tx:
            erasures, now = ErasureRepository(tx), self._clock.now()
            asked = await erasures.open(account_id)
            if asked is None:
                raise ErasureUnknown
            await erasures.bring_forward(asked.id, now)
            erasure = await erasures.lock_due(now, asked.id)
            if erasure is None:
                raise ErasureUnknown
            account = await self._accounts.lock(tx, account_id)
            if found := await self._personal_data.obstacles_of(account_id, tx):
                raise ErasureBlocked(found)
            await self._erase(tx, account)

    async def _erase_or_postpone(self, tx: Tx, erasure: Erasure) -> None:
        account = await self._accounts.lock(tx, erasure.account_id)
        found = await self._personal_data.obstacles_of(account.id, tx)
        if found:
            await self._postpone(tx, erasure, account, found)
        else:
            await self._erase(tx, account)

    async def _postpone(self, tx: Tx, erasure: Erasure, account: Account, found: Sequence[Obstacle]) -> None:
        codes = [one.code for one in found]
        await ErasureRepository(tx).postpone(erasure.id, self._clock.now() + _AGAIN, codes)
        if codes != list(erasure.blocked_by):
            reasons = [OBSTACLES[code].in_(account.language) for code in dict.fromkeys(codes)]
            await self._mail(tx, "erasure_postponed", account, reasons=items(reasons))

    async def _erase(self, tx: Tx, account: Account) -> None:
        await self._accounts.end_sessions(tx, account.id, "account_erased")
        person = await self._accounts.person(tx, account, await former_names(tx, account.id))
        for key in await ExportRepository(tx).delete_all(account.id):
            await self._files.discard_temporary(tx, key)
        await self._personal_data.erase(tx, person)
        await redact(tx, self._audit, person)
        await self._audit.record(tx, "account_erased", f"account:{account.id}")
        await ErasureRepository(tx).mark_erased(account.id, person.now)
        if account.email:
            names = {"username": account.greeting_name}
            await self._mailer.queue_unkept(
                tx, "account_erased", account.email, account.language, dialect=account.channel, **names
            )
        log.info("account erased", extra={"account_id": account.id})

    async def _mail_request(self, tx: Tx, account: Account, due_at: datetime, seed: str) -> None:
        link = f"{self._public_url}/api/auth/withdraw-erasure/?token={TOKEN}"
        day = due_at.astimezone(self._clock.zone).date()
        await self._mail(tx, "erasure_requested", account, seed=seed, link=link, due=day_text(day, account.language))

    async def _mail(self, tx: Tx, template: str, account: Account, *, seed: str = "", **values: Any) -> None:
        if account.email:
            names = {"seed": seed, "username": account.greeting_name}
            await self._mailer.queue(
                tx, template, account.email, account.language, dialect=account.channel, **names, **values
            )
