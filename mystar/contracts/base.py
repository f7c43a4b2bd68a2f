"""Dialects: their addresses, and how they render errors."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.typedefs import Handler

from mystar import errors
from mystar.accounts.factors.model import ChallengeUnknown, SecondFactorRefused, SecondFactorRequired
from mystar.accounts.model import StaffFactorNeeded
from mystar.errors import MystarError
from mystar.kit.web.cors import ORIGINS, allow
from mystar.kit.web.http import language_of
from mystar.kit.web.observability import record_refusal
from mystar.kit.web.routes import Route
from mystar.kit.web.validation import ParameterUnknown

log = logging.getLogger(__name__)

#: The status of each kind of error; a dialect may override it by code or by kind.
STATUSES: Mapping[type[MystarError], int] = {
    errors.Unreadable: 400,
    errors.Invalid: 422,
    # Also where wrong fields are 400: what asks for it follows RFC 7240.
    ParameterUnknown: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.OutOfRange: 416,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}


@dataclass(frozen=True)
class Contract:
    """A dialect of the API: its routes and how it renders errors.

    :param prefixes: paths that belong to it even when no route matches; the longest of all dialects wins.
    :param render_error: makes the answer of an error, its status, the language and the request.
    :param statuses: overrides of ``STATUSES``, by error code or by kind.
    :param error_schema: OpenAPI schema of its errors.
    :param refuses_by_pages: whether errors are HTML pages for clients that do not ask for JSON.
    """

    name: str
    prefixes: Sequence[str]
    routes: Sequence[Route]
    render_error: Callable[[MystarError, int, str, web.Request], web.Response]
    error_schema: Mapping[str, Any]
    statuses: Mapping[str | type[MystarError], int] = field(default_factory=dict)
    refuses_by_pages: bool = False

    def status_of(self, kind: type[MystarError]) -> int:
        if kind.code in self.statuses:
            return self.statuses[kind.code]
        for ancestor in kind.__mro__:
            if ancestor in self.statuses:
                return self.statuses[ancestor]
            if ancestor in STATUSES:
                return STATUSES[ancestor]
        return 500

    def answer(self, error: MystarError, request: web.Request) -> web.Response:
        """The answer of the error in this dialect, with the headers of its kind."""
        status = self.status_of(type(error))
        response = self.render_error(error, status, language_of(request), request)
        if status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if "retry_after" in error.details:
            response.headers["Retry-After"] = str(error.details["retry_after"])
        if isinstance(error, errors.OutOfRange):
            response.headers["Content-Range"] = f"bytes */{error.details['size']}"
        if isinstance(error, errors.MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.details.get("allowed", ())))
        return response


CONTRACTS: web.AppKey[tuple[Contract, ...]] = web.AppKey("contracts")


def contract_of(request: web.Request) -> Contract:
    """By the name of the matched route, else by the longest matching prefix, else the market dialect."""
    contracts = request.app[CONTRACTS]
    resource = request.match_info.route.resource
    name = resource.name.partition(".")[0] if resource is not None and resource.name else ""
    by_name = {contract.name: contract for contract in contracts}
    return by_name.get(name) or owner_of(request.path, contracts)


def owner_of(path: str, contracts: Sequence[Contract]) -> Contract:
    fitting = [
        (len(prefix), contract)
        for contract in contracts
        for prefix in contract.prefixes
        if path == prefix.rstrip("/") or path.startswith(prefix if prefix.endswith("/") else prefix + "/")
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else contracts[0]


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors of the inner middlewares and handlers into answers of the dialect that owns the path."""
    try:
        return await handler(request)
    except MystarError as error:
        refusal = error
    except web.HTTPException as error:
        if error.status < 400:
            raise
        refusal = _from_http(error, request)
    except ConnectionError:
        raise
    except Exception as error:
        refusal = _from_defect(error, request)
    return contract_of(request).answer(refusal, request)


def _from_defect(error: Exception, request: web.Request) -> MystarError:
    """A defect, unless this process has too many files open: that is no fault of the request, and passes."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        log.error("%s in %s %s: raise their limit (ulimit -n)", error.strerror, request.method, request.path)
        return errors.Unavailable(retry_after=5)
    log.exception("unexpected error in %s %s", request.method, request.path)
    return errors.Unexpected()


async def refuse_unparsed(
    app: web.Application, request: web.Request, error: Exception, head: bytes
) -> web.StreamResponse:
    """Answer a request that aiohttp refuses before the middlewares, in the dialect of its path.

    :param request: without path and headers if they could not be parsed. :param head: the bytes that were received.
    """
    if head:
        request = _from_head(request, head)
    if request._match_info is None:
        # The renderers of dialects look at the route, which aiohttp resolves only for requests that it accepts.
        request._match_info = await app.router.resolve(request)
        request._match_info.add_app(app)
    response = contract_of(request).answer(_from_unparsed(error), request)
    response.force_close()
    response.headers.update({"Server": "mystar", "X-Request-ID": record_refusal(app, response.status, error)})
    allow(response.headers, app[ORIGINS], request.headers.get("Origin"), request.path)
    return response


def _from_unparsed(error: Exception) -> MystarError:
    if isinstance(error, MystarError):
        return error
    is_encoding = isinstance(error, BadHttpMessage) and "content-encoding" in error.message.lower()
    return errors.UnsupportedMedia() if is_encoding else errors.Unreadable()


def _from_head(request: web.Request, head: bytes) -> web.Request:
    """The request with the path and the few headers that its answer depends on, as far as they can be read."""
    line, *lines = head.decode("latin-1").split("\r\n")
    path = _PATH.search(line)
    pairs = (one.partition(":") for one in lines)
    headers = {name: value.strip() for name, _, value in pairs if name.lower() in ("origin", "accept-language")}
    return request.clone(rel_url=path[0] if path else "/", headers=headers)


def _from_http(error: web.HTTPException, request: web.Request) -> MystarError:
    match error.status:
        case 404:
            return errors.NotFound()
        case 405:
            allowed = getattr(error, "allowed_methods", ())
            return errors.MethodNotAllowed(method=request.method, allowed=list(allowed))
        case 413:
            return errors.TooLarge()
        case 415:
            return errors.UnsupportedMedia()
        case 401:
            return errors.Unauthenticated()
        case 403:
            return errors.Forbidden()
        case status if status < 500:
            return errors.Unreadable()
    return errors.Unexpected()


_PATH = re.compile(r"(?<= )/[\w./-]*", re.ASCII)
#: Refusals of second factors, which have their code also in dialects whose other errors have none.
FACTOR_REFUSALS = (SecondFactorRequired, SecondFactorRefused, ChallengeUnknown, StaffFactorNeeded)
#: Details of `SecondFactorRequired`, in every dialect.
SECOND_STEP = ("challenge", "methods", "expires_in")
SECOND_STEP_SCHEMA: Mapping[str, Any] = {
    "challenge": {
        "type": "string",
        "description": "Of `second_factor_required`: names the sign-in in its second step.",
    },
    "methods": {
        "type": "array",
        "items": {"type": "string", "enum": ["totp", "passkey", "recovery_code"]},
        "description": "Of `second_factor_required`: what the second step may be.",
    },
    "expires_in": {"type": "integer", "description": "Of `second_factor_required`: seconds for the second step."},
}
#: OpenAPI schema of ``message_and_detail``.
MESSAGE_AND_DETAIL_SCHEMA = {
    "type": "object",
    "required": ["detail", "message", "code"],
    "properties": {
        "detail": {"type": "string"},
        "message": {"type": "string"},
        "code": {"type": "string"},
        **SECOND_STEP_SCHEMA,
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}


def second_step(error: MystarError) -> dict[str, Any]:
    """What a client needs for the second step of its sign-in; empty for other errors."""
    return {name: error.details[name] for name in SECOND_STEP if name in error.details}


def message_and_detail(error: MystarError, language: str) -> dict[str, Any]:
    """The error object of the messenger and identity dialects (D17)."""
    words = error.message(language)
    body: dict[str, Any] = {"detail": words, "message": words, "code": error.code, **second_step(error)}
    if error.fields:
        body["errors"] = error.field_messages(language)
    return body
