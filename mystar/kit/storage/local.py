"""Storage of files under keys made by the service, such as ``avatars/5f0c….jpeg``; here, on the local disk.

A file is first staged beside the storage, inspected there, and only then committed under its key: incomplete or refused
uploads are never visible, and an upload that breaks off leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from mystar.errors import Text, Unavailable
from mystar.kit.postgres.database import assert_no_transaction

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: Bytes read or written by one job of a thread.
CHUNK = 256 * 1024
_WORD = "[a-z0-9][a-z0-9_-]{0,99}"
_KEY = re.compile(rf"{_WORD}(/{_WORD}){{1,4}}(\.[a-z0-9]{{1,10}})?")
#: The folder of staged files. No key begins with a dot, so they cannot be requested.
STAGING = ".arriving"


class StorageFull(Unavailable):
    """The storage of files has no room or does not take writes."""

    code = "storage_full"
    text = Text("Сейчас файлы принять нельзя. Повторите позже.", "Files cannot be taken now. Please try again later.")

    def __init__(self, *, retry_after: int, is_full: bool = True) -> None:
        super().__init__(retry_after=retry_after)
        #: False: it takes no writes for another reason than its size.
        self.is_full = is_full


class ObjectNotFound(Exception):
    """There is no object under this key."""


def is_key(text: str) -> bool:
    """Whether the text has the form of a key: lower-case words and slashes, and no dot except before the extension."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the storage knows about an object. ``size`` in bytes."""

    key: str
    size: int
    stored_at: datetime


class StagedFile(Protocol):
    """A file that is being received; deleted unless it is committed."""

    #: Bytes written so far.
    size: int
    #: The local file; complete after `finish`.
    path: Path

    async def write(self, chunk: bytes) -> None:
        """:raises StorageFull: there is no room left."""

    async def finish(self) -> bytes:
        """End writing; returns the SHA-256 of the content."""

    async def commit(self, key: str) -> None:
        """Store the content under ``key``, durably. :raises StorageFull: no room."""


class Storage(Protocol):
    """Immutable objects by key. Keys are made by the service, never by a client."""

    def stage(self) -> AbstractAsyncContextManager[StagedFile]: ...

    def open(
        self, key: str, start: int = 0, size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes from ``start``, at most ``size`` of them, in chunks. :raises ObjectNotFound: nothing is there."""

    async def delete(self, key: str) -> None:
        """Delete the object, if there is one."""

    async def exists(self, key: str) -> bool: ...

    def walk(self) -> AsyncIterator[StoredObject]:
        """All objects, in no order."""

    async def purge(self, before: datetime) -> int:
        """Delete files staged before this moment and never committed, as after a crash; how many."""

    async def close(self) -> None: ...


class LocalStorage:
    """Files under one folder. Staged files are in the same file system, so a commit is a rename.

    :param min_free: bytes of the disk that uploads leave free.
    """

    def __init__(self, root: Path, *, min_free: int = 0) -> None:
        self._root, self._min_free = root.resolve(), min_free
        self._staging = self._root / STAGING

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[StagedFile]:
        assert_no_transaction("receiving a file")
        staged = await in_thread(LocalStagedFile, self._root, self._staging, self._min_free)
        try:
            yield staged
        finally:
            await in_thread(staged.close)

    @asynccontextmanager
    async def open(self, key: str, start: int = 0, size: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        assert_no_transaction("reading a file")
        file = await in_thread(_opened, self._root, key, start)
        try:
            yield _chunks(file, size)
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        assert_no_transaction("deleting a file")
        await in_thread(lambda: _path(self._root, key).unlink(missing_ok=True))

    async def exists(self, key: str) -> bool:
        try:
            return await in_thread(lambda: _path(self._root, key).is_file())
        except ObjectNotFound:
            return False

    async def walk(self) -> AsyncIterator[StoredObject]:
        pending = [self._root]
        while pending:
            folders, kept = await in_thread(_listed, self._root, pending.pop())
            pending += folders
            for one in kept:
                yield one

    async def purge(self, before: datetime) -> int:
        return await in_thread(remove_older, self._staging, before)

    async def close(self) -> None:
        """Nothing to close."""


async def in_thread(job: Callable[..., Result], *arguments: object) -> Result:
    """Run the job in a thread. When cancelled, wait for its end: the caller closes the file that it uses."""
    running = asyncio.ensure_future(asyncio.to_thread(job, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()
        raise


def _path(root: Path, key: str) -> Path:
    """:raises ObjectNotFound: not a key, or a path through a symbolic link."""
    path = root / key
    if not is_key(key) or path.parent.resolve() != path.parent:
        raise ObjectNotFound(key)
    return path


def _opened(root: Path, key: str, start: int) -> BinaryIO:
    try:
        path = _path(root, key)
        with storage_errors(writing=False):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        # ELOOP: the file was replaced by a symbolic link.
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise ObjectNotFound(key) from error
        raise
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.fdopen(descriptor, "rb", buffering=0)


def _listed(root: Path, folder: Path) -> tuple[list[Path], list[StoredObject]]:
    folders: list[Path] = []
    kept: list[StoredObject] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            key = path.relative_to(root).as_posix()
            if entry.is_dir(follow_symlinks=False) and entry.name != STAGING:
                folders.append(path)
            elif entry.is_file(follow_symlinks=False) and is_key(key):
                stat = entry.stat(follow_symlinks=False)
                kept.append(StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)))
    return folders, kept


async def _chunks(file: BinaryIO, size: int | None) -> AsyncIterator[bytes]:
    left = size
    while left is None or left > 0:
        chunk = await in_thread(file.read, CHUNK if left is None else min(CHUNK, left))
        if not chunk:
            return
        if left is not None:
            left -= len(chunk)
        yield chunk


class LocalStagedFile:
    """Collects small chunks of the network, and hashes and writes them together in a thread."""

    def __init__(self, root: Path, folder: Path, min_free: int = 0) -> None:
        with storage_errors(writing=True):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._root, self._min_free = root, min_free
        self._digest = hashlib.sha256()
        self._buffered = bytearray()
        self.path = Path(name)
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._buffered += chunk
        if len(self._buffered) >= CHUNK:
            await self._flush()

    async def finish(self) -> bytes:
        await self._flush()
        return self._digest.digest()

    async def commit(self, key: str) -> None:
        await self._flush()
        await in_thread(self._commit, key)

    async def _flush(self) -> None:
        buffered, self._buffered = bytes(self._buffered), bytearray()
        await in_thread(self._write, buffered)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        with storage_errors(writing=True, folder=self._root):
            self._require_free(len(data))
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def _require_free(self, size: int) -> None:
        disk = os.fstatvfs(self._file.fileno())
        if disk.f_bavail * disk.f_frsize - size < self._min_free:
            raise OSError(errno.ENOSPC, "the disk is down to its reserve")

    def _commit(self, key: str) -> None:
        path = _path(self._root, key)
        with storage_errors(writing=True, folder=self._root):
            os.fsync(self._file.fileno())
            self._file.close()
            path.parent.mkdir(parents=True, exist_ok=True)
            self.path.rename(path)
            # The directory entries are on disk, too, before the commit returns.
            for folder in (path.parent, *path.parent.parents):
                _sync(folder)
                if folder == self._root:
                    break

    def close(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


_FULL = {errno.ENOSPC, errno.EDQUOT}
#: Of the folder or its disk, and of too many open files: another request would meet them as well.
_UNUSABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE}
#: Only of writes: a reader has simply not found its file.
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ELOOP}


@contextmanager
def storage_errors(*, writing: bool, folder: Path | None = None) -> Iterator[None]:
    """Raise what is wrong with the disk as an error that clients are told; the log says what it is.

    :param folder: named by errors of a file that is open already, which have no name of their own.
    :raises StorageFull: there is no room, or the folder cannot be used.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL | _UNUSABLE | (_NO_FOLDER if writing else set()):
            raise
        if folder is not None and error.filename is None:
            error.filename = str(folder)
        log.error("the file storage cannot be used: %s", error)
        raise StorageFull(retry_after=60, is_full=error.errno in _FULL) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_older(folder: Path, before: datetime) -> int:
    removed = 0
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                os.unlink(entry.path)
                removed += 1
    return removed
