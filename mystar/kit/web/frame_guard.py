"""Checks WebSocket frames of clients that aiohttp accepts: unmasked ones, and floods of tiny or empty ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

_MINUTE = 60.0
#: A frame with reserved bits, which aiohttp's parser answers with the close code 1002, protocol error.
_INVALID_FRAME = b"\xf0\x80\0\0\0\0"
#: Bytes of the extended length that follow the second byte of a header, by its length field.
_EXTENDED = {126: 2, 127: 8}


class FrameParser(Protocol):
    """What aiohttp's protocol calls with the bytes after an upgrade."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...

    def feed_eof(self) -> None: ...


class FrameGuard:
    """Stands before aiohttp's parser and reads the headers of frames, continuations and control frames included.

    An unmasked frame closes the connection with 1002 (RFC 6455, 5.1).
    """

    def __init__(self, parser: FrameParser) -> None:
        self._parser = parser
        #: An incomplete header, which is not passed on yet, and bytes of a payload that are still to come.
        self._header = b""
        self._payload_left = 0
        self._limit = 0
        #: When the last frames arrived; most sockets send none.
        self._recent: deque[float] | None = None
        self._on_flood: Callable[[], None] = lambda: None
        self._is_closed = False

    def limit(self, frames_per_minute: int, on_flood: Callable[[], None]) -> None:
        """Call ``on_flood`` and drop what follows when more frames arrive."""
        self._limit, self._on_flood = frames_per_minute, on_flood

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if self._is_closed:
            return False, b""
        data = self._header + data
        self._header = b""
        position = self._skip_payload(data, 0)
        while position < len(data):
            size = _header_size(data, position)
            if size is None or position + size > len(data):
                self._header = data[position:]
                break
            if not data[position + 1] & 0x80:
                return self._refuse(data[:position])
            if self._is_flood():
                self._is_closed = True
                self._on_flood()
                return False, b""
            self._payload_left = _payload_size(data, position)
            position = self._skip_payload(data, position + size)
        return self._parser.feed_data(data[:position]) if position else (False, b"")

    def feed_eof(self) -> None:
        self._parser.feed_eof()

    def _skip_payload(self, data: bytes, position: int) -> int:
        skipped = min(self._payload_left, len(data) - position)
        self._payload_left -= skipped
        return position + skipped

    def _refuse(self, before: bytes) -> tuple[bool, bytes]:
        self._is_closed = True
        return self._parser.feed_data(before + _INVALID_FRAME)

    def _is_flood(self) -> bool:
        if not self._limit:
            return False
        if self._recent is None:
            self._recent = deque(maxlen=self._limit)
        now = time.monotonic()
        is_full = len(self._recent) == self._recent.maxlen and now - self._recent[0] < _MINUTE
        self._recent.append(now)
        return is_full


def _header_size(data: bytes, start: int) -> int | None:
    """Bytes of the header that begins at ``start``; None while its second byte is missing."""
    if len(data) - start < 2:
        return None
    second = data[start + 1]
    return 2 + _EXTENDED.get(second & 0x7F, 0) + (4 if second & 0x80 else 0)


def _payload_size(data: bytes, start: int) -> int:
    length = data[start + 1] & 0x7F
    extended = _EXTENDED.get(length, 0)
    return int.from_bytes(data[start + 2 : start + 2 + extended], "big") if extended else length
