"""Completes payments at the payment provider's sandbox, as a buyer does on the payment page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
from yarl import URL

from mystar.errors import Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=5)
#: 409: an earlier run that was interrupted has done it.
_DONE = (200, 409)


class SandboxPayer:
    """Decides payments at the sandbox with this address."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: URL) -> None:
        self._session, self._sandbox = session, sandbox

    async def decide(self, provider_id: str, action: Literal["pay", "decline"]) -> None:
        """Press a button of the payment page. :raises Unavailable: the sandbox does not answer."""
        try:
            async with self._session.post(self._sandbox / "payments" / provider_id / action, json={}) as answer:
                if answer.status not in _DONE:
                    raise Unavailable(retry_after=5)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(retry_after=5) from error


@asynccontextmanager
async def connect_sandbox_payer(provider: str) -> AsyncIterator[SandboxPayer | None]:
    """None unless the payment provider at this address is a sandbox that answers."""
    sandbox = URL(provider).origin() / "sandbox"
    async with aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield SandboxPayer(session, sandbox) if await _is_there(session, sandbox) else None


async def _is_there(session: aiohttp.ClientSession, sandbox: URL) -> bool:
    try:
        async with session.get(sandbox / "webhook", allow_redirects=False) as answer:
            return answer.status == 200 and "url" in await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
