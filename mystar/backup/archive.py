"""Where backups are stored: named objects in a folder or a bucket, encrypted or not."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import orjson

from mystar.backup.cipher import Cipher, WrongKey
from mystar.kit.storage.local import ObjectNotFound, Storage

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What belongs to a backup.

    :param files: SHA-256 of every file by its key; of ``dump`` and ``checkpoint`` the one of their plain contents.
    :param migrations: what was applied to the dumped database.
    """

    name: str
    version: str
    encrypted: bool
    migrations: Sequence[str]
    dump: str
    checkpoint: str | None
    files: Mapping[str, str]


class Archive:
    """Backups by name. Objects are immutable."""

    def __init__(self, storage: Storage, cipher: Cipher | None) -> None:
        self._storage, self._cipher = storage, cipher

    @property
    def is_encrypted(self) -> bool:
        return self._cipher is not None

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> str:
        """Store an object; its SHA-256, of the plain contents, in hex."""
        digest = hashlib.sha256()

        async def hashed() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                digest.update(chunk)
                yield chunk

        async with self._storage.stage() as staged:
            async for chunk in self._cipher.encrypt(hashed()) if self._cipher else hashed():
                await staged.write(chunk)
            await staged.finish()
            await staged.commit(key)
        return digest.hexdigest()

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The plain contents. :raises ObjectNotFound: :raises WrongKey: while it is read."""
        async with self._storage.open(key) as chunks:
            yield self._cipher.decrypt(chunks) if self._cipher else chunks

    async def has(self, key: str) -> bool:
        return await self._storage.exists(key)

    async def write_manifest(self, manifest: Manifest) -> None:
        await self.put(object_key(manifest.name, _MANIFEST), single_chunk(orjson.dumps(asdict(manifest))))

    async def manifest(self, name: str) -> Manifest:
        """:raises ObjectNotFound: there is no such backup. :raises WrongKey:"""
        async with self.open(object_key(name, _MANIFEST)) as chunks:
            contents = b"".join([chunk async for chunk in chunks])
        try:
            return Manifest(**orjson.loads(contents))
        except ValueError as error:
            # It is encrypted, and no key was given.
            raise WrongKey from error

    async def names(self) -> list[str]:
        """Complete backups, oldest first."""
        keys = [stored.key.split("/") async for stored in self._storage.walk() if stored.key.startswith("backups/")]
        return sorted(parts[1] for parts in keys if parts[-1] == _MANIFEST)

    async def latest(self) -> str:
        """:raises ObjectNotFound: there is no backup."""
        names = await self.names()
        if not names:
            raise ObjectNotFound(object_key("*", _MANIFEST))
        return names[-1]

    async def close(self) -> None:
        await self._storage.close()


def object_key(backup: str, name: str) -> str:
    return f"backups/{backup}/{name}"


def content_key(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256}"


async def single_chunk(content: bytes) -> AsyncIterator[bytes]:
    yield content
