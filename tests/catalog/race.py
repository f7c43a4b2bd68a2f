"""Writers and readers of the catalogue at random: no answer is older than its request, or shows what was rolled back.

Long form: ``python -m tests.catalog.race``, over processes that are stopped and killed meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import secrets
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from mystar.demo.fixtures import PASSWORD
from mystar.kit.postgres import driver
from mystar.kit.postgres.driver import Connection
from tests.bench.targets import database
from tests.server_process import ServerProcess, server_in

ALL, ORDERS = "/api/v1/services/", "/api/v1/orders/"
#: Rubles of version 0, so that every version has a price of its own, and the price of what is rolled back.
FIRST, NEVER = 1000, 77


class State(NamedTuple):
    """What a version of a service is listed by."""

    category_id: int
    is_active: bool


@dataclass
class Written:
    """The versions of one service: up to ``acknowledged`` they are done, up to ``begun`` they may be."""

    versions: list[State]
    acknowledged: int = 0
    begun: int = 0

    def begin(self, state: State) -> int:
        self.versions.append(state)
        self.begun = len(self.versions) - 1
        return self.begun


@dataclass
class Race:
    """Over processes of one database. :param token: of the creator of the services; ``buyer`` is that of another."""

    urls: Sequence[str]
    dsn: str
    token: str
    buyer: str
    services: dict[int, Written]
    categories: Sequence[int]
    random: random.Random
    reads: int = 0
    orders: int = 0
    writes: int = 0
    errors: list[str] = field(default_factory=list)

    async def run(self, seconds: float, *, readers: int, most: float = float("inf")) -> None:
        """:param most: reads after which it ends. :raises AssertionError: an answer was out of date."""
        self._until, self._most = time.monotonic() + seconds, most
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as client, asyncio.TaskGroup() as tasks:
            for service_id in self.services:
                tasks.create_task(self._write(client, service_id))
            for _ in range(readers):
                tasks.create_task(self._read(client))
            tasks.create_task(self._order(client))

    @property
    def _goes_on(self) -> bool:
        return time.monotonic() < self._until and self.reads < self._most

    async def _write(self, client: aiohttp.ClientSession, service_id: int) -> None:
        """One version after the other, each by a process or by a transaction of its own."""
        written = self.services[service_id]
        with contextlib.closing(await driver.connect(self.dsn)) as connection:
            while self._goes_on:
                state = State(self.random.choice(self.categories), self.random.random() < 0.8)
                version = written.begin(state)
                if self.random.random() < 0.5:
                    await self._patch(client, connection, service_id, version, state)
                else:
                    await self._transact(connection, service_id, version, state)
                written.acknowledged = version
                self.writes += 1
                await asyncio.sleep(self.random.uniform(0, 0.02))

    async def _patch(
        self, client: aiohttp.ClientSession, connection: Connection, service_id: int, version: int, state: State
    ) -> None:
        """Ask a process; by SQL if it is killed, so that the version is written in any case."""
        body = {"base_price": FIRST + version, "category_id": state.category_id, "is_active": state.is_active}
        url, headers = f"{self._url()}{ALL}{service_id}/", {"Authorization": f"Bearer {self.token}"}
        try:
            async with client.patch(url, json=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.errors.append(type(error).__name__)
            await self._update(connection, service_id, FIRST + version, state)

    async def _transact(self, connection: Connection, service_id: int, version: int, state: State) -> None:
        """What is rolled back first must never be seen."""
        for price, end in ((NEVER, "rollback"), (FIRST + version, "commit")):
            await connection.run("begin")
            await self._update(connection, service_id, price, state)
            await asyncio.sleep(self.random.uniform(0, 0.01))
            await connection.run(end)

    async def _update(self, connection: Connection, service_id: int, price: int, state: State) -> None:
        await connection.run(
            "update services set base_price = %s, category_id = %s, is_active = %s where id = %s",
            (100 * price, *state, service_id),
        )

    async def _read(self, client: aiohttp.ClientSession) -> None:
        while self._goes_on:
            before = {service_id: one.acknowledged for service_id, one in self.services.items()}
            category_id = self.random.choice([None, *self.categories])
            service_id = self.random.choice([None, None, *self.services])
            path = f"{service_id}/" if service_id else f"?category={category_id}" if category_id else ""
            try:
                async with client.get(f"{self._url()}{ALL}{path}") as answer:
                    found = await answer.json()
                    shown = [found] if service_id else found["results"]
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError) as error:
                self.errors.append(type(error).__name__)
                await asyncio.sleep(0.05)
                continue
            self._check(before, {one["id"]: one for one in shown if status == 200}, service_id, category_id)
            self.reads += 1

    async def _order(self, client: aiohttp.ClientSession) -> None:
        """One order after the other: each at a price that was right after it had been asked for (D85)."""
        headers = {"Authorization": f"Bearer {self.buyer}"}
        while self._goes_on:
            service_id = self.random.choice([*self.services])
            before = {service_id: self.services[service_id].acknowledged}
            draft = {"service_id": service_id, "requirements": "x"}
            try:
                async with client.post(self._url() + ORDERS, json=draft, headers=headers) as answer:
                    found = await answer.json()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.errors.append(type(error).__name__)
                await asyncio.sleep(0.05)
                continue
            assert answer.status in (201, 404), found
            shown = {service_id: {"base_price": found["price"]}} if answer.status == 201 else {}
            self._check(before, shown, service_id, None)
            self.orders += 1

    def _check(
        self, before: dict[int, int], shown: dict[int, dict[str, Any]], service_id: int | None, category_id: int | None
    ) -> None:
        for one, written in self.services.items():
            if service_id not in (None, one):
                continue
            of = None if service_id else category_id
            possible = range(before[one], written.begun + 1)
            if one in shown:
                version = round(shown[one]["base_price"]) - FIRST
                assert version in possible, f"service {one} is shown as of {version}, acknowledged was {possible}"
                # A page reads which services it shows before it reads the services.
                assert any(_is_listed(written.versions[version], of) for version in possible), (one, of, possible)
            else:
                assert not all(_is_listed(written.versions[version], of) for version in possible), (one, of, possible)

    def _url(self) -> str:
        return self.random.choice(self.urls)


def _is_listed(state: State, category_id: int | None) -> bool:
    return state.is_active and category_id in (None, state.category_id)


async def _disturb(servers: Sequence[ServerProcess], seconds: float, dice: random.Random) -> None:
    """Stop processes for up to two seconds, and kill some."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.2, 2))
        server = dice.choice(servers)
        if dice.random() < 0.2:
            server.kill()
            await asyncio.to_thread(server.start)
        else:
            server.send_signal(signal.SIGSTOP)
            await asyncio.sleep(dice.uniform(0.05, 2))
            server.send_signal(signal.SIGCONT)


async def _long(race: Race, servers: Sequence[ServerProcess], seconds: float) -> None:
    disturbing = asyncio.create_task(_disturb(servers, seconds - 3, race.random))
    await race.run(seconds, readers=12)
    await disturbing


async def _prepared(dsn: str, url: str, dice: random.Random) -> Race:
    """A race of six services of one creator in categories of their own."""
    connection = await driver.connect(dsn)
    found = await connection.run("select username, creators.id from creators join accounts on accounts.id = account_id")
    username, creator_id = found.fetchone()
    found = await connection.run("select username from accounts join orders on buyer_id = accounts.id limit 1")
    (buyer,) = found.fetchone()
    categories = []
    for name in ("race a", "race b"):
        made = await connection.run("insert into categories (name, position) values (%s, 1) returning id", (name,))
        categories.append(made.fetchone()[0])
    services = {}
    for number in range(6):
        made = await connection.run(
            "insert into services (creator_id, kind, category_id, title, base_price, created_at, updated_at) "
            "values (%s, 'service', %s, %s, %s, now() + interval '1 day', now()) returning id",
            (creator_id, categories[0], f"race {number}", FIRST * 100),
        )
        services[made.fetchone()[0]] = Written([State(categories[0], True)])
    connection.close()
    return Race([], dsn, *[await _token(url, name) for name in (username, buyer)], services, categories, dice)


async def _token(url: str, username: str) -> str:
    async with aiohttp.ClientSession() as client:
        login = {"username": username, "password": PASSWORD}
        async with client.post(f"{url}/api/auth/token/", json=login) as answer:
            return str((await answer.json())["access"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.catalog.race", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="default 60")
    parser.add_argument("--processes", type=int, default=2, help="default 2")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with database(5) as dsn, tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        servers = []
        for number in range(given.processes):
            place = Path(directory) / str(number)
            place.mkdir()
            servers.append(stack.enter_context(server_in(place, DATABASE__URL=dsn, LIMITS__ENABLED="false")))
        urls = [f"http://127.0.0.1:{server.port}" for server in servers]
        race = asyncio.run(_prepared(dsn, urls[0], random.Random(given.seed)))
        race.urls = urls
        asyncio.run(_long(race, servers, given.seconds))
    print(f"{race.reads} reads, {race.orders} orders, {race.writes} writes, {len(race.errors)} of killed processes")
    print("nothing was out of date")


if __name__ == "__main__":
    main()
