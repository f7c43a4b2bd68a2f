"""Exports of a person's data: asked for, made in the background (`ExportBuilder`), and downloaded for some days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from mystar.accounts.model import Actor, ReauthenticationNeeded
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.step_up import StepUp
from mystar.audit.service import AuditService
from mystar.errors import NotFound
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import token_digest
from mystar.privacy.model import DataExport, ExportLinkUnknown, ExportUnknown, ReasonNeeded, Requester
from mystar.privacy.repository import ExportRepository

_BATCH = 100


class ExportService:
    """An account has one export at a time; a new one replaces the archive of the one before."""

    def __init__(
        self,
        db: Database,
        *,
        accounts: AccountService,
        files: FileService,
        step_up: StepUp,
        audit: AuditService,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        self._db, self._accounts, self._files, self._step_up = db, accounts, files, step_up
        self._audit, self._limits, self._clock = audit, limits, clock

    async def request(self, actor: Actor, password: str | None = None) -> DataExport:
        """Have an archive of the actor's data made; a link to it is mailed.

        :raises ReauthenticationNeeded: or `ReauthenticationFailed`, see `StepUp.require`.
        :raises ExportRunning: :raises TooMany: per account.
        """
        await self._step_up.require(actor, password)
        await self._limits.hit("data_export", actor.id)
        return await self.request_for(actor.id, Requester())

    async def request_by_staff(self, actor: Actor, account_id: int, reason: str) -> DataExport:
        """The same on behalf of a person; the link is mailed to them.

        :raises Forbidden: not an operator. :raises NotFound: :raises ReasonNeeded: :raises ExportRunning:
        """
        actor.require_operator()
        return await self.request_for(account_id, Requester("staff", actor.id, reason))

    async def request_for(self, account_id: int, requester: Requester) -> DataExport:
        """:raises NotFound: none, or erased. :raises ReasonNeeded: :raises ExportRunning:"""
        if requester.by != "person" and not requester.reason.strip():
            raise ReasonNeeded
        if (await self._accounts.profile(account_id)).erased_at is not None:
            raise NotFound
        async with self._db.transaction() as tx:
            exports = ExportRepository(tx)
            export = await exports.add(account_id, requester, self._clock.now())
            for key in await exports.expire(account_id=account_id, batch=_BATCH):
                await self._files.discard_temporary(tx, key)
            details = {"by": requester.by, "reason": requester.reason or None}
            await self._audit.record(
                tx, "export_requested", f"account:{account_id}", actor_id=requester.account_id, **details
            )
        return export

    async def record_by_operator(self, account_id: int, requester: Requester) -> None:
        """Write into the audit log that the operator has exported the data. :raises ReasonNeeded:"""
        if not requester.reason.strip():
            raise ReasonNeeded
        async with self._db.transaction() as tx:
            await self._audit.record(
                tx, "export_requested", f"account:{account_id}", by=requester.by, reason=requester.reason
            )

    async def latest(self, account_id: int) -> DataExport | None:
        return await ExportRepository(self._db).latest(account_id)

    async def find(self, account_id: int, export_id: int) -> DataExport:
        """:raises ExportUnknown: the account has none of this id."""
        return await ExportRepository(self._db).find(account_id, export_id)

    async def open(self, actor: Actor, export_id: int) -> DataExport:
        """The export whose archive the actor downloads.

        :raises ExportUnknown: not the actor's, or not ready. :raises ReauthenticationNeeded: an older session.
        """
        export = await self.find(actor.id, export_id)
        if export.status != "ready":
            raise ExportUnknown
        if not await self._step_up.is_recent(actor):
            raise ReauthenticationNeeded
        await self._record_download(export, "session")
        return export

    async def is_known(self, token: str) -> bool:
        """Whether the mailed link still opens an archive."""
        return await ExportRepository(self._db).by_digest(token_digest(token), self._clock.now()) is not None

    async def open_by_link(self, token: str) -> DataExport:
        """:raises ExportLinkUnknown:"""
        export = await ExportRepository(self._db).by_digest(token_digest(token), self._clock.now())
        if export is None:
            raise ExportLinkUnknown
        await self._record_download(export, "link")
        return export

    def archive(self, export: DataExport) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Its bytes, in chunks. :raises ObjectNotFound: they were discarded in the meantime."""
        return self._files.stored(export.key or "")

    async def sweep(self) -> int:
        """End exports whose time is over; the archives are deleted by the sweeper of files. Answers how many."""
        async with self._db.transaction() as tx:
            keys = await ExportRepository(tx).expire(before=self._clock.now(), batch=_BATCH)
            for key in keys:
                await self._files.discard_temporary(tx, key)
        return len(keys)

    async def _record_download(self, export: DataExport, how: str) -> None:
        async with self._db.transaction() as tx:
            subject = f"account:{export.account_id}"
            await self._audit.record(
                tx, "export_downloaded", subject, actor_id=export.account_id, export=export.id, by=how
            )
