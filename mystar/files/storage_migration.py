"""Takes the files from one storage to the other while the service goes on."""

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

#: moved: verified at its new place and gone from the old one. there: it was moved before.
#: broken: what was read is not what was once uploaded; nothing is changed. missing: in neither place.
Outcome = Literal["moved", "there", "broken", "missing"]


@dataclass(frozen=True, slots=True)
class Move:
    key: str
    outcome: Outcome


class Mover:
    """Every file that has a row, by key. Broken off and begun again, it goes on where it was.

    A file is in at least one of the two at any moment, and leaves the old one only after the new one has given back
    every byte of it. The service has to look into both meanwhile: see `Storages.both`.
    """

    def __init__(self, db: Database, source: Storage, target: Storage) -> None:
        self._db, self._source, self._target = db, source, target

    async def run(self) -> AsyncIterator[Move]:
        after = ""
        while found := await FileRepository(self._db).digests(after=after, batch=_BATCH):
            for key, sha256 in found:
                yield Move(key, await self._move(key, sha256))
            after = found[-1][0]

    async def _move(self, key: str, sha256: bytes) -> Outcome:
        at_source = await self._source.exists(key)
        if await self._digest(self._target, key) == sha256:
            if at_source:
                # It was broken off between the copy and the end of the original.
                await self._source.delete(key)
            return "moved" if at_source else "there"
        if not at_source:
            return "missing"
        async with self._target.stage() as staged:
            async with self._source.open(key) as chunks:
                async for chunk in chunks:
                    await staged.write(chunk)
            if await staged.finish() != sha256:
                log.error("%s is not what was uploaded; it is left where it is", key)
                return "broken"
            await staged.commit(key)
        if await self._digest(self._target, key) != sha256:
            log.error("%s did not arrive whole; it is left where it is", key)
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
