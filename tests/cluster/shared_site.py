"""The cluster as `scripts/cluster shared` sees it: three services that are asked one by one, and some people."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import orjson
import psycopg2

from tests.cluster.cluster import Cluster
from tests.cluster.findings import Reply
from tests.factory import PASSWORD, Person
from tests.harness.run import Deployment
from tests.realtime.listener import Listener

CUSTOMERS = 6


@dataclass(frozen=True)
class Site:
    """The cluster, its people, and a session whose connections go to each service."""

    cluster: Cluster
    deployment: Deployment
    session: aiohttp.ClientSession
    star: Person
    customers: Sequence[Person]
    #: Who will be blocked.
    blocked: Person
    #: The star's service, by its id.
    service: int
    chance: random.Random

    @property
    def urls(self) -> list[str]:
        return [member.url for member in self.cluster.services.members]

    def turns(self) -> list[int]:
        """The services in a random order: the first one is written to, the others are asked."""
        return self.chance.sample(range(len(self.urls)), len(self.urls))

    async def ask(self, service: int, method: str, path: str, token: str = "", **how: Any) -> Reply:
        headers = {**how.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.session.request(method, self.urls[service] + path, headers=headers, **how) as answer:
            return Reply(service, answer.status, await answer.read())

    async def log_in(self, service: int, person: Person) -> str:
        draft = {"username": person.email, "password": PASSWORD}
        answer = await self.ask(service, "POST", "/api/auth/token/", json=draft)
        assert answer.status == 200, answer.body
        return str(orjson.loads(answer.body)["access"])

    @asynccontextmanager
    async def listening(self, service: int, path: str, token: str) -> AsyncIterator[Listener]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.ws_connect(self.urls[service] + path, headers=headers) as socket:
            yield Listener(socket)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.cluster.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@asynccontextmanager
async def site_of(cluster: Cluster, seed: int) -> AsyncIterator[Site]:
    deployment = Deployment(cluster.dsn, cluster.sandbox, cluster.layout.directory, seed, service=cluster.services)
    await deployment.open()
    (star,), (blocked, *customers) = await deployment.register_people(1, 1 + CUSTOMERS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        site = Site(cluster, deployment, session, star, customers, blocked, 0, random.Random(seed))
        draft = {"title": "Ролик", "category_id": deployment.category, "delivery_time": 3, "base_price": "1000"}
        made = await site.ask(0, "POST", "/api/v1/services/", star.token, json=draft)
        assert made.status == 201, made.body
        yield replace(site, service=int(orjson.loads(made.body)["id"]))
