"""Streams a file into a storage and out again, and says how much memory that took at most.

A process of its own, for what others did before would hide it: ``python -m tests.files.streaming_child FOLDER MEGABYTES
[ENDPOINT BUCKET REGION ACCESS_KEY SECRET_KEY]`` prints bytes of growth.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from mystar.kit.storage.local import LocalStorage, Storage

MEGABYTE = 2**20


def resident(field: str) -> int:
    """Bytes of ``VmRSS``, or of its peak ``VmHWM``."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field))) * 1024


def forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def storage_of(folder: Path, *bucket: str) -> Storage:
    if not bucket:
        return LocalStorage(folder)
    from mystar.kit.storage.s3 import Bucket, S3Storage

    return S3Storage(Bucket(*bucket), folder)


async def stream(storage: Storage, key: str, megabytes: int) -> None:
    async with storage.stage() as staged:
        for number in range(megabytes * 16):
            await staged.write(hashlib.sha256(b"%d" % number).digest() * 2048)
        digest = await staged.finish()
        await staged.commit(key)
    back = hashlib.sha256()
    async with storage.open(key) as chunks:
        async for chunk in chunks:
            back.update(chunk)
    assert back.digest() == digest


async def main(folder: str, megabytes: str, *bucket: str) -> None:
    storage = storage_of(Path(folder), *bucket)
    # Whatever is made once: the client, its threads.
    await stream(storage, "films/small.mp4", 1)
    forget_the_peak()
    before = resident("VmRSS")
    await stream(storage, "films/large.mp4", int(megabytes))
    print(resident("VmHWM") - before)
    await storage.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
