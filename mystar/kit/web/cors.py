"""Which pages of other origins may call the service from a browser (CORS), on all answers of all paths.

aiohttp-cors describes what is allowed; it adds headers to registered resources of exact origins alone, so the answers
are written here: unknown paths, wrong methods and requests that aiohttp refuses are answered to scripts, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import aiohttp_cors
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

#: Headers of answers that scripts may read.
_EXPOSED = (
    *(
        "X-Request-ID",
        "X-Total-Count",
        "X-Ignored-Parameters",
        "Preference-Applied",
        "Link",
        "ETag",
        "Location",
        "Retry-After",
    ),
    *("Idempotent-Replayed", "Accept-Ranges", "Content-Disposition", "Content-Range", "WWW-Authenticate"),
)
_OPTIONS = aiohttp_cors.ResourceOptions(
    allow_credentials=True, allow_headers="*", allow_methods="*", expose_headers=_EXPOSED, max_age=600
)
#: The panel works by a cookie, so pages of other origins may not call it.
_CLOSED = "/admin"
#: What may be echoed in a header. Browsers send nothing else.
_ORIGIN = re.compile(r"[!-~]{1,500}")
_METHOD = re.compile(r"[A-Z]{1,20}")
_HEADERS = re.compile(r"[\w, -]{0,1000}", re.ASCII)


class OriginPolicy:
    """The allowed origins: exact ones, ``https://*.example.com`` for all names under a domain, ``null``, or ``*``."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any = "*" in allowed
        self._exact = frozenset(allowed)
        self._patterns = tuple(_pattern(origin) for origin in allowed if "//*." in origin)

    @property
    def is_open(self) -> bool:
        """Whether any origin is allowed."""
        return bool(self._exact)

    def allows(self, origin: str) -> bool:
        if not _ORIGIN.fullmatch(origin):
            return False
        return self._any or origin in self._exact or any(pattern.fullmatch(origin) for pattern in self._patterns)

    def headers_for(self, origin: str | None, path: str) -> dict[str, str]:
        """Headers of an answer. Credentials are allowed, so the origin is echoed: browsers take no "*" with them."""
        if origin is None or path.startswith(_CLOSED) or not self.allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": ",".join(sorted(_OPTIONS.expose_headers)),
        }


ORIGINS: web.AppKey[OriginPolicy] = web.AppKey("origins", OriginPolicy)


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A handler of ``on_response_prepare``: `allow` on every answer."""
    allow(response.headers, request.app[ORIGINS], request.headers.get("Origin"), request.path)


def allow(headers: CIMultiDict[str], policy: OriginPolicy, origin: str | None, path: str) -> None:
    """Add the headers that let a page of this origin read the answer.

    Other origins, and none, are told as well that it depends on the origin: a cache would give their answer, which no
    page may read, to a page that may. A picture is asked for without an origin when it is shown, with one by a script.
    """
    headers.update(policy.headers_for(origin, path))
    if policy.is_open and not path.startswith(_CLOSED) and "Origin" not in headers.get("Vary", ""):
        headers["Vary"] = f"{headers['Vary']}, Origin" if "Vary" in headers else "Origin"


@web.middleware
async def cors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer OPTIONS: preflights of pages, and questions for ``Allow``."""
    if request.method != "OPTIONS":
        return await handler(request)
    origin, method = request.headers.get("Origin"), request.headers.get("Access-Control-Request-Method", "")
    if origin is not None and method and request.app[ORIGINS].is_open and not request.path.startswith(_CLOSED):
        return _preflight(request, origin, method)
    failure = request.match_info.http_exception
    if not isinstance(failure, web.HTTPMethodNotAllowed):
        return await handler(request)
    return web.Response(status=204, headers={"Allow": ", ".join(sorted({*failure.allowed_methods, "OPTIONS"}))})


def _preflight(request: web.Request, origin: str, method: str) -> web.Response:
    """Unknown paths and methods pass, so that scripts can read the error of the request itself."""
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    if not request.app[ORIGINS].allows(origin) or not _METHOD.fullmatch(method) or not _HEADERS.fullmatch(wanted):
        return web.Response(status=403)
    headers = {"Access-Control-Allow-Methods": method, "Access-Control-Max-Age": str(_OPTIONS.max_age)}
    if wanted:
        headers["Access-Control-Allow-Headers"] = wanted
    return web.Response(status=200, headers=headers)


def _pattern(origin: str) -> re.Pattern[str]:
    scheme, _, domain = origin.partition("//*.")
    return re.compile(rf"{re.escape(scheme)}//(?:[a-z0-9-]+\.)+{re.escape(domain)}")
