"""Selects the storage: the local disk or a bucket, and both while files are moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from mystar.kit.storage.local import STAGING, LocalStorage, ObjectNotFound, StagedFile, Storage, StoredObject
from mystar.kit.storage.settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Storages:
    """``bucket`` is None when it is not configured."""

    local: Storage
    bucket: Storage | None
    kind: str

    @property
    def both(self) -> Storage:
        """The configured storage; with the other one, if any, as a fallback while files are moved."""
        chosen, other = (self.bucket, self.local) if self.kind == "s3" else (self.local, self.bucket)
        assert chosen is not None
        return chosen if other is None else FallbackStorage(chosen, other)

    def named(self, kind: str) -> Storage:
        """:raises LookupError: it is not configured."""
        found = self.bucket if kind == "s3" else self.local
        if found is None:
            raise LookupError(kind)
        return found


def storages(settings: StorageSettings, folder: Path, registry: CollectorRegistry | None = None) -> Storages:
    """:param folder: the local folder, of the local storage and of uploads in progress."""
    local, s3 = LocalStorage(folder, min_free=settings.min_free_disk), settings.s3
    if not s3.is_given:
        return Storages(local, None, settings.kind)
    # Imported here: the library takes twenty megabytes, which a process without a bucket saves.
    from mystar.kit.storage.s3 import Bucket, S3Storage

    bucket = Bucket(s3.endpoint, s3.bucket, s3.region, s3.access_key, s3.secret_key)
    remote = S3Storage(bucket, folder / STAGING, registry, min_free=settings.min_free_disk)
    return Storages(local, remote, settings.kind)


class FallbackStorage:
    """Two storages as one: new files go to the first, older ones may still be in the second."""

    def __init__(self, first: Storage, second: Storage) -> None:
        self._first, self._second = first, second

    def stage(self) -> AbstractAsyncContextManager[StagedFile]:
        return self._first.stage()

    @asynccontextmanager
    async def open(self, key: str, start: int = 0, size: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            # The first again at the end: the file may have been moved between the two reads.
            for storage in (self._first, self._second, self._first):
                with suppress(ObjectNotFound):
                    chunks = await stack.enter_async_context(storage.open(key, start, size))
                    break
            else:
                raise ObjectNotFound(key)
            yield chunks

    async def delete(self, key: str) -> None:
        # The first storage last, so that a file that is being moved is deleted from both.
        await self._second.delete(key)
        await self._first.delete(key)

    async def exists(self, key: str) -> bool:
        return await self._first.exists(key) or await self._second.exists(key) or await self._first.exists(key)

    async def walk(self) -> AsyncIterator[StoredObject]:
        for storage in (self._first, self._second):
            async for kept in storage.walk():
                yield kept

    async def purge(self, before: datetime) -> int:
        return await self._first.purge(before) + await self._second.purge(before)

    async def close(self) -> None:
        await self._first.close()
        await self._second.close()
