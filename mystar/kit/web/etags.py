"""Answers that a client has already, and edits of what it has seen (RFC 9110, 13.1; promise F6).

Every JSON answer to a GET is tagged by its bytes; ``If-None-Match`` with that tag gets a 304 without them. What one
reads about oneself is nobody else's: caches of others keep nothing, one's own asks each time.

``If-Match`` on a PUT, PATCH or DELETE: only if a GET of the same address, query and language would still say what the
tag was made of; else `Stale`. Handlers and services need nothing for it. The GET is asked once before anything is read,
and once more inside the edit's own transaction, before its first change. That transaction sees the database as it was
when it was asked (repeatable read), and PostgreSQL lets it change no row that has been changed since, by whatever door:
so of two edits of one state one is refused. A service keeps this promise when its edit locks or updates the row
that the GET shows, as every one of ours does.
"""

from __future__ import annotations

import hashlib
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from mystar.errors import Stale
from mystar.kit.postgres.database import Database, Retry, Tx
from mystar.kit.web.routes import route_name
from mystar.kit.web.validation import read_declared

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_EDITS = ("PUT", "PATCH", "DELETE")
#: What belongs to a body that is not sent.
_OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Encoding")


class ETags:
    """:param contract: whose answers are tagged, by the first part of their routes' names."""

    def __init__(self, db: Database, contract: str) -> None:
        self._db, self._contract = db, contract

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if route_name(request).partition(".")[0] != self._contract or not request.path.startswith("/api/"):
            return await handler(request)
        if request.method in _EDITS and "If-Match" in request.headers:
            return await self._edit(request, handler)
        response = await handler(request)
        if request.method not in ("GET", "HEAD") or not _is_read(response):
            return response
        tag = _tag_of(response)
        response.headers["ETag"] = tag
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers["Vary"] = "Authorization, Accept-Language, Origin"
        if _names(request.headers.getall("If-None-Match", []), tag):
            kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
            return web.Response(status=304, headers=kept)
        return response

    async def _edit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        reading = _reading_of(request)
        tags = request.headers.getall("If-Match")

        async def unchanged(_tx: Tx | None = None) -> None:
            """Refusals of the GET, as to strangers, are the edit's own."""
            if reading is None or not _names(tags, await _current_tag(*reading)):
                raise Stale

        await unchanged()
        try:
            async with self._db.lazy_transaction(unchanged, "repeatable read"):
                return await handler(request)
        except Retry as error:
            # Somebody was faster, between our question and our change.
            raise Stale from error


ETAGS = web.AppKey("conditions", ETags)


@web.middleware
async def etag_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """In front of `validation_middleware`, behind who is asking."""
    return await request.app[ETAGS].answer(request, handler)


def _is_read(response: web.StreamResponse) -> bool:
    """Streams tag themselves, and what may not be stored is not asked for again."""
    return (
        isinstance(response, web.Response)
        and response.status == 200
        and isinstance(response.body, bytes)
        and "ETag" not in response.headers
        and "no-store" not in response.headers.get("Cache-Control", "")
    )


def _tag_of(response: web.StreamResponse) -> str:
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return f'"{hashlib.blake2b(response.body, digest_size=16).hexdigest()}"'


def _names(headers: list[str], tag: str) -> bool:
    """Whether one of the tags is this one. A proxy that compresses calls them weak, though ours are of the content."""
    return any(header.strip() == "*" or tag in _TAG.findall(header) for header in headers)


def _reading_of(request: web.Request) -> tuple[web.Request, Handler] | None:
    """How the same address is read, if it can be."""
    resource = request.match_info.route.resource
    found = next((one for one in resource or () if one.method == "GET"), None)
    return (request.clone(method="GET"), found.handler) if found else None


async def _current_tag(request: web.Request, handler: Handler) -> str:
    await read_declared(request, handler)
    response = await handler(request)
    return _tag_of(response) if _is_read(response) else ""
