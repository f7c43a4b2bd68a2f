"""A ZIP archive that is written as it is read: JSON files of rows, and files of the storage.

Nothing is held in memory but a page of rows and a chunk of a file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from mystar.kit.postgres.queryable import Row
from mystar.kit.storage.local import StagedFile

#: Bytes of JSON that are compressed at once.
_CHUNK = 64 * 1024


class _Sink(io.RawIOBase):
    """Where `zipfile` writes to: bytes wait here until they are staged. It cannot seek, so sizes follow the data."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        self._waiting += chunk
        return len(chunk)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class ArchiveWriter:
    """:param staged: where the archive goes. :param tick: awaited after every chunk; may raise to give up."""

    def __init__(self, staged: StagedFile, now: datetime, tick: Callable[[], Awaitable[None]]) -> None:
        self._staged, self._tick = staged, tick
        self._time = now.timetuple()[:6]
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")

    async def add_text(self, name: str, text: str) -> None:
        await self._add(name, _one(text.encode()), zipfile.ZIP_DEFLATED)

    async def add_rows(self, name: str, rows: AsyncIterator[Row]) -> None:
        """A JSON array with an object for each row."""
        await self._add(name, _as_json(rows), zipfile.ZIP_DEFLATED)

    async def add_file(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Stored as it is: pictures and videos are compressed already."""
        await self._add(name, chunks, zipfile.ZIP_STORED)

    async def finish(self) -> None:
        self._zip.close()
        await self._flush()

    async def _add(self, name: str, chunks: AsyncIterator[bytes], method: int) -> None:
        info = zipfile.ZipInfo(name, self._time)
        info.compress_type, info.external_attr = method, 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as entry:
            async for chunk in chunks:
                entry.write(chunk)
                await self._flush()
        await self._flush()

    async def _flush(self) -> None:
        if taken := self._sink.take():
            await self._staged.write(taken)
        await self._tick()


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _as_json(rows: AsyncIterator[Row]) -> AsyncIterator[bytes]:
    waiting, separator = bytearray(b"["), b"\n"
    async for row in rows:
        waiting += separator + orjson.dumps(row, default=_default)
        separator = b",\n"
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting + b"\n]\n")


def _default(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value))
