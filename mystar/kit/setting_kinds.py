"""Types of settings and their error messages, which never quote the value: it may be a secret."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any

import idna
import limits
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode
from yarl import URL

from mystar.kit.money import kopecks
from mystar.kit.postgres.driver import is_address
from mystar.kit.web.http import networks, parse_address

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
#: Lifetime of a token or session in seconds: ninety days at most.
TokenSeconds = Annotated[int, Field(ge=60, le=7_776_000)]


def must_be(what: str, check: Callable[[Any], object]) -> AfterValidator:
    """Refuse values for which ``check`` raises or returns false. Its own message may quote the value and is dropped."""

    def checked(value: Any) -> Any:
        try:
            valid = check(value)
        except Exception:
            valid = False
        if valid is False:
            raise ValueError(f"must be {what}")
        return value

    return AfterValidator(checked)


def _listed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be a list, separated by commas or in JSON") from None


_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<any>\*\.)?(?P<host>\[[0-9a-f:.]+\]|[^/:?#@*\s]+)(?P<port>:\d{1,5})?"
)
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """As browsers send them in the header ``Origin``. :raises ValueError: one of them is no origin."""
    try:
        return tuple(map(_origin, values))
    except (UnicodeError, ValueError):
        raise ValueError(
            "must be origins such as https://site.example, capacitor://localhost or https://*.example.com, "
            'without a path, separated by commas, or "null" or "*"'
        ) from None


def _origin(value: str) -> str:
    if value in ("*", "null"):
        return value
    found = _ORIGIN.fullmatch(value.lower())
    if found is None:
        raise ValueError
    host, port = found["host"], found["port"] or ""
    if not host.startswith("["):
        host = idna.encode(host, uts46=True).decode() if not host.isascii() else host
    port = "" if port == _DEFAULT_PORTS.get(found["scheme"]) else port
    return f"{found['scheme']}://{found['any'] or ''}{host}{port}"


def is_web_address(value: str) -> bool:
    url = URL(value)
    return url.scheme in ("http", "https") and bool(url.host)


def is_site(value: str) -> bool:
    """Whether it is scheme, host and port alone: what is appended to it are paths, and it is shown to everybody."""
    url = URL(value)
    bare = not (url.user or url.password or url.query_string or url.fragment) and url.path in ("", "/")
    return is_web_address(value) and bare and value.count("/") <= 3 and not {"?", "#", "@"} & set(value)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and int(value) <= 65535


def is_redis(value: str) -> bool:
    url = URL(value)
    return url.scheme in ("redis", "rediss") and bool(url.host)


def _kopecks(value: Any) -> int:
    try:
        return kopecks(repr(value) if isinstance(value, float) else value)
    except (TypeError, ValueError):
        raise ValueError("must be a sum in rubles such as 1000.00") from None


def is_mailbox(value: str) -> bool:
    name, at, host = parseaddr(value)[1].partition("@")
    return bool(name and at and host)


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Networks = Annotated[Listed, must_be("addresses or networks such as 10.0.0.0/8, separated by commas", networks)]
Origins = Annotated[Listed, AfterValidator(_origins)]
WebAddress = Annotated[
    str,
    must_be("an address that begins with http:// or https://", is_web_address),
    AfterValidator(lambda value: value.rstrip("/")),
]
#: The root of a site.
SiteAddress = Annotated[
    str,
    must_be("http:// or https://, a host and a port, without path, query, fragment or password", is_site),
    AfterValidator(lambda value: value.rstrip("/")),
]
#: Compared literally by the receiver, so it is not normalized.
ExactAddress = Annotated[
    str, must_be("an address that begins with http:// or https://", lambda url: not url or is_web_address(url))
]
DatabaseAddress = Annotated[
    str,
    must_be(
        "a postgresql:// URL or key=value pairs; in a URL the signs @ / % of a password are written %40 %2F %25",
        lambda url: not url or is_address(url),
    ),
]
Mailbox = Annotated[str, must_be("an e-mail address, alone or as Name <address>", is_mailbox)]
#: A sum in rubles, with two decimals at most; kopecks inside.
Kopecks = Annotated[int, BeforeValidator(_kopecks)]
Rate = Annotated[str, must_be("tries per time, such as 10/minute or 5/minute; 20/hour", limits.parse_many)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def read_toml(path: Path) -> dict[str, Any]:
    """:raises ValueError: it is no TOML."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``, table by table."""
    both = dict(base)
    for name, value in over.items():
        inner = both.get(name)
        both[name] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
