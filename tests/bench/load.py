"""Asks one address over and over through connections that stay open; prints how many answers came.

It reads no more of an answer than its length, so that most of the machine is left to the measured process.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop


class Asking(asyncio.Protocol):
    """One connection: asks, counts the bytes of the answer, asks again until the time is over."""

    def __init__(self, request: bytes, until: float, done: asyncio.Future[int]) -> None:
        self._request, self._until, self._done = request, until, done
        self._answers = self._missing = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            self._head += data
            head, blank, rest = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            if not head.startswith(b"HTTP/1.1 2"):
                self._done.set_exception(RuntimeError(head.decode()))
                self._transport.abort()
                return
            self._missing, data, self._head = _length(head), rest, b""
        self._missing -= len(data)
        if self._missing == 0:
            self._answers += 1
            if time.perf_counter() < self._until:
                self._transport.write(self._request)
            else:
                self._done.set_result(self._answers)
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server hung up"))


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])


async def load(port: int, path: str, token: str, seconds: float, connections: int, body: str = "") -> float:
    """Answers per second. With a body it is posted."""
    lines = ["POST" if body else "GET", "Host: localhost", *([f"Authorization: Bearer {token}"] if token else [])]
    lines[0] += f" {path} HTTP/1.1"
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    request = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    answers: list[asyncio.Future[int]] = [loop.create_future() for _ in range(connections)]
    for done in answers:
        await loop.create_connection(
            lambda done=done: Asking(request, began + seconds, done),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    total = sum(await asyncio.gather(*answers))
    return total / (time.perf_counter() - began)


if __name__ == "__main__":
    _, port, path, token, seconds, connections, *body = sys.argv
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(load(int(port), path, token, float(seconds), int(connections), *body)))
