"""A proxy that can be stopped: a TCP port that passes everything on to a real server, PostgreSQL's or another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from functools import partial

import psycopg2
from psycopg2 import extensions


class TcpProxy:
    """The port on 127.0.0.1 stays the same through `stop` and `start`."""

    def __init__(self, host: str, target: int) -> None:
        self._host, self._target = host, target
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._stops = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(partial(self._pass_on, self._stops), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        """From now on nothing arrives, without an error."""
        self._flowing.clear()

    async def stop(self) -> None:
        """Refuse new connections and break those that are."""
        assert self._server is not None
        self._server.close()
        self._stops += 1
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _pass_on(self, stops: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """:param stops: how often the proxy had been stopped when it was started."""
        if self._host.startswith("/"):
            theirs = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._target}")
        else:
            theirs = await asyncio.open_connection(self._host, self._target)
        if stops != self._stops:
            # Stopped while the other half was being opened.
            writer.transport.abort()
            theirs[1].transport.abort()
            return
        self._writers |= {writer, theirs[1]}
        for source, sink in ((reader, theirs[1]), (theirs[0], writer)):
            task = asyncio.ensure_future(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


class PostgresProxy(TcpProxy):
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        with closing(psycopg2.connect(dsn)) as connection:
            super().__init__(connection.info.host, connection.info.port)

    def dsn(self, host: str = "127.0.0.1") -> str:
        return extensions.make_dsn(self._dsn, host=host, port=self.port)


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[PostgresProxy]:
    proxy = PostgresProxy(dsn)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
