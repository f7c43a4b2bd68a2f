"""One run: people who buy and sell, a service that dies under them again and again, and the count at the end."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from tests.factory import Person
from tests.harness.checker import Difference, differences
from tests.harness.people import Accident, Client, Diary
from tests.harness.service import Service
from tests.harness.stories import STORIES, Story, Walk
from tests.harness.world import World, look
from tests.sandbox_process import SandboxClient

#: Seconds after the last walk in which everything must have come right.
RECOVERY = 60.0
#: The provider on a bad day: a third of its deeds are done and not answered for, and its news come late, twice, in the
#: wrong order or never.
BAD_DAY: Mapping[str, Any] = {
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
    """MYSTAR_SEED, to repeat a run; else a new one."""
    return int(os.environ.get("MYSTAR_SEED") or secrets.randbelow(2**32))


@dataclass(frozen=True)
class Plan:
    """:param kills: spread over the orders, which begin in equal lots, one lot in each life of the service."""

    seed: int
    orders: int
    kills: int
    stars: int = 3
    customers: int = 6
    faults: Mapping[str, Any] = field(default_factory=lambda: BAD_DAY)
    #: How long a life lasts, from and to, in times of a start; one in six ends while the service is still starting.
    life: tuple[float, float] = (0.3, 2.0)
    #: Seconds in which the walks must end, however it goes.
    limit: float = 480.0
    stories: Mapping[Story, int] = field(default_factory=lambda: STORIES)


@dataclass
class Report:
    plan: Plan
    world: World
    lost_answers: int
    starts: Sequence[float]
    recovery: float
    seconds: float
    #: What a person met that nobody must meet, and what the checker found after the recovery.
    complaints: Sequence[str]
    differences: Sequence[Difference]

    @property
    def troubles(self) -> list[str]:
        return [*self.complaints, *map(str, self.differences)]

    def __str__(self) -> str:
        kinds = Counter(line["kind"].removeprefix("payment.") for line in self.world.journal)
        moves = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        head = (
            f"MYSTAR_SEED={self.plan.seed}: {self.plan.orders} orders, {self.plan.kills} kills, "
            f"{len(self.world.acts)} acknowledged deeds, {self.lost_answers} answers lost; the journal: {moves}; "
            f"ready again after {max(self.starts):.1f} s at most, all right {self.recovery:.1f} s after the end; "
            f"{self.seconds:.0f} s in all"
        )
        return "\n".join([head, *(f"  {trouble}" for trouble in self.troubles)])


class Stage:
    """The service over a database and a sandbox, with people on it."""

    def __init__(self, dsn: str, sandbox: SandboxClient, directory: Path, seed: int) -> None:
        self.dsn, self.sandbox, self.seed = dsn, sandbox, seed
        self.service = Service(dsn, sandbox, directory, PAYMENTS__YOOKASSA__TIMEOUT_SECONDS=2)
        self.diary = Diary()

    async def open(self) -> None:
        await self.service.start().wait_ready()
        await self.sandbox.set_webhook(f"{self.service.url}/payments/notifications/")
        self.category = await asyncio.to_thread(_make_category, self.dsn)

    def walk(self, name: str, accidents: Mapping[str, Accident] | None = None) -> Walk:
        """Somebody's business; his device is to be opened with ``async with walk.client``."""
        chance = random.Random(f"{self.seed}:{name}")
        return Walk(Client(self.service.url, name, self.diary, chance, accidents), self.sandbox, chance)

    async def cast(self, stars: int, customers: int) -> tuple[list[Person], list[Person]]:
        walk = self.walk("cast")
        async with walk.client:
            people = await asyncio.gather(
                *(walk.join(f"star {number}", f"star{number}") for number in range(stars)),
                *(walk.join(f"customer {number}", f"customer{number}") for number in range(customers)),
            )
            for star in people[:stars]:
                await walk.become_star(star, self.category)
        return people[:stars], people[stars:]

    async def recover(self) -> tuple[float, World, list[Difference]]:
        """Wait until nothing is wrong, or for as long as is promised: how long it took, and what is left."""
        began = time.monotonic()
        while True:
            world = await look(self.dsn, self.sandbox, self.diary.acts)
            found = differences(world)
            passed = time.monotonic() - began
            if not found or passed > RECOVERY:
                return passed, world, found
            await asyncio.sleep(0.5)

    async def close(self) -> list[str]:
        """End the service in peace. What its last hours should not have seen."""
        complaints = [] if (code := self.service.stop()) == 0 else [f"the service ended with exit code {code}"]
        tracebacks = self.service.log.read_text(errors="replace").count("Traceback (most recent call last)")
        if tracebacks:
            complaints.append(f"{tracebacks} tracebacks in {self.service.log}")
        return complaints


async def run(plan: Plan, dsn: str, sandbox: SandboxClient, directory: Path) -> Report:
    """The whole of it. Ends in bounded time: every walk loses its patience sooner or later."""
    began = time.monotonic()
    stage = Stage(dsn, sandbox, directory, plan.seed)
    try:
        await stage.open()
        stars, customers = await stage.cast(plan.stars, plan.customers)
        await sandbox.faults(seed=plan.seed, **plan.faults)
        complaints = await _mayhem(plan, stage, stars, customers)
        await sandbox.faults()
        recovery, world, found = await stage.recover()
        complaints += await _operator_looks(stage.service)
        complaints += await stage.close()
    finally:
        stage.service.kill()
    return Report(
        plan=plan,
        world=world,
        lost_answers=stage.diary.lost,
        starts=stage.service.starts,
        recovery=recovery,
        seconds=time.monotonic() - began,
        complaints=complaints,
        differences=found,
    )


async def _mayhem(plan: Plan, stage: Stage, stars: Sequence[Person], customers: Sequence[Person]) -> list[str]:
    """Everybody walks, the service dies ``plan.kills`` times. The complaints."""
    gate = asyncio.Semaphore(0)
    chance = random.Random(plan.seed)
    # Every story at least once, if there are orders enough for it.
    stories = list(plan.stories)[: plan.orders]
    stories += chance.choices(list(plan.stories), list(plan.stories.values()), k=plan.orders - len(stories))
    chance.shuffle(stories)

    async def live(number: int, story: Story) -> None:
        walk = stage.walk(f"order {number}: {story.__name__}")
        walk.star, walk.customer = walk.chance.choice(stars), walk.chance.choice(customers)
        # Nobody gives his place back: it is the killer who lets people in.
        await gate.acquire()
        async with walk.client:
            await story(walk)

    walks = [asyncio.create_task(live(number, story)) for number, story in enumerate(stories)]
    try:
        async with asyncio.timeout(plan.limit):
            await _kill_again_and_again(plan, stage.service, gate, chance)
            outcomes = await asyncio.gather(*walks, return_exceptions=True)
    finally:
        for task in walks:
            task.cancel()
        await asyncio.gather(*walks, return_exceptions=True)
    return [f"{type(outcome).__name__}: {outcome}" for outcome in outcomes if isinstance(outcome, BaseException)]


async def _kill_again_and_again(plan: Plan, service: Service, gate: asyncio.Semaphore, chance: random.Random) -> None:
    let_in = 0
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


async def _operator_looks(service: Service) -> list[str]:
    """The operator's own commands must come to the same result as the checker."""
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
