"""The load: orders from the first page to the rating, conversations over sockets, lists, and log-ins."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import orjson

from tests.factory import PASSWORD, Person
from tests.harness.run import Deployment
from tests.harness.scenarios import accepted_first, cancelled, paid_first, rejected

_LISTS = ("/api/v1/services/", "/api/v1/categories/", "/api/v1/creators/", "/healthz", "/metrics")
_STORIES = (paid_first, accepted_first, cancelled, rejected)
#: Seconds between two of each kind: about a third of what one core carries.
_ORDER, _LIST, _MESSAGE, _LOGIN = 2.0, 0.1, 0.25, 5.0
#: Sockets that come and go: every so often one is closed and opened again.
_SOCKETS, _RECONNECT = 20, 0.5


@dataclass
class Done:
    """What was done, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))


class Load:
    """Goes on until the deadline, a moment of `time.monotonic`."""

    def __init__(
        self, deployment: Deployment, stars: list[Person], customers: list[Person], seed: int, deadline: float
    ) -> None:
        self._deployment, self._stars, self._customers = deployment, stars, customers
        self._chance, self._deadline = random.Random(seed), deadline
        self.done = Done()

    async def run(self) -> Done:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(self._deployment.service.url, connector=connector, timeout=timeout) as session:
            conversations = [await self._open(session, star, self._customers[0]) for star in self._stars]
            talks = asyncio.gather(*(self._listen(session, conversations, number) for number in range(_SOCKETS)))
            await asyncio.gather(
                self._repeat(_ORDER, lambda: self._order(len(self.done.counts))),
                self._repeat(_LIST, lambda: self._list(session)),
                self._repeat(_MESSAGE, lambda: self._message(session, self._chance.choice(conversations))),
                self._repeat(_LOGIN, lambda: self._login(session)),
            )
            await talks
        return self.done

    async def _repeat(self, pause: float, act: Callable[[], Awaitable[None]]) -> None:
        """At a steady pace, whether or not earlier ones have ended."""
        under_way: set[asyncio.Task[None]] = set()
        while time.monotonic() < self._deadline:
            under_way.add(asyncio.create_task(self._tried(act)))
            await asyncio.sleep(pause * self._chance.uniform(0.8, 1.2))
            under_way = {task for task in under_way if not task.done()}
        await asyncio.gather(*under_way)

    async def _tried(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except Exception as error:
            self.done.failures.append(repr(error)[:300])

    async def _order(self, _: int) -> None:
        number = self.done.counts["orders"] = self.done.counts["orders"] + 1
        flow = self._deployment.flow(f"order {number}")
        flow.star, flow.customer = self._chance.choice(self._stars), self._chance.choice(self._customers)
        async with flow.client:
            await self._chance.choice(_STORIES)(flow)

    async def _list(self, session: aiohttp.ClientSession) -> None:
        await self._ask(session, "GET", self._chance.choice(_LISTS), "lists")

    async def _message(self, session: aiohttp.ClientSession, conversation: int) -> None:
        path = f"/api/v1/conversations/{conversation}/messages/"
        await self._ask(session, "POST", path, "messages", self._customers[0], {"message": "Как дела с поздравлением?"})

    async def _login(self, session: aiohttp.ClientSession) -> None:
        person = self._chance.choice(self._customers)
        await self._ask(session, "POST", "/api/login/", "log-ins", None, {"login": person.email, "password": PASSWORD})

    async def _open(self, session: aiohttp.ClientSession, star: Person, customer: Person) -> int:
        opened = await self._ask(
            session, "POST", "/api/v1/conversations/", "conversations", customer, {"recipient_id": star.id}
        )
        return int(orjson.loads(opened)["id"])

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        what: str,
        person: Person | None = None,
        body: object = None,
    ) -> bytes:
        headers = {"Authorization": f"Bearer {person.token}"} if person else {}
        async with session.request(method, path, json=body, headers=headers) as answer:
            content = await answer.read()
            if answer.status >= 400:
                raise AssertionError(f"{method} {path}: {answer.status} {content[:200]!r}")
        self.done.counts[what] += 1
        return content

    async def _listen(self, session: aiohttp.ClientSession, conversations: list[int], number: int) -> None:
        """A socket that is opened again every half second times the number of sockets."""
        conversation, star = conversations[number % len(conversations)], self._stars[number % len(self._stars)]
        headers = {"Authorization": f"Bearer {star.token}"}
        while time.monotonic() < self._deadline:
            failed = len(self.done.failures)
            await self._tried(lambda: self._socket(session, f"/ws/conversations/{conversation}/", headers))
            if len(self.done.failures) > failed:
                await asyncio.sleep(_RECONNECT)

    async def _socket(self, session: aiohttp.ClientSession, path: str, headers: dict[str, str]) -> None:
        async with session.ws_connect(path, headers=headers) as socket:
            self.done.counts["sockets"] += 1
            until = min(self._deadline, time.monotonic() + _RECONNECT * _SOCKETS)
            while (rest := until - time.monotonic()) > 0:
                try:
                    await socket.receive(rest)
                    self.done.counts["frames"] += 1
                except TimeoutError:
                    break
