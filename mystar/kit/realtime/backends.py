"""Backends of the bus: PostgreSQL's LISTEN/NOTIFY, or Redis' publish/subscribe."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from yarl import URL

from mystar.kit.postgres import driver
from mystar.kit.realtime.pubsub import PubSubBackend, PubSubConnection

_REDIS = ("redis://", "rediss://")
_CHANNEL = "mystar"
#: Seconds for connecting, and for sending one packet.
_TIMEOUT = 5.0


class BusSettings(BaseModel):
    """The settings ``bus``: what joins several processes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: "postgres" for the service's own database, or an address of PostgreSQL or Redis; empty = there is one process.
    url: str = ""

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: str) -> str:
        # The errors of parsers may quote the address, which may hold a password.
        try:
            known = url in ("", "postgres") or bool(URL(url).host if url.startswith(_REDIS) else driver.parameters(url))
        except ValueError:
            known = False
        if not known:
            raise ValueError('must be "postgres", or an address of PostgreSQL or Redis')
        return url

    def backend(self, database: str) -> PubSubBackend | None:
        """:param database: address of the service's own database."""
        if not self.url:
            return None
        if self.url.startswith(_REDIS):
            return RedisBackend(self.url)
        return PostgresBackend(database if self.url == "postgres" else self.url)


class PostgresBackend:
    """A connection outside the pool. Behind a transaction pooler it needs the direct address of the server."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def connect(self) -> PubSubConnection:
        connection = await driver.connect(self._dsn, timeout=_TIMEOUT)
        opened = _PostgresConnection(connection)
        try:
            await connection.run(f'listen "{_CHANNEL}"')
        except BaseException:
            await opened.close()
            raise
        return opened


class _PostgresConnection:
    def __init__(self, connection: driver.Connection) -> None:
        self._connection = connection

    async def send(self, packet: str) -> None:
        await self._connection.run("select pg_notify(%s, %s)", (_CHANNEL, packet))

    async def receive(self) -> str:
        return str((await self._connection.notifies.get()).payload)

    async def close(self) -> None:
        self._connection.close()


class RedisBackend:
    """Publishing and subscribing, each over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def connect(self) -> PubSubConnection:
        # Imported where it is used: it takes a tenth of the time of a start.
        import redis.asyncio as redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        client = redis.Redis.from_url(
            self._url,
            socket_connect_timeout=_TIMEOUT,
            decode_responses=True,
            # A subscription that reconnected by itself would hide that messages were lost meanwhile.
            retry=Retry(NoBackoff(), 0),
        )
        opened = _RedisConnection(client, client.pubsub(ignore_subscribe_messages=True))
        try:
            await opened.subscribe()
        except BaseException:
            await opened.close()
            raise
        return opened


class _RedisConnection:
    def __init__(self, client: Any, subscription: Any) -> None:
        self._client, self._subscription = client, subscription

    async def subscribe(self) -> None:
        await self._subscription.subscribe(_CHANNEL)

    async def send(self, packet: str) -> None:
        await self._client.publish(_CHANNEL, packet)

    async def receive(self) -> str:
        while True:
            received = await self._subscription.get_message(timeout=None)
            if received is not None:
                return str(received["data"])

    async def close(self) -> None:
        await self._subscription.aclose()
        await self._client.aclose()
