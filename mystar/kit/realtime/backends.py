"""What can join the processes of one service: PostgreSQL's LISTEN/NOTIFY, or Redis' publish/subscribe."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis
from pydantic import BaseModel, ConfigDict, field_validator
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from yarl import URL

from mystar.kit.postgres import driver
from mystar.kit.realtime.pubsub import Line, Wire

_REDIS = ("redis://", "rediss://")
_CHANNEL = "mystar"
#: Seconds for connecting, and for taking one message.
_PATIENCE = 5.0


class BusSettings(BaseModel):
    """The settings ``bus``: what joins several processes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: "postgres" for the service's own database, or an address of PostgreSQL or Redis; empty = there is one process.
    url: str = ""

    @field_validator("url")
    @classmethod
    def _can_be_dialled(cls, url: str) -> str:
        # The words of parsers may quote the address, which may hold a password.
        try:
            known = url in ("", "postgres") or bool(URL(url).host if url.startswith(_REDIS) else driver.parameters(url))
        except ValueError:
            known = False
        if not known:
            raise ValueError('must be "postgres", or an address of PostgreSQL or Redis')
        return url

    def wire(self, database: str) -> Wire | None:
        """:param database: address of the service's own database."""
        if not self.url:
            return None
        if self.url.startswith(_REDIS):
            return RedisWire(self.url)
        return PostgresWire(database if self.url == "postgres" else self.url)


class PostgresWire:
    """One connection of its own, outside the pool. Behind a pooler of transactions it needs a direct address."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def dial(self) -> Line:
        connection = await driver.connect(self._dsn, timeout=_PATIENCE)
        line = _PostgresLine(connection)
        try:
            await connection.run(f'listen "{_CHANNEL}"')
        except BaseException:
            await line.close()
            raise
        return line


class _PostgresLine:
    def __init__(self, connection: driver.Connection) -> None:
        self._connection = connection

    async def send(self, message: str) -> None:
        await self._connection.run("select pg_notify(%s, %s)", (_CHANNEL, message))

    async def receive(self) -> str:
        return str((await self._connection.notifies.get()).payload)

    async def close(self) -> None:
        self._connection.close()


class RedisWire:
    """Publishing and subscribing, each over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def dial(self) -> Line:
        client = redis.Redis.from_url(
            self._url,
            socket_connect_timeout=_PATIENCE,
            decode_responses=True,
            # A subscription that mended itself would hide that notes were lost meanwhile.
            retry=Retry(NoBackoff(), 0),
        )
        line = _RedisLine(client, client.pubsub(ignore_subscribe_messages=True))
        try:
            await line.subscribe()
        except BaseException:
            await line.close()
            raise
        return line


class _RedisLine:
    def __init__(self, client: Any, subscription: Any) -> None:
        self._client, self._subscription = client, subscription

    async def subscribe(self) -> None:
        await self._subscription.subscribe(_CHANNEL)

    async def send(self, message: str) -> None:
        await self._client.publish(_CHANNEL, message)

    async def receive(self) -> str:
        while True:
            heard = await self._subscription.get_message(timeout=None)
            if heard is not None:
                return str(heard["data"])

    async def close(self) -> None:
        await self._subscription.aclose()
        await self._client.aclose()
