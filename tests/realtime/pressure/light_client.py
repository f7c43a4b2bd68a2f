"""A client that costs little more than its connection, so that one process can be thousands of them."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Callable

_TEXT, _CLOSE, _PING = 1, 8, 9


class Refused(Exception):
    """The handshake was answered with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LightClient(asyncio.Protocol):
    """One WebSocket. :param hear: is given each text, while the socket reads at all."""

    def __init__(self, path: str, token: str, hear: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        self._hear, self._data = hear, bytearray()
        self.opened: asyncio.Future[None] = loop.create_future()
        #: The code of the closing; 1006 when the connection breaks without one.
        self.ended: asyncio.Future[int] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.opened.done() and not self._shaken():
            return
        while (size := self._whole_frame()) is not None:
            head, length = size
            payload = bytes(self._data[head : head + length])
            opcode = self._data[0] & 15
            del self._data[: head + length]
            if opcode == _TEXT:
                self._hear(payload)
            elif opcode == _PING:
                self.transport.write(b"\x8a\x80\0\0\0\0")
            elif opcode == _CLOSE and not self.ended.done():
                self.ended.set_result(int.from_bytes(payload[:2], "big"))
                self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionResetError())
        if not self.ended.done():
            self.ended.set_result(1006)

    def say(self, payload: bytes) -> None:
        self.transport.write(frame(0x81, payload))

    def stop_reading(self) -> None:
        """Stop reading, as a phone in a tunnel: the connection stays open."""
        self.transport.pause_reading()

    def cut(self) -> None:
        self.transport.abort()

    def _shaken(self) -> bool:
        head, blank, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not blank:
            return False
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            self.opened.set_exception(Refused(status))
            self.transport.abort()
            return False
        self._data = bytearray(rest)
        self.opened.set_result(None)
        return True

    def _whole_frame(self) -> tuple[int, int] | None:
        """The lengths of its head and of its payload."""
        if len(self._data) < 2:
            return None
        head, length = 2, self._data[1] & 127
        if length > 125:
            head = 4 if length == 126 else 10
            length = int.from_bytes(self._data[2:head], "big") if len(self._data) >= head else 0
        return (head, length) if len(self._data) >= head + length else None


async def open_websocket(
    port: int, path: str, token: str, hear: Callable[[bytes], None] = lambda _text: None, *, narrow: bool = False
) -> LightClient:
    """An open socket.

    :param narrow: as little room for what was not read as the system allows.
    :raises Refused: the service's refusal. :raises OSError: nothing listens.
    """
    connection = sockets.socket()
    connection.setblocking(False)
    if narrow:
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(connection, ("127.0.0.1", port))
        _, client = await loop.create_connection(lambda: LightClient(path, token, hear), sock=connection)
    except BaseException:
        connection.close()
        raise
    await client.opened
    return client


def frame(first: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros, which RFC 6455 allows. :param first: its first byte."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + b"\0\0\0\0" + payload
    if size < 65_536:
        return bytes((first, 0xFE)) + size.to_bytes(2, "big") + b"\0\0\0\0" + payload
    return bytes((first, 0xFF)) + size.to_bytes(8, "big") + b"\0\0\0\0" + payload
