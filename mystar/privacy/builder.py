"""Builds the archive of an export, under a claim that a process prolongs while it works.

A process that is killed loses its claim after a while, and another one begins anew: what the first had written is
staged, or committed without a row, and swept like every stray file. The count of attempts in the row makes sure that
only the process that holds the claim finishes the export.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from mystar.accounts.model import Account
from mystar.accounts.service import AccountService
from mystar.errors import NotFound
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import TOKEN, Mailer
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.personal_data import Export, PersonalDataRegistry
from mystar.kit.postgres.queryable import Row
from mystar.kit.security.tokens import Signer, mailed_token
from mystar.kit.storage.local import ObjectNotFound, StagedFile
from mystar.privacy.archive import ArchiveWriter
from mystar.privacy.model import DataExport
from mystar.privacy.repository import ExportRepository
from mystar.sections import PrivacySettings

log = logging.getLogger(__name__)

#: Seconds of a claim, and after which it is prolonged.
_LEASE, _PROLONG = 120.0, 30.0
_MAX_ATTEMPTS = 5

_README = """\
Здесь всё, что сервис хранит о вашем аккаунте. Суммы – в копейках, время – по UTC. В папке files – ваши файлы; каких
здесь нет из-за размера архива, видно в files.json по пустому полю path: их можно скачать в приложении.

This is everything that the service keeps about your account. Amounts are in kopecks, times in UTC. Your files are in
the folder files; files.json has an empty path for those that are left out because of the size of the archive, and that
can be downloaded in the application.
"""


class _Interrupted(Exception):
    """The process stops, or another one has taken the export over."""


class ExportBuilder:
    """:param public_url: the beginning of the mailed link."""

    def __init__(
        self,
        db: Database,
        *,
        personal_data: PersonalDataRegistry,
        accounts: AccountService,
        files: FileService,
        mailer: Mailer,
        signer: Signer,
        clock: Clock,
        settings: PrivacySettings,
        public_url: str,
    ) -> None:
        self._db, self._personal_data, self._accounts, self._files = db, personal_data, accounts, files
        self._mailer, self._signer, self._clock = mailer, signer, clock
        self._settings, self._public_url = settings, public_url
        #: Set when the process stops: the work is left to another one.
        self.is_stopping = False

    async def build_next(self) -> int:
        """Build the oldest export that waits; answers how many, 0 or 1."""
        if self.is_stopping:
            return 0
        export = await ExportRepository(self._db).claim(self._clock.now(), _LEASE)
        if export is None:
            return 0
        if export.attempts > _MAX_ATTEMPTS:
            log.error("export %s failed %s times and is given up", export.id, _MAX_ATTEMPTS)
            await ExportRepository(self._db).fail(export, self._clock.now())
            return 1
        try:
            await self._build(export)
        except _Interrupted:
            await ExportRepository(self._db).release(export)
        return 1

    async def write(self, account_id: int, staged: StagedFile, export: DataExport | None = None) -> None:
        """Write the archive of an account. :param export: whose claim is prolonged meanwhile."""
        claim = _Claim(self, export)
        writer = ArchiveWriter(staged, self._clock.now(), claim.hold)
        await writer.add_text("README.txt", _README)
        for name, rows in self._parts(account_id).items():
            await writer.add_rows(f"{name}.json", rows)
        async for row in self._own_files(account_id):
            if row["path"]:
                await self._add_file(writer, row)
        await writer.finish()

    async def write_to_disk(self, account_id: int) -> Path:
        """A temporary file with the archive of an account, for the command line; the caller deletes it."""
        async with self._files.stage_temporary() as staged:
            await self.write(account_id, staged)
            await staged.finish()
            with tempfile.NamedTemporaryFile(delete=False, suffix=".zip") as copy, staged.path.open("rb") as archive:
                shutil.copyfileobj(archive, copy)
        return Path(copy.name)

    async def hold(self, export: DataExport) -> None:
        """:raises _Interrupted: the claim is lost, or the process stops."""
        if self.is_stopping or not await ExportRepository(self._db).prolong(export, self._clock.now(), _LEASE):
            raise _Interrupted

    @property
    def now(self) -> float:
        return self._clock.now().timestamp()

    async def _build(self, export: DataExport) -> None:
        key = f"exports/{secrets.token_hex(16)}.zip"
        try:
            account = await self._accounts.profile(export.account_id)
        except NotFound:
            return
        async with self._files.stage_temporary() as staged:
            await self.write(export.account_id, staged, export)
            await staged.finish()
            size = staged.size
            await staged.commit(key)
        await self._finish(export, account, key, size)

    async def _finish(self, export: DataExport, account: Account, key: str, size: int) -> None:
        now, (seed, digest) = self._clock.now(), mailed_token(self._signer)
        expires_at = now + timedelta(days=self._settings.export_days)
        link_expires_at = now + timedelta(hours=self._settings.export_link_hours)
        async with self._db.transaction() as tx:
            columns = {"key": key, "size": size, "now": now, "expires_at": expires_at}
            if not await ExportRepository(tx).finish(
                export, digest=digest, link_expires_at=min(link_expires_at, expires_at), **columns
            ):
                return  # The bytes have no row, and are swept.
            await self._files.keep_temporary(tx, key, size, expires_at)
            if account.email:
                await self._mailer.queue(
                    tx,
                    "data_export",
                    account.email,
                    account.language,
                    dialect=account.channel,
                    seed=seed,
                    username=account.greeting_name,
                    link=f"{self._public_url}/api/auth/data-export/?token={TOKEN}",
                    hours=round(self._settings.export_link_hours),
                )

    def _parts(self, account_id: int) -> Export:
        return {**self._personal_data.export_of(account_id), "files": self._own_files(account_id)}

    async def _own_files(self, account_id: int) -> AsyncIterator[Row]:
        """The rows of the files with their ``path`` in the archive: None from where the archive would be too large."""
        total = 0
        async for row in self._personal_data.export_of(account_id)["files"]:
            total += row["size"]
            fits = total <= self._settings.export_max_bytes
            yield {**row, "path": f"files/{row['id']}-{row['name'].replace('/', '_')}" if fits else None}

    async def _add_file(self, writer: ArchiveWriter, row: dict[str, Any]) -> None:
        try:
            async with self._files.stored(row["key"]) as chunks:
                await writer.add_file(row["path"], chunks)
        except ObjectNotFound:
            log.error("the bytes of file %s are missing in an export", row["id"])


class _Claim:
    """The claim of an export while it is built; without one, as for the command line, nothing is prolonged."""

    def __init__(self, builder: ExportBuilder, export: DataExport | None) -> None:
        self._builder, self._export = builder, export
        self._prolonged_at = builder.now

    async def hold(self) -> None:
        if self._export is None:
            return
        if self._builder.is_stopping or self._builder.now - self._prolonged_at >= _PROLONG:
            await self._builder.hold(self._export)
            self._prolonged_at = self._builder.now
