"""Requests whose type is read in one pass, and multipart forms: charsets that clients use, no text around parts."""

from __future__ import annotations

from typing import Any

from aiohttp import BodyPartReader, MultipartReader, hdrs, web

from mystar.kit.web.charsets import known_charset
from mystar.kit.web.content_type import charset_of, media_type_of

#: Parts of a form. Each costs a tenth of a millisecond, so that a megabyte of small ones would stop the event loop.
_MAX_PARTS = 200
#: Bytes of white space that may follow the last boundary.
_MAX_TRAILING = 1024


class StrictPartReader(BodyPartReader):
    """Refuses charsets that no client uses."""

    def get_charset(self, default: str) -> str:
        return known_charset(super().get_charset(default))


class StrictMultipartReader(MultipartReader):
    """Refuses a preamble, an epilogue (RFC 2046, 5.1.1) and too many parts: a form begins and ends with a boundary."""

    part_reader_cls = StrictPartReader
    _count = 0

    async def next(self) -> Any:
        self._count += 1
        if self._count > _MAX_PARTS:
            raise ValueError("the form has too many parts")
        return await super().next()

    async def _read_until_first_boundary(self) -> None:
        line = (await self._readline()).rstrip()
        if not line:
            # Some clients begin with an empty line.
            line = (await self._readline()).rstrip()
        if line == self._boundary + b"--":
            self._at_eof = True
            await self._require_end()
        elif line != self._boundary:
            raise ValueError("the form does not begin with its boundary")

    async def _read_boundary(self) -> None:
        await super()._read_boundary()
        if self._at_eof:
            await self._require_end()

    async def _require_end(self) -> None:
        rest = b"".join(self._unread) + await self._content.read(_MAX_TRAILING)
        if rest.strip() or (not self._content.at_eof() and await self._content.read(1)):
            raise ValueError("the form does not end with its boundary")


class StrictRequest(web.Request):
    """A request whose forms are read by `StrictMultipartReader`, and its ``Content-Type`` by `media_type_of`."""

    @property
    def content_type(self) -> str:
        return media_type_of(self.headers.get(hdrs.CONTENT_TYPE))

    @property
    def charset(self) -> str | None:
        return charset_of(self.headers.get(hdrs.CONTENT_TYPE))

    async def multipart(self) -> MultipartReader:
        return StrictMultipartReader(
            self.headers,
            self.content,
            client_max_size=self._client_max_size,
            max_field_size=self._protocol.max_field_size,
            max_headers=self._protocol.max_headers,
            max_size_error_cls=web.HTTPRequestEntityTooLarge,
        )
