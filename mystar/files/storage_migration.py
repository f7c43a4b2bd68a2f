"""Moves files from one storage to the other while the service runs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from mystar.files.repository import FileRepository
from mystar.kit.postgres.database import Database
from mystar.kit.storage.local import ObjectNotFound, Storage

log = logging.getLogger(__name__)
_BATCH = 500

#: moved: verified in the new storage and deleted from the old one. there: it was moved before.
#: broken: the bytes differ from the uploaded ones; nothing is changed. missing: in neither storage.
Outcome = Literal["moved", "there", "broken", "missing"]


@dataclass(frozen=True, slots=True)
class MigratedFile:
    key: str
    outcome: Outcome


class StorageMigration:
    """Moves every file that has a row, ordered by key. An interrupted run can be repeated.

    A file is in at least one storage at any moment, and is deleted from the old one only after every byte was read back
    from the new one. The service reads from both meanwhile: see `Storages.both`.
    """

    def __init__(self, db: Database, source: Storage, target: Storage) -> None:
        self._db, self._source, self._target = db, source, target

    async def run(self) -> AsyncIterator[MigratedFile]:
        after = ""
        while found := await FileRepository(self._db).digests(after=after, batch=_BATCH):
            for key, sha256 in found:
                yield MigratedFile(key, await self._move(key, sha256))
            after = found[-1][0]

    async def _move(self, key: str, sha256: bytes) -> Outcome:
        at_source = await self._source.exists(key)
        if await self._digest(self._target, key) == sha256:
            if at_source:
                # An earlier run was interrupted between the copy and the deletion.
                await self._source.delete(key)
            return "moved" if at_source else "there"
        if not at_source:
            return "missing"
        async with self._target.stage() as staged:
            async with self._source.open(key) as chunks:
                async for chunk in chunks:
                    await staged.write(chunk)
            if await staged.finish() != sha256:
                log.error("%s differs from its upload; it is not moved", key)
                return "broken"
            await staged.commit(key)
        if await self._digest(self._target, key) != sha256:
            log.error("%s is incomplete in the new storage; it is not moved", key)
            return "broken"
        await self._source.delete(key)
        return "moved"

    @staticmethod
    async def _digest(storage: Storage, key: str) -> bytes | None:
        digest = hashlib.sha256()
        try:
            async with storage.open(key) as chunks:
                async for chunk in chunks:
                    digest.update(chunk)
        except ObjectNotFound:
            return None
        return digest.digest()
