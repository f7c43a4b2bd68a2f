"""Making, examining and restoring backups."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from mystar import __version__
from mystar.backup import postgres
from mystar.backup.archive import Archive, Manifest, content_key, object_key, single_chunk
from mystar.backup.cipher import WrongKey
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres import migrations
from mystar.kit.storage.local import ObjectNotFound, Storage

#: Told the number of files done.
Progress = Callable[[int], None]
_DUMP, _CHECKPOINT = "database.dump", "audit-checkpoint.json"


class NotEmpty(Exception):
    """The database to restore into has tables."""


async def create(
    archive: Archive, files: FileService, dsn: str, checkpoint: Path, clock: Clock, progress: Progress
) -> Manifest:
    """Make a backup while the service runs.

    Files are copied before and after the dump, so that the bytes of every row of the dump are there.

    :raises ToolFailed: pg_dump failed.
    """
    name = f"{clock.now():%Y%m%dt%H%M%Sz}"
    copied = await _copy_files(archive, files, {}, progress)
    applied = migrations.applied(dsn)
    digest = await archive.put(object_key(name, _DUMP), postgres.dump(dsn))
    copied = await _copy_files(archive, files, copied, progress)
    heads = None
    if (contents := await asyncio.to_thread(_read, checkpoint)) is not None:
        heads = await archive.put(object_key(name, _CHECKPOINT), single_chunk(contents))
    manifest = Manifest(name, __version__, archive.is_encrypted, applied, digest, heads, copied)
    await archive.write_manifest(manifest)
    return manifest


async def verify(archive: Archive, name: str) -> list[str]:
    """Read a backup to its end. What is missing or damaged, in sentences; empty when all is well."""
    manifest = await archive.manifest(name)
    problems = await _damage(archive, object_key(name, _DUMP), manifest.dump)
    if not problems:
        try:
            async with archive.open(object_key(name, _DUMP)) as chunks:
                await postgres.examine(chunks)
        except postgres.ToolFailed as error:
            problems.append(f"the dump cannot be restored: {error}")
    if manifest.checkpoint is not None:
        problems += await _damage(archive, object_key(name, _CHECKPOINT), manifest.checkpoint)
    for sha256 in sorted(set(manifest.files.values())):
        problems += await _damage(archive, content_key(sha256), sha256)
    return problems


async def restore(
    archive: Archive, name: str, dsn: str, storage: Storage, checkpoint: Path, progress: Progress
) -> Manifest:
    """Restore into an empty database and the configured storage; files that are there already are kept.

    :raises NotEmpty: :raises ToolFailed: :raises ObjectNotFound: a part is missing. :raises WrongKey:
    :raises DatabaseUnfit: the database could not hold the schema.
    """
    manifest = await archive.manifest(name)
    if migrations.has_tables(dsn):
        raise NotEmpty
    migrations.require_fit(dsn)
    for number, (key, sha256) in enumerate(manifest.files.items()):
        progress(number)
        if not await storage.exists(key):
            await _restore_file(archive, storage, key, sha256)
    if manifest.checkpoint is not None:
        async with archive.open(object_key(name, _CHECKPOINT)) as chunks:
            await asyncio.to_thread(_write, checkpoint, b"".join([chunk async for chunk in chunks]))
    # The database last: with it the installation is complete.
    async with archive.open(object_key(name, _DUMP)) as chunks:
        await postgres.restore(dsn, chunks, major=migrations.server_major(dsn))
    return manifest


async def _copy_files(
    archive: Archive, files: FileService, known: dict[str, str], progress: Progress
) -> dict[str, str]:
    """Copy what the archive lacks. Files that are deleted meanwhile belong to no row any more and are left out."""
    copied = dict(known)
    async for key, digest in files.digests():
        progress(len(copied))
        sha256 = digest.hex()
        if key in copied:
            continue
        try:
            if not await archive.has(content_key(sha256)):
                async with files.stored(key) as chunks:
                    await archive.put(content_key(sha256), chunks)
        except ObjectNotFound:
            continue
        copied[key] = sha256
    return copied


async def _restore_file(archive: Archive, storage: Storage, key: str, sha256: str) -> None:
    async with storage.stage() as staged:
        async with archive.open(content_key(sha256)) as chunks:
            async for chunk in chunks:
                await staged.write(chunk)
        if (await staged.finish()).hex() != sha256:
            raise WrongKey
        await staged.commit(key)


async def _damage(archive: Archive, key: str, sha256: str) -> list[str]:
    try:
        async with archive.open(key) as chunks:
            return [] if await _digest(chunks) == sha256 else [f"{key} differs from what was saved"]
    except ObjectNotFound:
        return [f"{key} is missing"]
    except WrongKey:
        return [f"{key} was encrypted with another key, or is damaged"]


async def _digest(chunks: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _write(path: Path, contents: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
