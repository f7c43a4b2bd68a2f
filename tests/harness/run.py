"""One run: orders are placed and paid while the service is killed repeatedly; at the end everything is compared."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from tests.factory import Person
from tests.harness.checker import Difference, differences
from tests.harness.client import Acknowledgements, Client, Interruption
from tests.harness.scenarios import SCENARIOS, OrderFlow, Scenario
from tests.harness.service import Service
from tests.harness.snapshot import Snapshot, take_snapshot
from tests.sandbox_process import SandboxClient
from tests.size import SEED

#: Seconds after the end of the last scenario within which every difference must have disappeared.
RECOVERY = 60.0
#: The share of mails that may arrive twice where answers are lost.
UNSURE_MAILS = 0.3
#: The provider fails: a third of its operations are carried out and not acknowledged, and its notifications come late,
#: twice, in the wrong order or never.
FAULTS: Mapping[str, Any] = {
    "delay_seconds": [0.0, 0.15],
    "error_before_work": 0.05,
    "error_after_work": 0.3,
    "hang_after_work": {"probability": 0.03, "seconds": 3.0},
    "webhook_duplicates": 1,
    "webhook_shuffle_seconds": 0.5,
    "webhook_lost": 0.2,
    "smtp": {"temporary": 0.1, "lost_answer": 0.05},
}


def chosen_seed() -> int:
    """The seed in MYSTAR_SEED or PROMISES_SEED, which repeats a run; else a new one."""
    return int(os.environ.get("MYSTAR_SEED") or os.environ.get(SEED) or secrets.randbelow(2**32))


@dataclass(frozen=True)
class Plan:
    """:param kills: spread over the orders, of which equal shares begin between two kills."""

    seed: int
    orders: int
    kills: int
    stars: int = 3
    customers: int = 6
    faults: Mapping[str, Any] = field(default_factory=lambda: FAULTS)
    #: The time until the next kill, as a multiple of the time of a start: from, to. One in six kills comes while the
    #: service is still starting.
    life: tuple[float, float] = (0.3, 2.0)
    #: Seconds within which all scenarios must end.
    limit: float = 480.0
    scenarios: Mapping[Scenario, int] = field(default_factory=lambda: SCENARIOS)


@dataclass
class Report:
    plan: Plan
    snapshot: Snapshot
    lost_answers: int
    starts: Sequence[float]
    recovery: float
    seconds: float
    #: Answers that must not be given, and what the checker found after the recovery.
    violations: Sequence[str]
    differences: Sequence[Difference]

    @property
    def problems(self) -> list[str]:
        return [*self.violations, *map(str, self.differences)]

    def __str__(self) -> str:
        kinds = Counter(line["kind"].removeprefix("payment.") for line in self.snapshot.journal)
        moves = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        head = (
            f"MYSTAR_SEED={self.plan.seed}: {self.plan.orders} orders, {self.plan.kills} kills, "
            f"{len(self.snapshot.acknowledged)} acknowledgements, {self.lost_answers} answers lost; "
            f"the journal: {moves}; "
            f"ready again after {max(self.starts):.1f} s at most, all right {self.recovery:.1f} s after the end; "
            f"{self.seconds:.0f} s in all"
        )
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


class Deployment:
    """The service over a database and a sandbox, and its clients."""

    def __init__(
        self,
        dsn: str,
        sandbox: SandboxClient,
        directory: Path,
        seed: int,
        *,
        service: Service | None = None,
        **variables: object,
    ) -> None:
        """:param service: one that is made already; by default one in the directory, with the variables."""
        self.dsn, self.sandbox, self.seed = dsn, sandbox, seed
        given = {"PAYMENTS__YOOKASSA__TIMEOUT_SECONDS": 2, **variables}
        self.service = service or Service(dsn, sandbox, directory, **given)
        self.acknowledgements = Acknowledgements()
        #: The share of mails that may arrive twice, as kills and faults lose answers to their sender.
        self.unsure_mails = 0.0

    async def open(self) -> None:
        await self.service.start().wait_ready()
        await self.sandbox.set_webhook(f"{self.service.url}/payments/notifications/")
        self.category = await asyncio.to_thread(_make_category, self.dsn)

    def flow(self, name: str, interruptions: Mapping[str, Interruption] | None = None) -> OrderFlow:
        """The flow of a new order; its client is opened with ``async with flow.client``."""
        chance = random.Random(f"{self.seed}:{name}")
        return OrderFlow(
            Client(self.service.url, name, self.acknowledgements, chance, interruptions), self.sandbox, chance
        )

    async def register_people(self, stars: int, customers: int) -> tuple[list[Person], list[Person]]:
        flow = self.flow("cast")
        async with flow.client:
            people = await asyncio.gather(
                *(flow.register(f"star {number}", f"star{number}") for number in range(stars)),
                *(flow.register(f"customer {number}", f"customer{number}") for number in range(customers)),
            )
            for star in people[:stars]:
                await flow.become_star(star, self.category)
        return people[:stars], people[stars:]

    async def recover(self) -> tuple[float, Snapshot, list[Difference]]:
        """Wait until no difference is left, at most `RECOVERY` seconds: the time, the snapshot, what differs."""
        began = time.monotonic()
        while True:
            snapshot = await take_snapshot(self.dsn, self.sandbox, self.acknowledgements, self.unsure_mails)
            found = differences(snapshot)
            passed = time.monotonic() - began
            if not found or passed > RECOVERY:
                return passed, snapshot, found
            await asyncio.sleep(0.5)

    async def close(self) -> list[str]:
        """Stop the service. Returns a wrong exit code and tracebacks in its log, as sentences."""
        violations = [] if (code := self.service.stop()) == 0 else [f"the service ended with exit code {code}"]
        tracebacks = self.service.logged().count("Traceback (most recent call last)")
        if tracebacks:
            violations.append(f"{tracebacks} tracebacks in {self.service.log}")
        return violations


#: Given the plan, the deployment, a semaphore of which each order takes one to begin, and the source of chance.
Trouble = Callable[[Plan, Deployment, asyncio.Semaphore, random.Random], Awaitable[None]]


async def run(
    plan: Plan,
    dsn: str,
    sandbox: SandboxClient,
    directory: Path,
    trouble: Trouble | None = None,
    **variables: object,
) -> Report:
    """A whole run. It ends in bounded time, since every client gives up at some time.

    :param trouble: what happens to the service instead of kills; it lets the orders begin. AssertionError ends the run.
    :param variables: of the service, without MYSTAR_.
    """
    return await run_on(Deployment(dsn, sandbox, directory, plan.seed, **variables), plan, trouble)


async def run_on(deployment: Deployment, plan: Plan, trouble: Trouble | None = None) -> Report:
    """The same on a deployment that is made already, and not started."""
    began, sandbox = time.monotonic(), deployment.sandbox
    deployment.unsure_mails = UNSURE_MAILS if plan.kills or plan.faults or trouble else 0.0
    try:
        await deployment.open()
        stars, customers = await deployment.register_people(plan.stars, plan.customers)
        await sandbox.faults(seed=plan.seed, **plan.faults)
        violations = await _run_scenarios(plan, deployment, stars, customers, trouble or _kill_repeatedly)
        await sandbox.faults()
        recovery, snapshot, found = await deployment.recover()
        violations += await _run_operator_checks(deployment.service)
        violations += await deployment.close()
    finally:
        deployment.service.kill()
    return Report(
        plan=plan,
        snapshot=snapshot,
        lost_answers=deployment.acknowledgements.lost,
        starts=deployment.service.starts,
        recovery=recovery,
        seconds=time.monotonic() - began,
        violations=violations,
        differences=found,
    )


async def _run_scenarios(
    plan: Plan, deployment: Deployment, stars: Sequence[Person], customers: Sequence[Person], trouble: Trouble
) -> list[str]:
    """Run all scenarios while the trouble happens. Returns the violations."""
    gate = asyncio.Semaphore(0)
    chance = random.Random(plan.seed)
    # Every scenario at least once, if there are enough orders.
    scenarios = list(plan.scenarios)[: plan.orders]
    scenarios += chance.choices(list(plan.scenarios), list(plan.scenarios.values()), k=plan.orders - len(scenarios))
    chance.shuffle(scenarios)

    async def live(number: int, scenario: Scenario) -> None:
        flow = deployment.flow(f"order {number}: {scenario.__name__}")
        flow.star, flow.customer = flow.chance.choice(stars), flow.chance.choice(customers)
        # The semaphore is released by the kills, never here.
        await gate.acquire()
        async with flow.client:
            await scenario(flow)

    flows = [asyncio.create_task(live(number, scenario)) for number, scenario in enumerate(scenarios)]
    try:
        async with asyncio.timeout(plan.limit):
            await trouble(plan, deployment, gate, chance)
            outcomes = await asyncio.gather(*flows, return_exceptions=True)
    finally:
        for task in flows:
            task.cancel()
        await asyncio.gather(*flows, return_exceptions=True)
    return [f"{type(outcome).__name__}: {outcome}" for outcome in outcomes if isinstance(outcome, BaseException)]


async def _kill_repeatedly(plan: Plan, deployment: Deployment, gate: asyncio.Semaphore, chance: random.Random) -> None:
    let_in, service = 0, deployment.service
    for life in range(1, plan.kills + 1):
        for _ in range(let_in, lot := plan.orders * life // (plan.kills + 1)):
            gate.release()
        let_in = lot
        starting = chance.random() < 1 / 6 and life > 1
        if not starting:
            await service.wait_ready()
        share = chance.random() if starting else chance.uniform(*plan.life)
        await asyncio.sleep(share * min(max(0.7, service.starts[-1]), 3.0))
        service.kill()
        service.start()
    for _ in range(let_in, plan.orders):
        gate.release()
    await service.wait_ready()


async def _run_operator_checks(service: Service) -> list[str]:
    """The operator's commands must come to the same result as the checker."""
    try:
        await service.command("payments", "reconcile")
        await service.command("check")
    except AssertionError as error:
        return [str(error)]
    return []


def _make_category(dsn: str) -> int:
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("insert into categories (name) values ('Музыка') returning id")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()
