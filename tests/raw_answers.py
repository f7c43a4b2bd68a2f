"""Answers as they come over the connection; a client of HTTP hides what should not have been sent."""

from __future__ import annotations

import asyncio

from yarl import URL

from tests.conftest import Api


async def raw_answer(api: Api, method: str, path: str, **headers: str) -> bytes:
    """Every byte until the service closes the connection, which it is asked to."""
    url = URL(api.url).join(URL(path))
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.authority}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await reader.read()
    finally:
        writer.close()
