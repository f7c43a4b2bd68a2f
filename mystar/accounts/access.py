"""Access rules of handlers: a decorator states the rule, a middleware enforces it before the body is read.

The API documents show the same rule.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_apispec import docs

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Actor, ClientInfo, Language, NewSession
from mystar.errors import Forbidden, Unauthenticated
from mystar.kit.realtime.websocket import handshake_slot, offered_protocols
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.http import address_of, cookie_name, json_response, language_of, set_cookie
from mystar.kit.web.response_cache import CACHE

F = TypeVar("F", bound=Callable[..., object])

#: Marks a browser that has logged in before; it grants nothing, see `LoginThrottle`.
_DEVICE = "mystar_device"
_DEVICE_LIFE = 180 * 86_400
#: Marks a browser that has given its second factor lately; its life is in the signed value.
_REMEMBERED = "mystar_remembered"
_ACTOR = web.RequestKey("actor", object)
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LIMITS: web.AppKey[RateLimits] = web.AppKey("limits")


def login_required(handler: F) -> F:
    """Requires a valid access token."""
    return _closed(handler, "signed_in")


def login_optional(handler: F) -> F:
    """Open to guests; a valid token identifies the actor, an invalid one is ignored."""
    return _closed(handler, "maybe")


def open_to_guests(handler: F) -> F:
    """Open to guests, but an invalid token is refused (D2): no client acts as a guest without knowing it."""
    return _closed(handler, "open")


def staff_only(handler: F) -> F:
    """Requires a member of the staff, of any role."""
    return _closed(handler, "staff")


def login_required_socket(handler: F) -> F:
    """Like ``login_required``, for WebSockets, where browsers cannot set headers; see `socket_token_of`."""
    return _closed(handler, "socket")


def _closed(handler: F, rule: str) -> F:
    handler.__access__ = rule  # type: ignore[attr-defined]
    security: list[dict[str, list[str]]] = [{"bearer": []}]
    documented: F = docs(security=[*security, {}] if rule in ("maybe", "open") else security)(handler)
    return documented


@web.middleware
async def authentication_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """:raises Unauthenticated: a required token is missing or invalid. :raises Forbidden: not staff where required.
    :raises StaffFactorNeeded: staff without the second factor that they have to have.
    """
    rule = rule_of(request)
    async with handshake_slot(request) if rule == "socket" else nullcontext():
        if rule is not None:
            request[_ACTOR] = actor = await _actor(request, rule)
            if rule == "staff" and not (actor and actor.acts_as_staff()):
                raise Forbidden
        return await handler(request)


def limited(*names: str) -> Callable[[F], F]:
    """Requests of the handler count against these limits, too: they cost others something, or stay for ever."""

    def mark(handler: F) -> F:
        handler.__limits__ = names  # type: ignore[attr-defined]
        return handler

    return mark


def unlimited(reason: str) -> Callable[[F], F]:
    """The handler writes without counting against `write_limit_middleware`; the reason is listed in docs/limits.md."""

    def mark(handler: F) -> F:
        handler.__unlimited__ = reason  # type: ignore[attr-defined]
        return handler

    return mark


@web.middleware
async def write_limit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every request that may write, by account, or by address of a guest.

    The panel has none: its users are staff, whose acts are audited. :raises TooMany:
    """
    if request.method in _WRITES and is_limited(request.match_info):
        actor, limits = maybe_actor_of(request), request.app[LIMITS]
        who = actor.id if actor else address_of(request)
        for name in ("write" if actor else "guest_write", *getattr(request.match_info.handler, "__limits__", ())):
            await limits.hit(name, who)
    return await handler(request)


@web.middleware
async def own_cache_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Below `authentication_middleware`: answers of handlers marked `@cached_for_actor`, each for its account (D81)."""
    if hasattr(request.match_info.handler, "__cached_for_actor__"):
        return await request.app[CACHE].answer(request, handler, actor_of(request).id)
    return await handler(request)


def is_limited(match: web.UrlMappingMatchInfo) -> bool:
    """Whether requests of this route count; also asked by the test of all routes."""
    resource = match.route.resource
    is_panel = resource is not None and (resource.name or "").startswith("admin.")
    return resource is not None and not is_panel and not hasattr(match.handler, "__unlimited__")


async def _actor(request: web.Request, rule: str) -> Actor | None:
    token = socket_token_of(request) if rule == "socket" else token_of(request)
    if token is None and rule == "open":
        return None
    try:
        if token is None:
            raise Unauthenticated
        return await request.app[ACCOUNTS].authenticate(token)
    except Unauthenticated:
        if rule == "maybe":
            return None
        raise


def token_of(request: web.Request) -> str | None:
    """``Authorization: Bearer <jwt>`` or the bare token (D3)."""
    scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else scheme
    return token or None


def socket_token_of(request: web.Request) -> str | None:
    """The header, else ``Sec-WebSocket-Protocol: bearer, <token>``, else ``?token=`` (D33)."""
    return token_of(request) or next(iter(offered_protocols(request)[1:]), None) or request.query.get("token")


def actor_of(request: web.Request) -> Actor:
    """The actor, inside a ``@login_required`` or ``@staff_only`` handler."""
    actor = request[_ACTOR]
    assert isinstance(actor, Actor)
    return actor


def maybe_actor_of(request: web.Request) -> Actor | None:
    """The actor; None for a guest, and where the handler has no access rule."""
    actor = request.get(_ACTOR)
    return actor if isinstance(actor, Actor) else None


def set_actor(request: web.Request, actor: Actor) -> None:
    """For handlers that authenticate by themselves."""
    request[_ACTOR] = actor


async def add_cache_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A handler of ``on_response_prepare``: no cache keeps what an actor was answered, unless the handler allows it."""
    if response.status != 101 and (maybe_actor_of(request) is not None or token_of(request)):
        response.headers.setdefault("Cache-Control", "no-store")


def rule_of(request: web.Request) -> str | None:
    """The handler's access rule: "signed_in", "maybe", "open", "staff" or "socket"; None without one."""
    rule: str | None = getattr(request.match_info.handler, "__access__", None)
    return rule


def client_info(request: web.Request) -> ClientInfo:
    """The client of the request, for limits, sessions and the language of mails."""
    agent = request.headers.get("User-Agent", "")[:300].encode("utf-8", "replace").decode()
    language: Language = "en" if language_of(request) == "en" else "ru"
    remembered = request.cookies.get(cookie_name(request, _REMEMBERED), "")[:200]
    return ClientInfo(address_of(request), agent, language, _device_of(request), token_of(request), remembered)


def _device_of(request: web.Request) -> str:
    """The name without prefix is that of cookies from before; a device cookie is signed, and grants nothing."""
    return (request.cookies.get(cookie_name(request, _DEVICE)) or request.cookies.get(_DEVICE, ""))[:200]


def session_response(request: web.Request, session: NewSession, data: Any, status: int = 200) -> web.Response:
    """The response of a log-in: caches may not keep its tokens, and a cookie marks the device."""
    response = token_response(data, status)
    set_device_cookie(request, response, session)
    return response


def set_device_cookie(request: web.Request, response: web.Response, session: NewSession) -> None:
    """Set the cookies by which the browser is recognized at its next log-in, and need not repeat its second factor."""
    for name, value in ((_DEVICE, session.device), (_REMEMBERED, session.trusted)):
        if value:
            set_cookie(request, response, cookie_name(request, name), value, samesite="Lax", max_age=_DEVICE_LIFE)


def token_response(data: Any, status: int = 200) -> web.Response:
    """A response with tokens, which no cache may keep (RFC 6749, 5.1)."""
    return json_response(data, status, {"Cache-Control": "no-store"})
