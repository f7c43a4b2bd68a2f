"""One account at YooKassa's API v3 over aiohttp (https://yookassa.ru/developers/api): calls, errors and parsing.

The official packages hide the idempotence key and network errors, which decide here whether a call may be repeated;
hence a client of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import aiohttp
import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge
from yarl import URL

from mystar.kit.money import kopecks, rubles_text
from mystar.kit.postgres.database import assert_no_transaction
from mystar.kit.tracing import request_headers, span
from mystar.payments.gateways.breaker import Breaker
from mystar.payments.provider import (
    CircuitOpen,
    PaymentNotFound,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    UnknownOutcome,
)

#: Characters of a description that the provider accepts.
MAX_DESCRIPTION = 128
#: Objects in one page of a list.
PAGE_SIZE = 100
#: Bytes of an answer; a page of a hundred payments has about 200 thousand.
_MAX_ANSWER = 2**21
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


#: Objects of a list and the cursor of the next page.
Page = tuple[list[Any], str | None]


class YooKassaClient:
    """HTTP calls with the credentials of one account. Made inside a running event loop; `close` ends its session.

    :param url: ends in ``/v3``.
    :param account: shop id or, for payouts, agent id.
    :param timeout: seconds for one call as a whole.
    :param metrics: prefix of the names of the client's metrics.
    """

    def __init__(
        self,
        *,
        url: str,
        account: str,
        secret_key: str,
        timeout: float,
        breaker: Breaker,
        registry: CollectorRegistry | None = None,
        metrics: str = "mystar_payment_provider",
    ) -> None:
        self._url = URL(url)
        self._timeout = timeout
        self._breaker, self._name = breaker, metrics.removeprefix("mystar_")
        self._locked_out = False
        registry = registry or CollectorRegistry()
        labels = ["call", "outcome"]
        self._calls = Counter(f"{metrics}_calls_total", "Calls of the provider", labels, registry=registry)
        is_open = Gauge(f"{metrics}_breaker_open", "1 while the provider is not called", registry=registry)
        is_open.set_function(lambda: float(self._breaker.open))
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(account, secret_key), "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=20),
        )

    @property
    def trouble(self) -> str:
        """Why calls fail; "" = they do not."""
        if self._breaker.open:
            return "no answer"
        return "the credentials are refused" if self._locked_out else ""

    async def close(self) -> None:
        await self._session.close()

    async def list_page(self, call: str, *path: str, query: Mapping[str, str], cursor: str | None = None) -> Page:
        """A page of a list, and the cursor of the next one."""
        limit = {"limit": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {})
        page = await self.request(call, "GET", *path, query={**query, **limit})
        items = page.get("items")
        if not isinstance(items, list):
            raise UnknownOutcome("a list of an unknown shape")
        return items, page.get("next_cursor")

    async def request(
        self,
        call: str,
        method: str,
        *path: str,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        within: float | None = None,
    ) -> dict[str, Any]:
        assert_no_transaction("Calling the payment provider")
        if not all(_ID.fullmatch(part) for part in path):
            raise PaymentNotFound("not_found", "not an id of the provider")
        name = f"{self._name} {call}"
        with self._counted(call), self._breaker.call(), span(name, "client", server__address=self._url.host or ""):
            try:
                async with self._session.request(
                    method,
                    self._url.joinpath(*path).with_query(query or {}),
                    data=None if body is None else orjson.dumps(body),
                    headers=_headers(key) | request_headers(),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=min(within or self._timeout, self._timeout)),
                ) as answer:
                    return _parse(answer, await _read_limited(answer))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                # Its text may hold an address with credentials; its kind says enough.
                raise UnknownOutcome(f"no answer: {type(error).__name__}") from None

    @contextmanager
    def _counted(self, call: str) -> Iterator[None]:
        outcome = "interrupted"
        try:
            yield
            outcome = "ok"
            self._locked_out = False
        except ProviderError as trouble:
            outcome = _OUTCOMES.get(type(trouble), "refused")
            self._locked_out = outcome == "locked_out" or (self._locked_out and outcome in _SILENT)
            raise
        finally:
            self._calls.labels(call, outcome).inc()


_OUTCOMES = {
    Unauthorized: "locked_out",
    RateLimited: "rate_limited",
    CircuitOpen: "not_asked",
    UnknownOutcome: "unknown",
}

#: Say nothing about the credentials.
_SILENT = ("not_asked", "unknown", "rate_limited")


def _headers(key: str | None) -> dict[str, str]:
    return {"Content-Type": "application/json", "Idempotence-Key": key} if key else {}


def amount_of(amount: int) -> dict[str, str]:
    return {"value": rubles_text(amount), "currency": "RUB"}


async def _read_limited(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        raw += chunk
        if len(raw) > _MAX_ANSWER:
            raise UnknownOutcome("the answer is too large")
    return bytes(raw)


def _parse(answer: aiohttp.ClientResponse, raw: bytes) -> dict[str, Any]:
    """The object of a successful answer. Raises ProviderError for any other."""
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        decoded = None
    body = decoded if isinstance(decoded, dict) else {}
    if answer.status == 200 and body:
        return body
    raise _error(answer, body)


def _error(answer: aiohttp.ClientResponse, body: Mapping[str, Any]) -> ProviderError:
    status = answer.status
    code = str(body.get("code", f"http_{status}"))[:64]
    # The provider's text for people; it holds nothing of the request.
    description = str(body.get("description", ""))[:200]
    match status:
        case 401 | 403:
            return Unauthorized(f"{code}: {description}", retry_after=60.0)
        case 404:
            return PaymentNotFound(code, description)
        case 429:
            return RateLimited(code, retry_after=_retry_after(answer, body))
        case 408:
            return UnknownOutcome(code)
        case _ if 400 <= status < 500:
            return Refused(code, description, str(body.get("parameter", ""))[:64])
    # 202 means "still processing", 5xx "unknown" (the provider's documentation); so does anything else.
    return UnknownOutcome(f"status {status}, {code}", retry_after=_retry_after(answer, body))


def _retry_after(answer: aiohttp.ClientResponse, body: Mapping[str, Any]) -> float:
    """Seconds: from ``retry_after`` of the body, which is in milliseconds, or from the header."""
    try:
        seconds = float(body["retry_after"]) / 1000 if "retry_after" in body else float(answer.headers["Retry-After"])
    except (KeyError, TypeError, ValueError):
        seconds = 5.0
    return min(max(seconds, 1.0), 300.0)


def parse_amount(money: Mapping[str, Any]) -> int:
    return kopecks(parse_text(money["value"]))


def parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def parse_address(value: Any) -> str | None:
    """A browser will be sent there, so it must be a web address."""
    if value is None:
        return None
    if not parse_text(value).startswith(("https://", "http://")):
        raise ValueError("not a web address")
    return parse_text(value)


def parse_moment(value: Any) -> datetime | None:
    moment = datetime.fromisoformat(value) if value else None
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment
