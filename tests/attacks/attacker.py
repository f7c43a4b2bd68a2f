"""One stranger, or one registered person, on one address."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import aiohttp

#: The attacker's address; the normal client has another one.
ADDRESS = "127.0.0.1"
#: Seconds after which a worker gives up waiting for an answer.
_PATIENCE = 15.0


class Attacker:
    """Sends requests and counts them.

    :param token: of an account of its own.
    :param login: its e-mail and password.
    """

    def __init__(self, port: int, token: str, login: tuple[str, str]) -> None:
        self.port, self.token, self.login = port, token, login
        self.url = f"http://127.0.0.1:{port}"
        self.requests = self.bytes_sent = self.bytes_received = 0
        #: By status; "closed" where the server closed the connection without one.
        self.answers: Counter[str] = Counter()
        connector = aiohttp.TCPConnector(limit=0, local_addr=(ADDRESS, 0))
        self.session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=_PATIENCE))

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """One request, with its answer read. Header names are written with underscores."""
        self.requests += 1
        self.bytes_sent += len(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with self._closed_counted():
            async with self.session.request(method, self.url + path, data=body or None, headers=named) as answer:
                self.answers[str(answer.status)] += 1
                self.bytes_received += len(await answer.read())

    async def raw(self, *pieces: bytes, pause: float = 0, hang_up: bool = False) -> None:
        """A connection of its own on which these bytes are sent; then its first line is read, if there is one."""
        self.requests += 1
        with self._closed_counted():
            async with asyncio.timeout(_PATIENCE):
                await self._raw(pieces, pause, hang_up)

    async def _raw(self, pieces: tuple[bytes, ...], pause: float, hang_up: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(ADDRESS, 0))
        try:
            for piece in pieces:
                writer.write(piece)
                self.bytes_sent += len(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            if hang_up:
                self.answers["hung up"] += 1
                return
            line = await reader.readline()
            self.answers[line.split()[1].decode() if line else "closed"] += 1
        finally:
            writer.close()

    async def websocket(self, path: str, frames: bytes) -> None:
        """A WebSocket on which these raw bytes are sent, until it is closed."""
        self.requests += 1
        with self._closed_counted():
            async with self.session.ws_connect(self.url + path, headers=self.bearer) as socket:
                connection: Any = socket._conn
                connection.transport.write(frames)
                self.bytes_sent += len(frames)
                while not (await socket.receive()).type & 0x100:
                    pass
                self.answers[str(socket.close_code)] += 1

    async def close(self) -> None:
        await self.session.close()

    @contextlib.contextmanager
    def _closed_counted(self) -> Any:
        try:
            yield
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            self.answers["closed"] += 1
