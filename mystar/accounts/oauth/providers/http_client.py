"""HTTP calls to providers: with a timeout, bounded responses, and no secret in errors or logs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from prometheus_client import CollectorRegistry, Counter
from yarl import URL

from mystar.accounts.oauth.model import ProviderDown, ProviderRefused
from mystar.kit.postgres.database import assert_no_transaction

#: Bytes; real responses have a few hundred.
_MAX_RESPONSE = 2**16
_REASON = re.compile(r"[A-Za-z0-9_. -]{1,60}")


class ProviderHttpClient:
    """An HTTP client for all providers. Create it in a running event loop, and `close` it.

    :param timeout: seconds for a whole call.
    """

    def __init__(self, *, timeout: float, registry: CollectorRegistry | None = None) -> None:
        self._session = aiohttp.ClientSession(
            headers={"Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=20),
            timeout=aiohttp.ClientTimeout(total=timeout),
        )
        self._counter = Counter(
            "mystar_sign_in_provider_calls_total",
            "Calls of the sign-in providers",
            ["provider", "outcome"],
            registry=registry or CollectorRegistry(),
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, provider: str, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """:raises ProviderRefused: :raises ProviderDown:"""
        return await self._ask(provider, "POST", URL(url), data=dict(form))

    async def get(
        self, provider: str, url: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """:raises ProviderRefused: :raises ProviderDown:"""
        return await self._ask(provider, "GET", URL(url).update_query(query), headers=dict(headers or {}))

    async def _ask(self, provider: str, method: str, url: URL, **how: Any) -> dict[str, Any]:
        assert_no_transaction("a call to a sign-in provider")
        outcome = "interrupted"
        try:
            # A redirect would send the secret elsewhere.
            async with self._session.request(method, url, allow_redirects=False, **how) as answer:
                raw = _understood(answer.status, await _bounded(answer))
            outcome = "ok"
            return raw
        except ProviderRefused:
            outcome = "refused"
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ProviderDown):
            outcome = "no_answer"
            # Without the cause: its text may contain the address, and that a token.
            raise ProviderDown from None
        finally:
            self._counter.labels(provider, outcome).inc()


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(2**14):
        raw += chunk
        if len(raw) > _MAX_RESPONSE:
            raise ProviderDown
    return bytes(raw)


def _understood(status: int, raw: bytes) -> dict[str, Any]:
    """The object of a successful response. VK refuses with 200 and an error, Yandex with 401 and no body."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    answer = body if isinstance(body, dict) else {}
    if status >= 500 or status in (408, 429):
        raise ProviderDown
    if answer.get("error"):
        raise ProviderRefused(reason=_reason(answer["error"]))
    if 400 <= status < 500:
        raise ProviderRefused(reason=f"http_{status}")
    if status != 200 or not answer:
        raise ProviderDown
    return answer


def _reason(error: Any) -> str:
    """The error code, never its description, which may repeat what was sent."""
    code = f"error_{error.get('error_code')}" if isinstance(error, dict) else str(error)
    return code if _REASON.fullmatch(code) else "error"
