"""Storage of files in an S3 bucket.

Files are staged on the local disk, since they are inspected before they are committed; from there they are sent in
parts, a few at a time, so that memory does not grow with their size. An object appears as a whole. A failed multipart
upload is aborted, at once or, after a crash, by `purge`.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import CollectorRegistry, Gauge

from mystar.errors import Text, Unavailable
from mystar.kit.postgres.database import assert_no_transaction
from mystar.kit.storage.local import (
    CHUNK,
    LocalStagedFile,
    ObjectNotFound,
    StagedFile,
    StoredObject,
    in_thread,
    is_key,
    remove_older,
)

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: Bytes of a part, of which S3 accepts ten thousand, and how many are sent at once.
PART = 8 * 2**20
_CONCURRENCY = 3
#: Seconds for which uploads are refused after the storage has failed, before their content is received.
_PAUSE = 5.0
_MISSING = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}


class StorageAway(Unavailable):
    """The bucket does not answer, or refuses the credentials."""

    code = "storage_away"
    text = Text(
        "Хранилище файлов не отвечает. Повторите позже.", "The file storage does not answer. Please try again later."
    )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and its credentials. ``endpoint``: a URL."""

    endpoint: str
    name: str
    region: str
    access_key: str
    secret_key: str


class S3Storage:
    """:param staging: a local folder for files that are being received. :param min_free: bytes that they leave free."""

    def __init__(
        self, bucket: Bucket, staging: Path, registry: CollectorRegistry | None = None, *, min_free: int = 0
    ) -> None:
        self._bucket, self._staging, self._min_free = bucket, staging, min_free
        self._stack, self._opening = AsyncExitStack(), asyncio.Lock()
        self._s3: Any = None
        self._away_until = 0.0
        self._up = Gauge("mystar_storage_up", "Whether the file storage answered last time", registry=registry)
        self._up.set(1)

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[StagedFile]:
        assert_no_transaction("receiving a file")
        if time.monotonic() < self._away_until:
            raise StorageAway(retry_after=5)
        staged = await in_thread(_S3StagedFile, self, self._staging, self._min_free)
        try:
            yield staged
        finally:
            await in_thread(staged.close)

    @asynccontextmanager
    async def open(self, key: str, start: int = 0, size: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        assert_no_transaction("reading a file")
        _require_key(key)
        last = "" if size is None else str(start + size - 1)
        part = {"Range": f"bytes={start}-{last}"} if start or size is not None else {}
        if size == 0:
            yield _empty()
            return
        await self._connect()
        answer = await self._ask(self._s3.get_object(Bucket=self._bucket.name, Key=key, **part), key)
        try:
            yield _chunks(answer["Body"])
        finally:
            answer["Body"].close()

    async def delete(self, key: str) -> None:
        assert_no_transaction("deleting a file")
        if is_key(key):
            await self._connect()
            await self._ask(self._s3.delete_object(Bucket=self._bucket.name, Key=key), key)

    async def exists(self, key: str) -> bool:
        await self._connect()
        try:
            _require_key(key)
            await self._ask(self._s3.head_object(Bucket=self._bucket.name, Key=key), key)
        except ObjectNotFound:
            return False
        return True

    async def walk(self) -> AsyncIterator[StoredObject]:
        await self._connect()
        after: dict[str, str] = {}
        while True:
            page = await self._ask(self._s3.list_objects_v2(Bucket=self._bucket.name, **after))
            for one in page.get("Contents", []):
                if is_key(one["Key"]):
                    yield StoredObject(one["Key"], one["Size"], one["LastModified"])
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    async def purge(self, before: datetime) -> int:
        await self._connect()
        swept: int = await in_thread(remove_older, self._staging, before)
        for upload in await self._uploads():
            if upload["Initiated"] < before:
                await self._abort(upload["Key"], upload["UploadId"])
                swept += 1
        return swept

    async def _uploads(self) -> list[dict[str, Any]]:
        """Up to a thousand incomplete multipart uploads; rclone answers an empty list with an error."""
        try:
            found = await self._ask(self._s3.list_multipart_uploads(Bucket=self._bucket.name), "uploads")
        except ObjectNotFound:
            return []
        return list(found.get("Uploads", []))

    async def close(self) -> None:
        await self._stack.aclose()

    async def put(self, key: str, path: Path) -> None:
        """Store the content of the file under the key. :raises StorageAway:"""
        _require_key(key)
        await self._connect()
        size = (await in_thread(path.stat)).st_size
        if size <= PART:
            with _Part(path, 0, PART) as body:
                await self._ask(self._s3.put_object(Bucket=self._bucket.name, Key=key, Body=body))
            return
        upload = await self._ask(self._s3.create_multipart_upload(Bucket=self._bucket.name, Key=key))
        try:
            parts = await self._put_parts(key, upload["UploadId"], path, size)
            whole = {"Bucket": self._bucket.name, "Key": key, "UploadId": upload["UploadId"]}
            await self._ask(self._s3.complete_multipart_upload(**whole, MultipartUpload={"Parts": parts}))
        except BaseException:
            await asyncio.shield(self._abort(key, upload["UploadId"]))
            raise

    async def _put_parts(self, key: str, upload_id: str, path: Path, size: int) -> list[dict[str, Any]]:
        turns = asyncio.Semaphore(_CONCURRENCY)

        async def put(number: int) -> dict[str, Any]:
            async with turns:
                where = {"Bucket": self._bucket.name, "Key": key, "UploadId": upload_id, "PartNumber": number}
                with _Part(path, (number - 1) * PART, PART) as body:
                    answer = await self._ask(self._s3.upload_part(**where, Body=body))
            return {"PartNumber": number, "ETag": answer["ETag"]}

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(put(number)) for number in range(1, -(-size // PART) + 1)]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _abort(self, key: str, upload_id: str) -> None:
        try:
            await self._ask(self._s3.abort_multipart_upload(Bucket=self._bucket.name, Key=key, UploadId=upload_id), key)
        except (StorageAway, ObjectNotFound):
            log.warning("cannot abort the upload of %s; the next purge will", key)

    async def _connect(self) -> None:
        async with self._opening:
            if self._s3 is None:
                bucket = self._bucket
                client = get_session().create_client(
                    "s3",
                    endpoint_url=bucket.endpoint,
                    region_name=bucket.region,
                    aws_access_key_id=bucket.access_key,
                    aws_secret_access_key=bucket.secret_key,
                    config=_CONFIG,
                )
                self._s3 = await self._stack.enter_async_context(client)

    async def _ask(self, call: Awaitable[Result], key: str = "") -> Result:
        """:raises ObjectNotFound: there is no such object. :raises StorageAway: any other failure."""
        try:
            answer = await call
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING and key:
                raise ObjectNotFound(key) from error
            failure: Exception = error
        except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = error
        else:
            self._up.set(1)
            self._away_until = 0.0
            return answer
        log.warning("the file storage failed: %s", failure)
        self._up.set(0)
        self._away_until = time.monotonic() + _PAUSE
        raise StorageAway(retry_after=5) from failure


class _S3StagedFile(LocalStagedFile):
    def __init__(self, storage: S3Storage, folder: Path, min_free: int) -> None:
        super().__init__(folder.parent, folder, min_free)
        self._storage = storage

    async def commit(self, key: str) -> None:
        await self._flush()
        await self._storage.put(key, self.path)


#: Checksums only where S3 requires them: not every server knows the newer ones.
_CONFIG = AioConfig(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    retries={"max_attempts": 2, "mode": "standard"},
    connect_timeout=3,
    read_timeout=30,
    max_pool_connections=20,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


def _require_key(key: str) -> None:
    if not is_key(key):
        raise ObjectNotFound(key)


class _Part(io.RawIOBase):
    """A part of a file as a file object, read while it is sent, so that it is not held in memory."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start, self._size, self._at = start, min(size, path.stat().st_size - start), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        read = os.preadv(self._file.fileno(), [memoryview(buffer)[:wanted]], self._start + self._at) if wanted else 0
        self._at += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    with _as_os_error():
        async for chunk in body.iter_chunks(CHUNK):
            yield chunk


async def _empty() -> AsyncIterator[bytes]:
    for chunk in tuple[bytes, ...]():
        yield chunk


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Raise failures in the middle of a read as `OSError`, as a disk would."""
    try:
        yield
    except (BotoCoreError, aiohttp.ClientError, TimeoutError) as error:
        raise OSError(str(error)) from error
