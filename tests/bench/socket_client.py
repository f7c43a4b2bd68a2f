"""The client of the socket benchmark: pairs of sockets that talk; prints messages per second and their times.

    python -m tests.bench.socket_client PORT SECONDS MESSAGES_A_SECOND < pairs

Standard input is JSON: a list of conversations, each with the paths, tokens included, of its two sockets. In every
conversation one speaks; when both have heard it the other speaks. An empty line is printed once all speak. No library
is used, so that most of the machine is left to the measured process.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import orjson
import uvloop

_KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


class Socket(asyncio.Protocol):
    """One WebSocket that hears frames of text and counts them."""

    def __init__(self, path: str, talk: Talk | None) -> None:
        self._path, self._talk, self._data = path, talk, bytearray()
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        lines = (
            f"GET {self._path} HTTP/1.1",
            "Host: localhost",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {_KEY}",
        )
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def say(self, frame: bytes) -> None:
        self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.is_open.done():
            head, blank, rest = self._data.partition(b"\r\n\r\n")
            if not blank:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.is_open.set_exception(RuntimeError(bytes(self._data).decode()))
                return
            self._data = bytearray(rest)
            self.is_open.set_result(None)
        while (length := self._whole_frame()) is not None:
            opcode = self._data[0] & 15
            if opcode == 1 and self._talk is not None:
                self._talk.heard()
            elif opcode == 9:
                self._transport.write(b"\x8a\x80\0\0\0\0")
            del self._data[:length]

    def _whole_frame(self) -> int | None:
        if len(self._data) < 4:
            return 2 if len(self._data) >= 2 and self._data[1] == 0 else None
        size, head = self._data[1] & 127, 2
        if size == 126:
            size, head = int.from_bytes(self._data[2:4], "big"), 4
        return head + size if len(self._data) >= head + size else None

    def close(self) -> None:
        self._transport.abort()


class Talk:
    """Two sockets that speak in turns.

    :param pause: seconds after which the next one speaks; 0 = when both have heard.
    """

    def __init__(self, times: list[float], pause: float) -> None:
        self._times, self._missing, self.spoken = times, 0, 0
        self._pause = pause
        self.sockets: list[Socket] = []
        self.going = True

    def speak(self) -> None:
        if not self.going:
            return
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self.speak)
            if self._missing:
                # The last one was not heard in time: it counts with its whole time.
                return
        self._missing, self._began = 2, time.perf_counter()
        self.spoken += 1
        frame = orjson.dumps({"message": f"Сообщение номер {self.spoken}, не слишком короткое и не длинное"})
        # Masked with zeros, which RFC 6455 allows and which costs us nothing.
        size = bytes((0x80 | len(frame),)) if len(frame) < 126 else b"\xfe" + len(frame).to_bytes(2, "big")
        self.sockets[self.spoken % 2].say(b"\x81" + size + b"\0\0\0\0" + frame)

    def heard(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._times.append(time.perf_counter() - self._began)
            if self.going and not self._pause:
                self.speak()


async def opened(port: int, path: str, talk: Talk | None) -> Socket:
    _, socket = await asyncio.get_running_loop().create_connection(lambda: Socket(path, talk), "127.0.0.1", port)
    await socket.is_open
    return socket


async def talk_all(port: int, pairs: list[tuple[str, str]], seconds: float, a_second: float) -> None:
    times: list[float] = []
    pause = len(pairs) / a_second if a_second else 0
    talks = [Talk(times, pause) for _ in pairs]
    for talk, paths in zip(talks, pairs, strict=True):
        talk.sockets = [await opened(port, path, talk) for path in paths]
    for number, talk in enumerate(talks):
        asyncio.get_running_loop().call_later(pause * number / len(talks), talk.speak)
    while min(talk.spoken for talk in talks) < 3:  # noqa: ASYNC110 - the first messages do more than the others
        await asyncio.sleep(0.1)
    await asyncio.sleep(min(1.0, seconds / 4))
    times.clear()
    print(flush=True)
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took, done = time.perf_counter() - began, sorted(times)
    measured = {
        "per_second": len(done) / took,
        "median_ms": statistics.median(done) * 1000,
        "p99_ms": done[int(len(done) * 0.99)] * 1000,
    }
    print(orjson.dumps(measured).decode(), flush=True)
    for talk in talks:
        talk.going = False
    await asyncio.sleep(0.5)
    for talk in talks:
        for socket in talk.sockets:
            socket.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pairs = [tuple(pair) for pair in orjson.loads(sys.stdin.buffer.read())]
        runner.run(talk_all(int(sys.argv[1]), pairs, float(sys.argv[2]), float(sys.argv[3])))
