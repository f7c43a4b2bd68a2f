"""Pays like a buyer, by the levers of the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
from yarl import URL

from mystar.errors import Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=5)
#: 409: it has been done, before we were killed.
_DONE = (200, 409)


class Purse:
    """Money for the payments that the provider at ``sandbox`` knows."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: URL) -> None:
        self._session, self._sandbox = session, sandbox

    async def decide(self, provider_id: str, deed: Literal["pay", "decline"]) -> None:
        """Do at the provider's page what its buttons do. :raises Unavailable: the sandbox does not answer."""
        try:
            async with self._session.post(self._sandbox / "payments" / provider_id / deed, json={}) as answer:
                if answer.status not in _DONE:
                    raise Unavailable(retry_after=5)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(retry_after=5) from error


@asynccontextmanager
async def open_purse(provider: str) -> AsyncIterator[Purse | None]:
    """None unless the payment provider with this address is a sandbox that answers."""
    sandbox = URL(provider).origin() / "sandbox"
    async with aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Purse(session, sandbox) if await _is_there(session, sandbox) else None


async def _is_there(session: aiohttp.ClientSession, sandbox: URL) -> bool:
    try:
        async with session.get(sandbox / "webhook", allow_redirects=False) as answer:
            return answer.status == 200 and "url" in await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
