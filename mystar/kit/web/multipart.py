"""Bodies as they come, long forms part by part; and what makes two forms the same, whose borders and timing differ."""

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

#: Bytes asked from the network at once.
CHUNK = 64 * 1024
#: Seconds that a sender may be silent.
_SILENCE = 60
_MAX_PARTS = 32
_BROKEN = (
    *(ValueError, LookupError, AssertionError, RuntimeError, TimeoutError),
    *(HttpProcessingError, web.RequestPayloadError),
)


class RequestFingerprint:
    """The fingerprint of a request, taken while it is read: nothing is kept but a digest."""

    def __init__(self, *beginning: bytes) -> None:
        self._digest = hashlib.sha256()
        for one in beginning:
            self.add(one)

    def add(self, text: bytes) -> None:
        self._digest.update(len(text).to_bytes(8, "big") + text)

    def stream(self) -> hashlib._Hash:
        """Another digest, for something long; to be added when all of it has come."""
        return hashlib.sha256()

    def taken(self) -> str:
        return self._digest.hexdigest()


#: Of a form that its handler reads as it comes.
REQUEST_FINGERPRINT = web.RequestKey("print", RequestFingerprint)


async def body(request: web.Request) -> bytes:
    """All of it, unpacked; kept for whoever asks again. :raises Unreadable: it is not packed as its sender says."""
    with _reading():
        return await request.read()


async def form(request: web.Request) -> MultiDictProxy[Any]:
    """A small form, kept for whoever asks again. :raises Unreadable: no form, or in no charset that we know."""
    with _reading():
        return await request.post()


async def parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    """:raises Unreadable: broken off, nested, too many of them, or no form at all."""
    with _reading():
        reader = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await _patiently(reader.next)
        if part is None:
            return
        if isinstance(part, MultipartReader):
            raise Unreadable
        yield part
    raise Unreadable


async def chunks(request: web.Request, part: BodyPartReader) -> AsyncIterator[bytes]:
    """The bytes of a part. :raises Unreadable: they broke off."""
    taken = request.get(REQUEST_FINGERPRINT)
    digest = taken.stream() if taken else None
    while not part.at_eof():
        chunk: bytes = await _patiently(part.read_chunk, CHUNK)
        if digest:
            digest.update(chunk)
        if chunk:
            yield chunk
    if taken and digest:
        taken.add((part.name or "").encode("utf-8", "replace"))
        taken.add((part.filename or "").encode("utf-8", "replace"))
        taken.add(digest.digest())


async def drain(request: web.Request) -> None:
    """Read the whole form for nothing but its fingerprint."""
    async for part in parts(request):
        async for _ in chunks(request, part):
            pass


def text_of(value: bytes) -> str:
    """:raises Unreadable: it is no UTF-8."""
    with _reading():
        return value.decode()


async def _patiently(read: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
    with _reading():
        async with asyncio.timeout(_SILENCE):
            return await read(*arguments)


@contextmanager
def _reading() -> Iterator[None]:
    """aiohttp has many ways to say that a body is broken, or that its sender fell silent."""
    try:
        yield
    except _BROKEN as error:
        raise Unreadable from error
