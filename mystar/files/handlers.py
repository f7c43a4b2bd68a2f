"""`/media/…`: the files themselves."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import web
from aiohttp_apispec import docs

from mystar.accounts.access import maybe_actor_of, maybe_signed_in
from mystar.files.forms import FILES
from mystar.files.model import IMAGES, VIDEOS, FileUnknown, StoredFile
from mystar.files.ranges import Part, http_date, is_known, wanted
from mystar.kit.routes import Route, route
from mystar.kit.storage import BytesMissing

__all__ = ["FILES", "ROUTES"]

log = logging.getLogger(__name__)

_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_YEAR = 31_536_000
#: A browser that opens a video by itself builds a page around it and loads it once more, which a sandbox would forbid.
_SEEN_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"


@docs(
    tags=["files"],
    summary="A file: public ones for everybody, others for those they belong to or by a signed link",
    parameters=[
        {"in": "query", "name": "expires", "schema": {"type": "string"}},
        {"in": "query", "name": "signature", "schema": {"type": "string"}},
        {"in": "header", "name": "Range", "schema": {"type": "string"}},
    ],
    responses={
        200: {"description": "The whole file", **_BYTES},
        206: {"description": "One range of it", **_BYTES},
        304: {"description": "The client has it already"},
    },
)
@maybe_signed_in
async def media(request: web.Request) -> web.StreamResponse:
    files = request.app[FILES]
    file = await files.open_for(
        request.match_info["tail"].rstrip("/"),
        maybe_actor_of(request),
        expires=request.query.get("expires", ""),
        signature=request.query.get("signature", ""),
    )
    headers, etag = _headers(file), _etag(file)
    if is_known(request.headers, etag, file.uploaded_at):
        return web.Response(status=304, headers=headers)
    part = wanted(request.headers, file.size, etag, file.uploaded_at)
    headers["Content-Type"] = file.content_type
    start, size = (part.start, part.size) if part else (0, file.size)
    try:
        async with files.bytes_of(file, start, size) as chunks:
            return await _send(request, headers, part, size, chunks)
    except BytesMissing as error:
        log.error("the bytes of file %s are missing", file.id)
        raise FileUnknown from error


def _headers(file: StoredFile) -> dict[str, str]:
    is_seen = file.content_type in IMAGES or file.content_type in VIDEOS
    shown = "inline" if is_seen else "attachment"
    return {
        "ETag": _etag(file),
        "Last-Modified": http_date(file.uploaded_at),
        "Accept-Ranges": "bytes",
        "Cache-Control": f"public, max-age={_YEAR}, immutable" if file.is_open else "private, no-store",
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}",
        # Whatever somebody managed to upload: it is what we say it is, and it runs nothing.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _SEEN_POLICY if is_seen else "sandbox",
    }


def _etag(file: StoredFile) -> str:
    """Strong: bytes under a key never change, and equal bytes have equal tags."""
    return f'"{file.sha256.hex()[:32]}"'


async def _send(
    request: web.Request, headers: dict[str, str], part: Part | None, size: int, chunks: AsyncIterator[bytes]
) -> web.StreamResponse:
    response = web.StreamResponse(status=206 if part else 200, headers=headers)
    response.content_length = size
    if part:
        response.headers["Content-Range"] = part.content_range
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    missing = size
    try:
        async for chunk in chunks:
            await response.write(chunk)
            missing -= len(chunk)
    except ConnectionResetError:
        log.debug("the reader left")
        return response
    except OSError:
        log.exception("a file could not be read to its end")
    if missing and request.transport is not None:
        # The head is out already: hanging up is the only way left to say that this is not the whole.
        request.transport.abort()
    return response


ROUTES: tuple[Route, ...] = (route("GET", "/media/{tail:.+}", media, "house.media"),)
