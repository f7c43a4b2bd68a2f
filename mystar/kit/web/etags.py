"""Conditional requests: ETags of JSON answers, ``If-None-Match`` and ``If-Match`` (RFC 9110, 13.1; promise F6).

The ETag of a JSON answer to a GET is a hash of its bytes; ``If-None-Match`` with that tag gets a 304. Personal answers
are private: shared caches do not store them, and the client's own cache revalidates them each time.

``If-Match`` on a PUT, PATCH or DELETE: the edit happens only if a GET of the same address, query and language would
still give the tag; otherwise `Stale`. Handlers and services need no code for it. The GET runs once before anything is
read, and once more inside the edit's own transaction, before its first change. That transaction is repeatable read, so
PostgreSQL refuses to change a row that another transaction has changed since: of two edits of one state one is refused.
This holds when the edit locks or updates the row that the GET shows, as all services do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeGuard

from aiohttp import ETag, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from mystar.errors import Stale
from mystar.kit.postgres.database import Database, Retry, Tx
from mystar.kit.web.routes import route_name
from mystar.kit.web.validation import read_declared

_EDITS = ("PUT", "PATCH", "DELETE")
#: Headers that describe a body and are left out without one.
_BODY_HEADERS = ("Content-Type", "Content-Length", "Content-Encoding")
#: Apache's mod_deflate adds these to the tags of the answers that it compresses.
_COMPRESSED = ("-gzip", "-br", "-zstd")
#: The whole answer with its ETag, also where the client has it and gets a 304.
TAGGED = web.RequestKey("tagged", web.Response)


class ETags:
    """:param contract: the dialect whose answers have ETags, by the first part of the names of its routes."""

    def __init__(self, db: Database, contract: str) -> None:
        self._db, self._contract = db, contract

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if route_name(request).partition(".")[0] != self._contract or not request.path.startswith("/api/"):
            return await handler(request)
        if request.method in _EDITS and "If-Match" in request.headers:
            return await self._edit(request, handler)
        response = await handler(request)
        if request.method not in ("GET", "HEAD") or not _is_taggable(response):
            return response
        response.etag = value = _hash_of(response)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers["Vary"] = "Authorization, Accept-Language, Origin"
        request[TAGGED] = response
        return not_modified(response.headers) if is_among(request.if_none_match, value) else response

    async def _edit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        reading = _get_of(request)
        tags = request.if_match

        async def unchanged(_tx: Tx | None = None) -> None:
            """Raises what the GET raises, such as Forbidden; the edit is then refused in the same way."""
            current = await _current_hash(*reading) if reading else None
            if current is None or not is_among(tags, current):
                raise Stale

        await unchanged()
        try:
            async with self._db.lazy_transaction(unchanged, "repeatable read"):
                return await handler(request)
        except Retry as error:
            # Another transaction changed the row between the check and this change.
            raise Stale from error


ETAGS = web.AppKey("etags", ETags)


@web.middleware
async def etag_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Before `validation_middleware`, after `authentication_middleware`."""
    return await request.app[ETAGS].answer(request, handler)


def not_modified(headers: CIMultiDict[str]) -> web.Response:
    """The answer to a client that has the body already. :param headers: of the answer with the body."""
    return web.Response(
        status=304, headers={name: value for name, value in headers.items() if name not in _BODY_HEADERS}
    )


def is_among(tags: Iterable[ETag] | None, value: str) -> bool:
    """Whether one of a header's tags names ``value``, or is ``*``.

    Weak tags count: a proxy that compresses makes tags weak, and those of this service are of the content.
    """
    return any(tag.value in ("*", value, *(value + suffix for suffix in _COMPRESSED)) for tag in tags or ())


def _is_taggable(response: web.StreamResponse) -> TypeGuard[web.Response]:
    """Streams have ETags of their own; answers that must not be stored have none."""
    return (
        isinstance(response, web.Response)
        and response.status == 200
        and isinstance(response.body, bytes)
        and "ETag" not in response.headers
        and "no-store" not in response.headers.get("Cache-Control", "")
    )


def _hash_of(response: web.StreamResponse) -> str:
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return hashlib.blake2b(response.body, digest_size=16).hexdigest()


def _get_of(request: web.Request) -> tuple[web.Request, Handler] | None:
    """The GET of the same address with its handler, if there is one."""
    resource = request.match_info.route.resource
    found = next((one for one in resource or () if one.method == "GET"), None)
    return (request.clone(method="GET"), found.handler) if found else None


async def _current_hash(request: web.Request, handler: Handler) -> str | None:
    await read_declared(request, handler)
    response = await handler(request)
    return _hash_of(response) if _is_taggable(response) else None
