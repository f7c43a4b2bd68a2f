"""Passwords known from leaks, asked by k-anonymity: the service gets five digits of a hash, never a password.

The protocol is that of Have I Been Pwned's range API: ``GET <url>/<first 5 digits of SHA-1>`` answers lines
``<other 35 digits>:<count>``. A mirror of the data works as well.
"""

from __future__ import annotations

import hashlib
import logging

import aiohttp

log = logging.getLogger(__name__)

#: Bytes; real answers have 30 to 60 KB.
_MAX_ANSWER = 2**20


class BreachedPasswords:
    """Create it in a running event loop, and `close` it.

    :param url: of the range service; empty = no password counts as leaked.
    :param timeout: seconds for a question.
    """

    def __init__(self, url: str, *, timeout: float = 3) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        if url:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=timeout)
            )

    async def contains(self, password: str) -> bool:
        """Whether the password has leaked. False, with a warning, when the service does not answer."""
        if self._session is None:
            return False
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
        try:
            return digest[5:] in await self._range(self._session, digest[:5])
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError, ValueError) as error:
            log.warning("the service of leaked passwords does not answer: %s", type(error).__name__)
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _range(self, session: aiohttp.ClientSession, prefix: str) -> set[str]:
        # Padding hides from observers of the traffic which range was asked for.
        headers = {"Add-Padding": "true"}
        async with session.get(f"{self._url}/{prefix}", headers=headers, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            text = bytearray()
            async for chunk in answer.content.iter_chunked(2**16):
                text += chunk
                if len(text) > _MAX_ANSWER:
                    raise ValueError("a longer answer than any range has")
        lines = (line.partition(":") for line in text.decode("ascii").upper().splitlines())
        return {suffix for suffix, _, count in lines if count.strip() != "0"}
