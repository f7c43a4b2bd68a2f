"""Answers that were sent before: their head is made once, and is sent with the body in one write.

aiohttp and the handlers of ``on_response_prepare`` make the head of every answer anew, which costs a good part of a
kept one. But for the date and the id of the request it depends on little: the origin of the page that asks, and
whether the request names an account.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from aiohttp import ClientConnectionResetError, HttpVersion11, hdrs, web
from aiohttp.helpers import rfc822_formatted_time

from mystar.kit.keys import STOPPING
from mystar.kit.web.http import REQUEST_ID

#: Heads that are kept of one answer, and characters of the longest origin.
_MOST, _LONGEST_ORIGIN = 4, 200
_NO_TOKEN = ("", "bearer")
#: By the variant of the answer, the origin, and whether there is a token.
Heads = MutableMapping[tuple[str, str, bool], bytes]


def may_be_ready(request: web.Request) -> bool:
    """Whether nothing about the request or its connection makes the head a different one."""
    return (
        request.method == "GET"
        and request.version == HttpVersion11
        and request.keep_alive
        and len(request.headers.get(hdrs.ORIGIN, "")) <= _LONGEST_ORIGIN
        and not request.app[STOPPING].is_set()
    )


class ReadyAnswer(web.StreamResponse):
    """What ``make`` would return, which is called only for a head that is not known yet.

    :param heads: known ones, of the same content. :param variant: which of its forms ``make`` and ``body`` are.
    """

    def __init__(self, make: Callable[[], web.Response], status: int, body: bytes, heads: Heads, variant: str) -> None:
        super().__init__(status=status)
        self._make, self._bytes, self._heads, self._variant = make, body, heads, variant
        self._asked: web.Request | None = None
        self._head = b""

    @property
    def keep_alive(self) -> bool:
        return self._keep_alive is not False

    async def prepare(self, request: web.BaseRequest) -> None:
        assert isinstance(request, web.Request)
        headers = request.headers
        has_token = headers.get(hdrs.AUTHORIZATION, "").strip().lower() not in _NO_TOKEN
        key = (self._variant, headers.get(hdrs.ORIGIN, ""), has_token)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _MOST:
                self._heads.clear()
            self._heads[key] = head = await self._made(request)
        last = f"Date: {rfc822_formatted_time()}\r\nX-Request-ID: {request[REQUEST_ID]}\r\n\r\n"
        self._asked, self._head = request, head + last.encode()

    async def _made(self, request: web.Request) -> bytes:
        """The lines of the head that are the same for all requests."""
        response = self._make()
        await request.app.on_response_prepare.send(request, response)
        if response.status != 304:
            response.headers[hdrs.CONTENT_LENGTH] = str(len(self._bytes))
        lines = [f"{name}: {value}" for name, value in response.headers.items() if name != "X-Request-ID"]
        text = "\r\n".join([f"HTTP/1.1 {response.status} {response.reason}", *lines])
        if len(text.splitlines()) != 1 + len(lines):
            raise ValueError("A header has several lines")
        return f"{text}\r\n".encode()

    async def write_eof(self, data: bytes = b"") -> None:
        assert self._asked is not None
        transport = self._asked.transport
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("Cannot write to closing transport")
        transport.write(self._head + self._bytes)
        await self._asked.writer.drain()
