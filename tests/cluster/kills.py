"""Kills one part after the other under load, measures how long that was felt, and compares all books at the end."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psycopg2

from mystar.kit.background import cancel_and_wait
from mystar.sections import LimitSettings
from tests.cluster.cluster import Cluster, running
from tests.cluster.load import Conversations, Request, Requests, conversation
from tests.harness.run import Deployment, Plan, Report, run_on
from tests.promises.faults.environment import busy, children, is_busy
from tests.promises.proofs import NOT_JUDGED

#: Seconds that requests may fail, and for sockets to come back.
_AWAY, _SOCKETS_BACK = 10.0, 30.0
#: Seconds without a failure after which it is over.
_CALM = 3.0
_ORDERS_PER_KILL = 5
_TALKS = 3
#: The limits count in Redis, and refuse nothing: all clients are few people at one address.
LIMITS = {
    f"LIMITS__{name.upper()}": "1000000/minute" for name in LimitSettings.model_fields if name not in ("enabled", "url")
}
SETTINGS: Mapping[str, object] = {
    "LIMITS__ENABLED": "true",
    **LIMITS,
    "SOCKETS__FRAMES_PER_MINUTE": 100_000,
    "PAYMENTS__YOOKASSA__TIMEOUT_SECONDS": 2,
}

Accident = Callable[[Cluster, random.Random], Awaitable[str]]


async def service(cluster: Cluster, chance: random.Random) -> str:
    number = chance.randrange(len(cluster.services.members))
    await cluster.services.kill_one(number)
    return f"service{number + 1} was killed and started again"


async def redis(cluster: Cluster, chance: random.Random) -> str:
    cluster.processes["redis"].kill()
    return "Redis was killed and started again, empty"


async def pgbouncer(cluster: Cluster, chance: random.Random) -> str:
    cluster.processes["pgbouncer"].kill()
    return "PgBouncer was killed and started again"


async def nginx(cluster: Cluster, chance: random.Random) -> str:
    workers = children(cluster.processes["nginx"].pid)
    os.kill(chance.choice(workers), signal.SIGKILL)
    return f"one of {len(workers)} workers of nginx was killed"


async def primary(cluster: Cluster, chance: random.Random) -> str:
    began = time.monotonic()
    dead = await cluster.postgres.kill_primary(with_patroni=True)
    said = await _promoted(cluster, dead, began)
    await cluster.postgres.start(dead)
    return f"the machine of {dead} died, {said}"


async def postgres(cluster: Cluster, chance: random.Random) -> str:
    began = time.monotonic()
    dead = await cluster.postgres.kill_primary(with_patroni=False)
    return f"the server of {dead} was killed beside its Patroni, {await _promoted(cluster, dead, began)}"


async def switchover(cluster: Cluster, chance: random.Random) -> str:
    began = time.monotonic()
    old = await cluster.postgres.switch_over()
    return f"{old} was asked to step down, {await _promoted(cluster, old, began)}"


async def _promoted(cluster: Cluster, before: str, began: float) -> str:
    promoted = await cluster.postgres.wait_promoted(before)
    return f"{promoted} is the primary after {time.monotonic() - began:.1f} s"


async def rolling(cluster: Cluster, chance: random.Random) -> str:
    await cluster.services.restart_one_by_one()
    return f"{len(cluster.services.members)} services were replaced one by one"


ACCIDENTS: tuple[Accident, ...] = (
    service,
    redis,
    pgbouncer,
    nginx,
    primary,
    postgres,
    switchover,
    rolling,
)


@dataclass
class Row:
    """What one accident was felt like. Seconds; ``away`` is the time from the first to the last failure."""

    round: int
    accident: str
    what: str
    requests: int
    problems: Counter[str]
    away: float
    slowest: float
    orders_retried: int
    sockets_broken: int
    sockets_back: float
    load: str
    #: Whether the machine had so much else to do that its times and time limits say nothing.
    is_busy: bool

    @property
    def failed(self) -> int:
        return self.problems.total()

    def violations(self) -> list[str]:
        """Requests that failed for too long, or in a rolling restart at all."""
        where = f"round {self.round}, {self.accident}"
        found = []
        if self.accident == "rolling" and (self.failed or self.orders_retried):
            found.append(f"{where}: {dict(self.problems)}, {self.orders_retried} requests of orders had to be repeated")
        if self.away > _AWAY:
            found.append(f"{where}: requests failed for {self.away:.1f} s ({self.load})")
        return found

    def __str__(self) -> str:
        return (
            f"| {self.round} | {self.accident} | {self.what} | {self.failed} of {self.requests} | {self.away:.1f} "
            f"| {self.slowest:.1f} | {self.orders_retried} | {self.sockets_broken} | {self.sockets_back:.1f} |"
        )


HEAD = """\
| round | killed | what happened | failed | for s | slowest s | orders retried | sockets broken | back after s |
| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


@dataclass
class Outcome:
    seed: int
    rows: list[Row] = field(default_factory=list)
    messages: int = 0
    steady: int = 0
    report: Report | None = None

    def problems(self) -> list[str]:
        books = self.report.problems if self.report else []
        return [*(one for row in self.rows if not row.is_busy for one in row.violations()), *books]

    def not_judged(self) -> list[str]:
        return [f"{NOT_JUDGED}: {one}" for row in self.rows if row.is_busy for one in row.violations()]

    def __str__(self) -> str:
        worst = max((row.away for row in self.rows), default=0.0)
        kept = f"{self.messages} messages over sockets, {self.steady} steady ones"
        left = "; ".join([*self.problems(), *self.not_judged()])
        books = "the books differ" if self.report and self.report.problems else "nothing lost or doubled"
        head = f"{len(self.rows)} accidents, requests failed for {worst:.1f} s at most; {kept}: {books}"
        return f"{self.report}\nMYSTAR_SEED={self.seed}: {head}{left and f'; {left}'}"


async def run_kills(
    seed: int, rounds: int, accidents: Sequence[Accident], show: Callable[[str], None], logs: Path | None
) -> Outcome:
    """:param show: is given each row as soon as it is known. :raises AssertionError: what is lost, doubled or gone."""
    outcome = Outcome(seed)
    async with running(logs=logs, **SETTINGS) as cluster:
        deployment = Deployment(cluster.dsn, cluster.sandbox, cluster.layout.directory, seed, service=cluster.services)
        many = rounds * len(accidents)
        plan = Plan(seed, _ORDERS_PER_KILL * many, kills=0, stars=4, customers=8, faults={}, limit=180.0 * many)

        async def trouble(plan: Plan, deployment: Deployment, gate: asyncio.Semaphore, chance: random.Random) -> None:
            async with _loaded(deployment, chance, outcome) as (requests, conversations):
                measuring = _Measuring(cluster, deployment, gate, chance, requests, conversations)
                for number, accident in itertools.product(range(1, rounds + 1), accidents):
                    outcome.rows.append(await measuring.row(number, accident))
                    show(str(outcome.rows[-1]))

        outcome.report = await run_on(deployment, plan, trouble)
    return outcome


@asynccontextmanager
async def _loaded(
    deployment: Deployment, chance: random.Random, outcome: Outcome
) -> AsyncIterator[tuple[Requests, Conversations]]:
    """Conversations and steady requests, which are checked at the end."""
    url, flow = deployment.service.url, deployment.flow("talkers")
    async with flow.client, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        people = [await flow.register(f"talker {number}", f"talker{number}") for number in range(2 * _TALKS + 2)]
        talks = [await conversation(url, *people[2 * number : 2 * number + 2]) for number in range(_TALKS)]
        steady = await conversation(url, *people[-2:])
        requests = Requests(url, steady.id, steady.tokens[0])
        conversations = Conversations(url, talks, session, chance)
        requesting = asyncio.create_task(requests.run())
        try:
            yield requests, conversations
            await cancel_and_wait(requesting)
            outcome.messages = await conversations.finish()
            outcome.steady = await asyncio.to_thread(_kept, deployment.dsn, requests)
        finally:
            await cancel_and_wait(requesting)
            await conversations.close()


@dataclass(frozen=True)
class _Measuring:
    cluster: Cluster
    deployment: Deployment
    gate: asyncio.Semaphore
    chance: random.Random
    requests: Requests
    conversations: Conversations

    async def row(self, number: int, accident: Accident) -> Row:
        """Let the accident happen to a cluster that is whole, while some orders begin."""
        await self._whole()
        for _ in range(_ORDERS_PER_KILL):
            self.gate.release()
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        began, lost = time.monotonic(), self.deployment.acknowledgements.lost
        connections = self.conversations.connections
        what = await accident(self.cluster, self.chance)
        await asyncio.sleep(_CALM)
        await self.conversations.connected(_SOCKETS_BACK)
        await self._calm()
        self.conversations.check_alive()
        made = self.requests.since(began)
        failed = [request for request in made if request.problem]
        return Row(
            round=number,
            accident=accident.__name__,
            what=what,
            requests=len(made),
            problems=Counter(request.problem for request in failed),
            away=_span(failed),
            slowest=max(request.ended - request.began for request in made),
            orders_retried=self.deployment.acknowledgements.lost - lost,
            sockets_broken=self.conversations.connections - connections,
            sockets_back=self.conversations.longest_break(began),
            load=busy(),
            is_busy=is_busy(),
        )

    async def _whole(self) -> None:
        """Until nothing is missing any more of what earlier accidents took."""
        await self.cluster.postgres.wait_complete(timeout=120)
        await self.cluster.services.wait_ready()
        await self.conversations.connected(_SOCKETS_BACK)
        await self._calm()

    async def _calm(self) -> None:
        """Until no request has failed for a while."""
        deadline = time.monotonic() + 90
        while True:
            lately = [one for one in self.requests.made if one.ended > time.monotonic() - _CALM]
            failed = Counter(one.problem for one in lately if one.problem)
            if lately and not failed:
                return
            assert time.monotonic() < deadline, f"requests still fail: {dict(failed)}"
            await asyncio.sleep(0.1)


def _span(failed: Sequence[Request]) -> float:
    if not failed:
        return 0.0
    return max(request.ended for request in failed) - min(request.began for request in failed)


def _kept(dsn: str, requests: Requests) -> int:
    """:raises AssertionError: a message that was acknowledged is missing, or one is there twice."""
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select client_id from messages where conversation_id = %s", (requests.conversation,))
            kept = Counter(row[0] for row in cursor)
    finally:
        connection.close()
    missing = [one for one in requests.acknowledged if not kept[one]]
    assert not missing, f"{len(missing)} messages were acknowledged and are lost: {missing[:10]}"
    assert set(kept) <= set(requests.sent)
    assert kept.total() == len(kept), "a message is there twice"
    return len(requests.acknowledged)
