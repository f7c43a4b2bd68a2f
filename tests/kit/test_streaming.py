"""What is sent in chunks: HEAD has no body, and a body that breaks off is never taken for a whole one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import mystar
from mystar.kit.web.streaming import stream


async def chunks(how: str) -> AsyncIterator[bytes]:
    yield b"one"
    if how == "breaks":
        raise OSError("the disk is gone")
    if how == "loses its source":
        # Of the storage, not of the client.
        raise ConnectionResetError
    if how != "is short":
        yield b"two"


async def answered(method: str, how: str, *, size: int | None) -> tuple[bytes, bytes]:
    """Everything that comes back for two requests on one connection: the head of the first answer, and the rest."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/next":
            return web.Response(text="next")
        return await stream(request, chunks(how), {"Content-Type": "text/csv"}, what="the list", size=size)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            lines = (
                f"{method} / HTTP/1.1",
                "Host: x",
                "",
                "GET /next HTTP/1.1",
                "Host: x",
                "Connection: close",
                "",
                "",
            )
            writer.write("\r\n".join(lines).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            return head, await reader.read()
        finally:
            writer.close()


@pytest.mark.parametrize("size", [6, None])
async def test_head_has_the_head_alone_and_the_connection_goes_on(size: int | None) -> None:
    head, rest = await answered("HEAD", "is whole", size=size)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Type: text/csv" in head
    assert (b"Content-Length: 6" in head) == (size is not None)
    assert rest.startswith(b"HTTP/1.1 200 ")
    assert rest.endswith(b"\r\n\r\nnext")


@pytest.mark.parametrize(("size", "body"), [(6, b"onetwo"), (None, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")])
async def test_a_whole_body_is_followed_by_the_next_answer(size: int | None, body: bytes) -> None:
    _, rest = await answered("GET", "is whole", size=size)
    assert rest.startswith(body + b"HTTP/1.1 200 ")
    assert rest.endswith(b"next")


@pytest.mark.parametrize(
    ("how", "size"),
    [("breaks", 6), ("breaks", None), ("loses its source", 6), ("loses its source", None), ("is short", 6)],
)
async def test_a_body_that_breaks_off_ends_the_connection(
    how: str, size: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "mystar")
    try:
        _, rest = await answered("GET", how, size=size)
    except (ConnectionResetError, asyncio.IncompleteReadError):
        # The head itself was still waiting to be sent.
        rest = b""
    assert b"HTTP/1.1" not in rest
    assert not rest.endswith(b"0\r\n\r\n")
    assert ("the list could not be read to its end" in caplog.text) == (how != "is short")


def test_no_handler_sends_chunks_by_itself() -> None:
    """What sends them in one place alone need be right once."""
    root = Path(mystar.__file__).parent
    found = [path.name for path in root.rglob("*.py") if "web.StreamResponse(" in path.read_text()]
    assert found == ["streaming.py"]
