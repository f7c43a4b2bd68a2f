"""HTTP helpers: JSON, pages, languages, client addresses, request ids."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web

REQUEST_ID = web.RequestKey("request_id", str)

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
TRUSTED_PROXIES: web.AppKey[Networks] = web.AppKey("trusted_proxies")
#: The public address of the service, without a slash at the end.
PUBLIC_URL: web.AppKey[str] = web.AppKey("public_url")


#: Times are written as ``2025-06-15T12:00:00Z``: the parsers of some clients know no fractions.
_AS_DOCUMENTED = orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_UTC_Z


def dumps(data: Any) -> bytes:
    """JSON as UTF-8 bytes. Decimal is written as text, so that amounts of money do not become floats."""
    return orjson.dumps(data, default=_default, option=_AS_DOCUMENTED)


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=dumps(data), status=status, headers=headers, content_type="application/json")


def html_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An HTML page with headers that forbid foreign resources, framing, sniffing and caching."""
    safe = {
        "Content-Security-Policy": (
            "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return web.Response(
        text=text, status=status, headers={**safe, **(headers or {})}, content_type="text/html", charset="utf-8"
    )


def wants_page(request: web.BaseRequest) -> bool:
    """Whether the client asks for HTML, as browsers do and scripts that want JSON do not."""
    return "text/html" in request.headers.get("Accept", "")


def new_request_id() -> str:
    return secrets.token_hex(8)


def language_of(request: web.BaseRequest) -> str:
    """The language of an answer by ``Accept-Language`` (RFC 9110, 12.5.4): "en" when preferred, else "ru"."""
    return preferred_language(request.headers.get("Accept-Language", ""))


def preferred_language(header: str) -> str:
    return _preferred(header[:200])


@lru_cache(maxsize=1024)
def _preferred(header: str) -> str:
    best, best_weight = "ru", 0.0
    for part in header.split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.split("-")[0].lower()
        weight = _weight(parameters)
        if language in ("ru", "en") and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def networks(addresses: Iterable[str]) -> Networks:
    """:raises ValueError: one of them is not an address or a network."""
    return tuple(ipaddress.ip_network(address, strict=False) for address in addresses)


def client_address(request: web.BaseRequest, trusted: Networks) -> str:
    """The address of the client behind any number of trusted proxies (promise S19).

    ``X-Forwarded-For`` is read from its end, as long as the sender of the entry is a trusted proxy.
    """
    sender = request.remote or ""
    hops = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", ())).split(",") if hop.strip()]
    while hops and inside(sender, trusted):
        sender = hops.pop()
    return _usual_form(sender)


@lru_cache(maxsize=4096)
def _usual_form(address: str) -> str:
    return str(parse_address(address) or address)[:45]


@lru_cache(maxsize=4096)
def parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, an IPv4-mapped one as IPv4; None if it is none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def inside(address: str, allowed: Networks) -> bool:
    """Whether the address belongs to one of the networks; an IPv4-mapped IPv6 address is IPv4."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in allowed)


def cookie_name(request: web.Request, name: str) -> str:
    """With ``__Host-`` at https addresses, where no other host can set it (RFC 6265bis, 4.1.3); its path is ``/``."""
    return f"__Host-{name}" if is_https(request) else name


def set_cookie(
    request: web.Request,
    response: web.Response,
    name: str,
    value: str,
    *,
    samesite: str,
    path: str = "/",
    max_age: int | None = None,
) -> None:
    """Set a cookie that scripts cannot read. :param max_age: seconds; None = until the browser is closed."""
    secure = is_https(request)
    response.set_cookie(name, value, path=path, max_age=max_age, httponly=True, samesite=samesite, secure=secure)


def delete_cookie(request: web.Request, response: web.Response, name: str, *, samesite: str, path: str = "/") -> None:
    """Browsers keep one named ``__Host-…`` unless what deletes it is secure as well (RFC 6265bis, 4.1.3)."""
    response.del_cookie(name, path=path, httponly=True, samesite=samesite, secure=is_https(request))


def is_https(request: web.Request) -> bool:
    """Whether clients reach the service over TLS, which a proxy may end."""
    return request.app[PUBLIC_URL].startswith("https://")


def address_of(request: web.Request) -> str:
    return client_address(request, request.app[TRUSTED_PROXIES])


def absolute(request: web.Request, path: str) -> str:
    """The path as an absolute URL of the public address; a proxy may have changed the request's own."""
    return request.app[PUBLIC_URL] + path
