"""Compression of answers: JSON, pages and scripts above a kilobyte, for clients that accept gzip."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

#: Whether answers are compressed; a proxy in front may do it instead.
COMPRESS = web.AppKey("compress", bool)
#: Bytes below which compression saves nothing.
_MIN_SIZE = 1024
_TYPES = frozenset(
    {
        *("application/json", "application/problem+json", "image/svg+xml"),
        *("text/html", "text/css", "text/javascript", "text/plain", "text/csv"),
    }
)


@web.middleware
async def compression_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Compress complete answers; streams, media and WebSockets are left as they are."""
    response = await handler(request)
    if isinstance(response, web.Response) and request.app[COMPRESS] and is_worth_it(response):
        add_vary(response)
        if accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            response.enable_compression(web.ContentCoding.gzip)
    return response


def add_vary(response: web.Response) -> None:
    """Say that the answer depends on what the client accepts."""
    known = response.headers.get(hdrs.VARY, "")
    if hdrs.ACCEPT_ENCODING not in known:
        response.headers[hdrs.VARY] = f"{known}, {hdrs.ACCEPT_ENCODING}" if known else hdrs.ACCEPT_ENCODING


def is_worth_it(response: web.Response) -> bool:
    body = response.body
    return (
        isinstance(body, bytes)
        and len(body) >= _MIN_SIZE
        and response.status not in (204, 206, 304)
        and hdrs.CONTENT_ENCODING not in response.headers
        and response.content_type in _TYPES
    )


@lru_cache(maxsize=128)
def accepts_gzip(accepted: str) -> bool:
    """``gzip`` without ``q=0``, or ``*`` where it is not named (RFC 9110, 12.5.3)."""
    found = {}
    for one in accepted.lower().split(","):
        coding, _, parameters = one.partition(";")
        found[coding.strip()] = parameters.replace(" ", "").rstrip("0.") != "q="
    return found.get("gzip", found.get("*", False))
