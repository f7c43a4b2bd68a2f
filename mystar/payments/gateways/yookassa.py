"""YooKassa's API v3 over aiohttp (https://yookassa.ru/developers/api): payments in two stages, and refunds.

The official packages hide what matters here, the idempotence key and the network's errors, hence our own client.
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
from mystar.payments.gateways.breaker import Breaker
from mystar.payments.provider import (
    LockedOut,
    Missing,
    NotAsked,
    ProviderPage,
    ProviderPayment,
    ProviderRefund,
    ProviderTrouble,
    RateLimited,
    Refused,
    UnknownOutcome,
)

#: Characters of a description that the provider takes.
DESCRIPTION = 128
#: Bytes of an answer; a page of a hundred payments has about 200 thousand.
_LARGEST_ANSWER = 2**21
_PAGE = 100
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class YooKassa:
    """One shop at the provider. Made inside a running event loop, since it keeps an HTTP session; `close` ends it.

    :param url: ends in ``/v3``.
    :param timeout: seconds for one call as a whole.
    """

    def __init__(
        self,
        *,
        url: str,
        shop_id: str,
        secret_key: str,
        timeout: float,
        breaker: Breaker | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._url = URL(url)
        self._timeout = timeout
        self._breaker = breaker or Breaker("YooKassa")
        self._registry = registry or CollectorRegistry()
        self._calls = Counter(
            "mystar_payment_provider_calls_total",
            "Calls of the payment provider",
            ["call", "outcome"],
            registry=self._registry,
        )
        open_now = Gauge(
            "mystar_payment_provider_breaker_open", "1 while the provider is left alone", registry=self._registry
        )
        open_now.set_function(lambda: float(self._breaker.open))
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(shop_id, secret_key), "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=20),
        )

    async def close(self) -> None:
        await self._session.close()

    async def create_payment(
        self, key: str, *, amount: int, description: str, return_url: str, metadata: Mapping[str, str]
    ) -> ProviderPayment:
        body = {
            "amount": _money(amount),
            "capture": False,
            "confirmation": {"type": "redirect", "return_url": return_url},
            "description": description[:DESCRIPTION],
            "metadata": dict(metadata),
        }
        return _payment(await self._ask("create", "POST", "payments", key=key, body=body))

    async def get(self, provider_id: str, *, within: float | None = None) -> ProviderPayment:
        return _payment(await self._ask("get", "GET", "payments", provider_id, within=within))

    async def list_payments(self, cursor: str | None = None) -> ProviderPage:
        query = {"limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
        page = await self._ask("list", "GET", "payments", query=query)
        items = page.get("items")
        if not isinstance(items, list):
            raise UnknownOutcome("a list of an unknown shape")
        return ProviderPage([_payment(item) for item in items], page.get("next_cursor"))

    async def capture(self, key: str, provider_id: str, *, amount: int) -> ProviderPayment:
        body = {"amount": _money(amount)}
        return _payment(await self._ask("capture", "POST", "payments", provider_id, "capture", key=key, body=body))

    async def cancel(self, key: str, provider_id: str) -> ProviderPayment:
        return _payment(await self._ask("cancel", "POST", "payments", provider_id, "cancel", key=key, body={}))

    async def refund(self, key: str, provider_id: str, *, amount: int, description: str) -> ProviderRefund:
        body = {"payment_id": provider_id, "amount": _money(amount), "description": description[:DESCRIPTION]}
        return _refund(await self._ask("refund", "POST", "refunds", key=key, body=body))

    async def get_refund(self, refund_id: str) -> ProviderRefund:
        return _refund(await self._ask("get_refund", "GET", "refunds", refund_id))

    async def _ask(
        self,
        call: str,
        method: str,
        *path: str,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        within: float | None = None,
    ) -> dict[str, Any]:
        assert_no_transaction("Asking the payment provider")
        if not all(_ID.fullmatch(part) for part in path):
            raise Missing("not_found", "not an id of the provider's")
        with self._counted(call), self._breaker.call():
            try:
                async with self._session.request(
                    method,
                    self._url.joinpath(*path).with_query(query or {}),
                    data=None if body is None else orjson.dumps(body),
                    headers=_headers(key),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=min(within or self._timeout, self._timeout)),
                ) as answer:
                    return _understood(answer, await _bounded(answer))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                # Its text may hold an address with credentials; its kind says enough.
                raise UnknownOutcome(f"no answer: {type(error).__name__}") from None

    @contextmanager
    def _counted(self, call: str) -> Iterator[None]:
        outcome = "interrupted"
        try:
            yield
            outcome = "ok"
        except ProviderTrouble as trouble:
            outcome = _OUTCOMES.get(type(trouble), "refused")
            raise
        finally:
            self._calls.labels(call, outcome).inc()


_OUTCOMES = {LockedOut: "locked_out", RateLimited: "rate_limited", NotAsked: "not_asked", UnknownOutcome: "unknown"}


def _headers(key: str | None) -> dict[str, str]:
    return {"Content-Type": "application/json", "Idempotence-Key": key} if key else {}


def _money(amount: int) -> dict[str, str]:
    return {"value": rubles_text(amount), "currency": "RUB"}


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        raw += chunk
        if len(raw) > _LARGEST_ANSWER:
            raise UnknownOutcome("an answer without end")
    return bytes(raw)


def _understood(answer: aiohttp.ClientResponse, raw: bytes) -> dict[str, Any]:
    """The object of a good answer; any other answer is a trouble of its kind."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    said = body if isinstance(body, dict) else {}
    status = answer.status
    if status == 200 and said:
        return said
    code = str(said.get("code", f"http_{status}"))[:64]
    # The provider's words for people; what we sent is not in them.
    description = str(said.get("description", ""))[:200]
    match status:
        case 401 | 403:
            raise LockedOut(f"{code}: {description}", retry_after=60.0)
        case 404:
            raise Missing(code, description)
        case 429:
            raise RateLimited(code, retry_after=_retry_after(answer, said))
        case 408:
            raise UnknownOutcome(code)
        case _ if 400 <= status < 500:
            raise Refused(code, description, str(said.get("parameter", ""))[:64])
    # 202 means "still at it", 5xx "we do not know either" (the provider's documentation); so does anything else.
    raise UnknownOutcome(f"status {status}, {code}", retry_after=_retry_after(answer, said))


def _retry_after(answer: aiohttp.ClientResponse, said: Mapping[str, Any]) -> float:
    """Seconds: from ``retry_after`` of the body, which is in milliseconds, or from the header."""
    try:
        seconds = float(said["retry_after"]) / 1000 if "retry_after" in said else float(answer.headers["Retry-After"])
    except (KeyError, TypeError, ValueError):
        seconds = 5.0
    return min(max(seconds, 1.0), 300.0)


def _payment(said: Any) -> ProviderPayment:
    try:
        cancellation = said.get("cancellation_details") or {}
        amount = _kopecks(said["amount"])
        refunded = said.get("refunded_amount")
        return ProviderPayment(
            id=_text(said["id"]),
            status=_text(said["status"]),
            amount=amount,
            currency=_text(said["amount"]["currency"]),
            captured=amount if said["status"] == "succeeded" else 0,
            refunded=_kopecks(refunded) if refunded else 0,
            confirmation_url=_address((said.get("confirmation") or {}).get("confirmation_url")),
            expires_at=_moment(said.get("expires_at")),
            method=(said.get("payment_method") or {}).get("type"),
            cancellation_party=cancellation.get("party"),
            cancellation_reason=cancellation.get("reason"),
            metadata={str(name): str(value) for name, value in (said.get("metadata") or {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a payment of an unknown shape: {type(error).__name__}") from error


def _refund(said: Mapping[str, Any]) -> ProviderRefund:
    try:
        return ProviderRefund(
            _text(said["id"]), _text(said["payment_id"]), _text(said["status"]), _kopecks(said["amount"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a refund of an unknown shape: {type(error).__name__}") from error


def _kopecks(money: Mapping[str, Any]) -> int:
    return kopecks(_text(money["value"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _address(value: Any) -> str | None:
    """A browser will be sent there, so it must be a web address."""
    if value is None:
        return None
    if not _text(value).startswith(("https://", "http://")):
        raise ValueError("not a web address")
    return _text(value)


def _moment(value: Any) -> datetime | None:
    moment = datetime.fromisoformat(value) if value else None
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment
