"""Request bodies: small ones as a whole, multipart forms part by part, and a fingerprint of both."""

from __future__ import annotations

import asyncio
import hashlib
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from mystar.errors import TooLarge, Unreadable, UnsupportedMedia
from mystar.kit.web.charsets import known_charset
from mystar.kit.web.content_disposition import parse_disposition

#: Bytes of one read.
CHUNK = 64 * 1024
#: Seconds without a byte from the client.
_READ_TIMEOUT = 60
#: Bytes a second that a body must have on average, after some seconds of grace.
_MIN_RATE, _BODY_GRACE, _UPLOAD_GRACE = 1024, 10.0, 60.0
#: Seconds between two looks at how much of a body has arrived.
_LOOK_EVERY = 1.0
#: Bytes of a JSON body; as in the default configuration.
_DEFAULT_MAX_JSON = 131_072
_MAX_PARTS = 32
_URLENCODED = "application/x-www-form-urlencoded"
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


#: Bytes of a body that is read as a whole, JSON or a form without files.
MAX_JSON = web.AppKey("max_json", int)
#: Set where the server leaves bodies as they were sent, see `ApiServer`; aiohttp's own unpacks them without a limit.
ARRIVES_PACKED = web.AppKey("arrives_packed", bool)
_PLAIN, _PACKED = {"", "identity"}, {"gzip", "x-gzip", "deflate"}
_RAW = web.RequestKey("raw_body", bytes)
_FORM: web.RequestKey[MultiDictProxy[Any]] = web.RequestKey("form")


class Pace:
    """The deadline of a body, by what has arrived of it: its client may be slow, not arbitrarily slow.

    :param grace: seconds before the average counts.
    """

    def __init__(self, content: StreamReader, grace: float) -> None:
        self._content, self._until = content, time.monotonic() + grace
        self._arrived, self._arrived_at = 0, 0.0

    async def read(self, read: Callable[..., Awaitable[bytes]], *arguments: object) -> bytes:
        """The next bytes. :raises TimeoutError: they are late."""
        self._arrived_at = time.monotonic()
        async with asyncio.timeout(self._left()):
            return await read(*arguments)

    @asynccontextmanager
    async def keep(self) -> AsyncIterator[None]:
        """For a block that reads much at once. :raises TimeoutError: the client is too slow."""
        self._arrived_at = time.monotonic()
        async with asyncio.timeout(self._left()) as limit:
            watch = asyncio.create_task(self._extend(limit))
            try:
                yield
            finally:
                watch.cancel()

    async def _extend(self, limit: asyncio.Timeout) -> None:
        """As long as enough arrives."""
        while not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time() + self._left())
            await asyncio.sleep(_LOOK_EVERY)

    def _left(self) -> float:
        """Seconds until the deadline: of the average, or of the next byte."""
        arrived, now = self._content.total_bytes, time.monotonic()
        if arrived != self._arrived:
            self._arrived, self._arrived_at = arrived, now
        return max(0.0, min(self._until + arrived / _MIN_RATE, self._arrived_at + _READ_TIMEOUT) - now)


_PACE = web.RequestKey("pace", Pace)


async def body(request: web.Request) -> bytes:
    """The whole body, decompressed, and cached.

    :raises TooLarge: :raises Unreadable: too slow, or not compressed as its header says.
    """
    if _RAW not in request:
        limit = request.app.get(MAX_JSON, _DEFAULT_MAX_JSON)
        if (request.content_length or 0) > limit:
            raise TooLarge
        with _reading():
            received = await _received(request.content, limit)
        packed = request.app.get(ARRIVES_PACKED, False)
        request[_RAW] = _unpacked(received, _encoding_of(request), limit) if packed else received
    return request[_RAW]


async def _received(content: StreamReader, limit: int) -> bytes:
    """:raises TooLarge: :raises TimeoutError: the client is too slow."""
    if content.is_eof():
        # It has arrived as a whole, as most small ones have, and needs no deadline.
        received = bytearray(content.read_nowait())
    else:
        received, pace = bytearray(), Pace(content, _BODY_GRACE)
        while len(received) <= limit and (chunk := await pace.read(content.readany)):
            received += chunk
    if len(received) > limit:
        raise TooLarge
    return bytes(received)


def _unpacked(raw: bytes, encoding: str, limit: int) -> bytes:
    """:raises TooLarge: before more than the limit is unpacked. :raises Unreadable: it is not packed so."""
    if encoding in _PLAIN or not raw:
        return raw
    # Some clients pack "deflate" without the head of zlib, in which the low bits of the first byte are an 8.
    bare = encoding == "deflate" and raw[0] & 0x0F != 8
    packer = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | (0 if encoding == "deflate" else 16))
    try:
        data = packer.decompress(raw, limit + 1)
    except zlib.error as error:
        raise Unreadable from error
    if len(data) > limit:
        raise TooLarge
    if not packer.eof:
        raise Unreadable
    return data


def _encoding_of(request: web.Request) -> str:
    return request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()


@web.middleware
async def encoding_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """:raises UnsupportedMedia: the body is packed in an unknown way."""
    if _encoding_of(request) not in _PLAIN | _PACKED:
        raise UnsupportedMedia
    return await handler(request)


async def form(request: web.Request) -> MultiDictProxy[Any]:
    """A small form, cached. :raises TooLarge: :raises Unreadable: it is no form, or its charset is unknown."""
    if _FORM not in request:
        request[_FORM] = await (_urlencoded if request.content_type == _URLENCODED else _posted)(request)
    return request[_FORM]


async def _urlencoded(request: web.Request) -> MultiDictProxy[Any]:
    raw = await body(request)
    with _reading():
        charset = known_charset(request.charset or "utf-8")
        pairs = parse_qsl(raw.rstrip().decode(charset), keep_blank_values=True, encoding=charset)
    return MultiDictProxy(MultiDict(pairs))


async def _posted(request: web.Request) -> MultiDictProxy[Any]:
    require_unpacked(request)
    with _reading():
        async with Pace(request.content, _BODY_GRACE).keep():
            return await request.post()


class FormPart(BodyPartReader):
    """A part whose names have been read once, by `parse_disposition`: aiohttp's own readers raise at unusual ones."""

    def __init__(self, boundary: bytes, headers: CIMultiDictProxy[str], content: StreamReader, **options: Any) -> None:
        self._disposition = parse_disposition(headers.get(hdrs.CONTENT_DISPOSITION, ""))
        others = CIMultiDict((name, text) for name, text in headers.items() if name != hdrs.CONTENT_DISPOSITION)
        super().__init__(boundary, CIMultiDictProxy(others), content, **options)

    @property
    def name(self) -> str:
        """The field; "" when it has no name."""
        return self._disposition.name

    @property
    def filename(self) -> str | None:
        """See `Disposition`."""
        return self._disposition.filename


def require_unpacked(request: web.Request) -> None:
    """Uploads are counted as they arrive: a packed one would grow without bounds.

    :raises UnsupportedMedia: the body has a ``Content-Encoding``.
    """
    if _encoding_of(request) not in _PLAIN:
        raise UnsupportedMedia


async def parts(request: web.Request) -> AsyncIterator[FormPart]:
    """The parts of a form.

    :raises UnsupportedMedia: it is packed. :raises Unreadable: cut off, nested, too many, or no form at all.
    """
    require_unpacked(request)
    with _reading():
        reader = await request.multipart()
    reader.part_reader_cls = FormPart
    for _ in range(_MAX_PARTS):
        with _reading():
            async with _pace_of(request).keep():
                part = await reader.next()
        if part is None:
            return
        if not isinstance(part, FormPart):
            raise Unreadable
        yield part
    raise Unreadable


async def chunks(request: web.Request, part: FormPart) -> AsyncIterator[bytes]:
    """The bytes of a part. :raises Unreadable: they were cut off."""
    fingerprint = request.get(REQUEST_FINGERPRINT)
    digest = fingerprint.stream() if fingerprint else None
    pace = _pace_of(request)
    while not part.at_eof():
        with _reading():
            chunk = await pace.read(part.read_chunk, CHUNK)
        if digest:
            digest.update(chunk)
        if chunk:
            yield chunk
    if fingerprint and digest:
        fingerprint.add(part.name.encode("utf-8", "replace"))
        fingerprint.add((part.filename or "").encode("utf-8", "replace"))
        fingerprint.add(digest.digest())


def _pace_of(request: web.Request) -> Pace:
    if _PACE not in request:
        request[_PACE] = Pace(request.content, _UPLOAD_GRACE)
    return request[_PACE]


async def drain(request: web.Request) -> None:
    """Read the whole form for its fingerprint alone."""
    async for part in parts(request):
        async for _ in chunks(request, part):
            pass


def text_of(value: bytes) -> str:
    """:raises Unreadable: it is not UTF-8."""
    with _reading():
        return value.decode()


@contextmanager
def _reading() -> Iterator[None]:
    """Translate the many errors of aiohttp about malformed or stalled bodies."""
    try:
        yield
    except _BROKEN as error:
        raise Unreadable from error
