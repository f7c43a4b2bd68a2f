"""Request bodies: small ones as a whole, multipart forms part by part, and a fingerprint of both."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDictProxy

from mystar.errors import Unreadable

#: Bytes of one read.
CHUNK = 64 * 1024
#: Seconds without a byte from the client.
_READ_TIMEOUT = 60
_MAX_PARTS = 32
_BROKEN = (
    *(ValueError, LookupError, AssertionError, RuntimeError, TimeoutError),
    *(HttpProcessingError, web.RequestPayloadError),
)


class RequestFingerprint:
    """A hash of a request, computed while it is read."""

    def __init__(self, *parts: bytes) -> None:
        self._digest = hashlib.sha256()
        for one in parts:
            self.add(one)

    def add(self, text: bytes) -> None:
        self._digest.update(len(text).to_bytes(8, "big") + text)

    def stream(self) -> hashlib._Hash:
        """A hash for something long, whose digest is to be added at its end."""
        return hashlib.sha256()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


#: Of a form that its handler streams.
REQUEST_FINGERPRINT = web.RequestKey("print", RequestFingerprint)


async def body(request: web.Request) -> bytes:
    """The whole body, decompressed, and cached. :raises Unreadable: it is not compressed as its header says."""
    with _reading():
        return await request.read()


async def form(request: web.Request) -> MultiDictProxy[Any]:
    """A small form, cached. :raises Unreadable: it is no form, or its charset is unknown."""
    with _reading():
        return await request.post()


async def parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    """The parts of a form. :raises Unreadable: cut off, nested, too many, or no form at all."""
    with _reading():
        reader = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await _with_timeout(reader.next)
        if part is None:
            return
        if isinstance(part, MultipartReader):
            raise Unreadable
        yield part
    raise Unreadable


async def chunks(request: web.Request, part: BodyPartReader) -> AsyncIterator[bytes]:
    """The bytes of a part. :raises Unreadable: they were cut off."""
    fingerprint = request.get(REQUEST_FINGERPRINT)
    digest = fingerprint.stream() if fingerprint else None
    while not part.at_eof():
        chunk: bytes = await _with_timeout(part.read_chunk, CHUNK)
        if digest:
            digest.update(chunk)
        if chunk:
            yield chunk
    if fingerprint and digest:
        fingerprint.add((part.name or "").encode("utf-8", "replace"))
        fingerprint.add((part.filename or "").encode("utf-8", "replace"))
        fingerprint.add(digest.digest())


async def drain(request: web.Request) -> None:
    """Read the whole form for its fingerprint alone."""
    async for part in parts(request):
        async for _ in chunks(request, part):
            pass


def text_of(value: bytes) -> str:
    """:raises Unreadable: it is not UTF-8."""
    with _reading():
        return value.decode()


async def _with_timeout(read: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
    with _reading():
        async with asyncio.timeout(_READ_TIMEOUT):
            return await read(*arguments)


@contextmanager
def _reading() -> Iterator[None]:
    """Translate the many errors of aiohttp about malformed or stalled bodies."""
    try:
        yield
    except _BROKEN as error:
        raise Unreadable from error
