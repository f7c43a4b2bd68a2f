"""The storage on local disk: whole files or none, under keys that lead nowhere else."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mystar.kit.postgres.database import Database
from mystar.kit.storage.local import CHUNK, LocalStorage, ObjectNotFound, is_key

KEY = "videos/17/hello.mp4"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def store(storage: LocalStorage, key: str, source: AsyncIterator[bytes]) -> bytes:
    """Keep it all under the key. Its SHA-256."""
    async with storage.stage() as staged:
        async for chunk in source:
            await staged.write(chunk)
        digest = await staged.finish()
        await staged.commit(key)
    return digest


async def read(storage: LocalStorage, key: str, start: int = 0, size: int | None = None) -> bytes:
    async with storage.open(key, start, size) as opened:
        return b"".join([chunk async for chunk in opened])


def everything(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


async def test_a_stored_object_is_read_whole_and_in_parts(storage: LocalStorage) -> None:
    content = os.urandom(2 * CHUNK + 77)

    digest = await store(storage, KEY, chunks(content[:10], content[10:CHUNK], content[CHUNK:]))

    assert digest == hashlib.sha256(content).digest()
    assert await storage.exists(KEY)
    assert await read(storage, KEY) == content
    assert await read(storage, KEY, CHUNK - 3, 10) == content[CHUNK - 3 : CHUNK + 7]
    assert await read(storage, KEY, len(content) - 5) == content[-5:]
    assert [(kept.key, kept.size) async for kept in storage.walk()] == [(KEY, len(content))]


async def test_a_failed_upload_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cut"):
        async with storage.stage() as staged:
            await staged.write(b"x" * 3 * CHUNK)
            raise RuntimeError("cut")
    assert everything(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    began = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * CHUNK
            began.set()

    arrival = asyncio.create_task(store(storage, KEY, endless()))
    await began.wait()
    arrival.cancel()
    with pytest.raises(asyncio.CancelledError):
        await arrival
    assert everything(tmp_path) == []


async def test_a_staged_object_cannot_be_read_before_it_is_committed(storage: LocalStorage) -> None:
    async with storage.stage() as staged:
        await staged.write(b"half")
        assert [kept async for kept in storage.walk()] == []


async def test_remains_of_a_crash_are_purged_when_old(storage: LocalStorage, tmp_path: Path) -> None:
    async with storage.stage() as staged:
        left = staged.path.with_name("left-behind")
        left.write_bytes(b"x")
        now = datetime.now(UTC)
        assert await storage.purge(now - timedelta(hours=1)) == 0
        assert left.exists()
    assert await storage.purge(now + timedelta(hours=1)) == 1
    assert everything(tmp_path) == []


async def test_deleting_is_idempotent(storage: LocalStorage) -> None:
    await store(storage, KEY, chunks(b"x"))
    await storage.delete(KEY)
    await storage.delete(KEY)
    assert not await storage.exists(KEY)
    with pytest.raises(ObjectNotFound):
        await read(storage, KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a.jpg",
        "../secret/a.jpg",
        "avatars/../../a.jpg",
        "avatars/..",
        "/etc/passwd",
        "avatars//a.jpg",
        "avatars/.hidden",
        ".arriving/a",
        "avatars/a\0.jpg",
        "avatars/A.jpg",
        "avatars/a.jpg/",
        "avatars/a\n",
        "avatars/а.jpg",
    ],
)
async def test_an_invalid_key_is_refused(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.jpg").write_bytes(b"secret")
    assert not is_key(key)
    assert not await storage.exists(key)
    with pytest.raises(ObjectNotFound):
        await read(storage, key)
    with pytest.raises(ObjectNotFound):
        await store(storage, key, chunks(b"x"))


async def test_symbolic_links_are_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.jpg").write_bytes(b"secret")
    (tmp_path / "media" / "avatars").mkdir(parents=True)
    (tmp_path / "media" / "avatars" / "file.jpg").symlink_to(secret / "a.jpg")
    (tmp_path / "media" / "folder").symlink_to(secret)

    for key in ("avatars/file.jpg", "folder/a.jpg"):
        with pytest.raises(ObjectNotFound):
            await read(storage, key)
    with pytest.raises(ObjectNotFound):
        await store(storage, "folder/new.jpg", chunks(b"x"))
    assert [kept async for kept in storage.walk()] == []
    assert everything(secret) == [secret / "a.jpg"]


async def test_receiving_inside_a_transaction_is_refused(storage: LocalStorage, db: Database) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await store(storage, KEY, chunks(b"x"))
