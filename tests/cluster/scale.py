"""How much more two processes of the service carry than one.

One machine has not the cores for two processes, their database and their clients. So each process is given a share of a
core that it uses up, by a quota of its own cgroup, and everything else has what is left: what is measured is whether a
second process doubles what the service carries, or whether the two wait for each other in the database, in Redis or in
nginx. The processor time of all parts is shown with it, so that it can be seen that nothing else was the limit.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.cluster.cluster import Cluster, running
from tests.cluster.kills import LIMITS
from tests.cluster.load import conversation
from tests.factory import Person
from tests.harness.run import Deployment
from tests.harness.scenarios import PRICE
from tests.promises.faults.environment import NotHere, busy, children

#: What the second process must bring, at least.
GOAL = 1.7
#: Of a core, for each process. Its quota is for short periods, so that requests do not wait long for the next one.
_SHARE, _PERIOD_US = 0.25, 20_000
#: Requests at any time, and seconds before and of each measurement.
_CLIENTS, _WARM_UP, _MEASURE = 24, 3.0, 12.0
_SETTINGS = {**LIMITS, "LIMITS__ENABLED": "true", "LOG__REQUESTS": "false"}
_CGROUPS = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """``used``: processor seconds by part. In between are nginx, PgBouncer, HAProxy and Redis."""

    processes: int
    requests: Counter[str]
    seconds: float
    used: dict[str, float]
    busy: str

    @property
    def per_second(self) -> float:
        return self.requests.total() / self.seconds

    def per_request(self, part: str) -> float:
        """Milliseconds."""
        return 1000 * self.used[part] / self.requests.total()

    @property
    def saturation(self) -> float:
        """The part of the quotas that the services used."""
        return self.used["service"] / (self.seconds * _SHARE * self.processes)

    def __str__(self) -> str:
        parts = " | ".join(f"{self.per_request(part):.1f}" for part in self.used)
        return f"| {self.processes} | {self.per_second:.0f} | {100 * self.saturation:.0f} % | {parts} | {self.busy} |"


HEAD = """\
| processes | requests/s | quota used | ms a request: service | PostgreSQL | in between | clients | meanwhile |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"""


@dataclass(frozen=True)
class Scaling:
    seed: int
    one: Sequence[Measured]
    two: Sequence[Measured]

    @property
    def ratio(self) -> float:
        return _rate(self.two) / _rate(self.one)

    def __str__(self) -> str:
        return (
            f"MYSTAR_SEED={self.seed}: two processes carry {self.ratio:.2f} times what one does"
            f" ({_rate(self.two):.0f} and {_rate(self.one):.0f} requests a second, {_SHARE:.0%} of a core each)"
        )


def _rate(measured: Sequence[Measured]) -> float:
    return sum(one.per_second for one in measured) / len(measured)


async def run_scale(seed: int, rounds: int, show: Callable[[str], None]) -> Scaling:
    """One and two processes in turns, so that what else the machine does hits both.

    :raises NotHere: without cgroups.
    """
    by_count: dict[int, list[Measured]] = {1: [], 2: []}
    async with running(services=2, **_SETTINGS) as cluster:
        deployment = Deployment(cluster.dsn, cluster.sandbox, cluster.layout.directory, seed, service=cluster.services)
        await deployment.open()
        (star, *_), customers = await deployment.register_people(1, _CLIENTS)
        work = [await _Client.of(cluster.layout.url, customer, star, seed) for customer in customers]
        with _quotas([member.pid for member in cluster.services.members]):
            for count in itertools.islice(itertools.cycle(by_count), 2 * rounds):
                await cluster.serve(count)
                measured = await _measure(cluster, count, work)
                by_count[count].append(measured)
                show(str(measured))
    return Scaling(seed, by_count[1], by_count[2])


async def _measure(cluster: Cluster, count: int, clients: Sequence[_Client]) -> Measured:
    async with aiohttp.ClientSession(cluster.layout.url, connector=aiohttp.TCPConnector(limit=0)) as session:
        done: Counter[str] = Counter()
        working = [asyncio.create_task(client.work(session, done)) for client in clients]
        try:
            await asyncio.sleep(_WARM_UP)
            before, began, so_far = _used(cluster, count), time.monotonic(), done.copy()
            await asyncio.sleep(_MEASURE)
            after, seconds = _used(cluster, count), time.monotonic() - began
            for task in working:
                if task.done():
                    task.result()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
    return Measured(count, done - so_far, seconds, {part: after[part] - before[part] for part in after}, busy())


class _Client:
    """One person who reads lists, writes messages and places orders, one request after the other."""

    def __init__(self, person: Person, star: Person, talk: int, chance: random.Random) -> None:
        self._headers = {"Authorization": f"Bearer {person.token}"}
        self._person, self._star, self._talk, self._chance = person, star, talk, chance

    @classmethod
    async def of(cls, url: str, person: Person, star: Person, seed: int) -> _Client:
        talk = await conversation(url, person, star)
        return cls(person, star, talk.id, random.Random(f"{seed}:{person.username}"))

    async def work(self, session: aiohttp.ClientSession, done: Counter[str]) -> None:
        kinds = {"catalogue": 6, "messages": 4, "conversations": 3, "send": 3, "place": 1}
        while True:
            kind = self._chance.choices(list(kinds), list(kinds.values()))[0]
            method, path, body = self._request(kind)
            async with session.request(method, path, json=body, headers=self._headers) as answer:
                content = await answer.read()
                assert answer.status < 300, f"{method} {path}: {answer.status} {content[:200]!r}"
            done[kind] += 1

    def _request(self, kind: str) -> tuple[str, str, object]:
        messages = f"/api/v1/conversations/{self._talk}/messages/"
        if kind == "send":
            return "POST", messages, {"message": "Как дела с поздравлением?"}
        if kind == "place":
            return "POST", "/api/order/", self._draft()
        paths = {
            "catalogue": "/api/v1/creators/?page_size=20",
            "messages": f"{messages}?page_size=20",
            "conversations": "/api/v1/conversations/?page_size=20",
        }
        return "GET", paths[kind], None

    def _draft(self) -> dict[str, str]:
        return {
            "customer_id": str(self._person.id),
            "star_id": str(self._star.id),
            "order_price": PRICE,
            "for_whom": "Для мамы",
            "comment": "Хочу поздравить маму с днём рождения",
            "by_date": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 86_400)),
            "status_order": "0",
        }


@contextmanager
def _quotas(pids: Sequence[int]) -> Iterator[None]:
    """Each process in a cgroup of its own, with `_SHARE` of a core. :raises NotHere: that is not allowed here."""
    unified = (_CGROUPS / "cgroup.controllers").exists()
    root = _CGROUPS if unified else _CGROUPS / "cpu"
    made: list[Path] = []
    try:
        for pid in pids:
            place = root / f"mystar-cluster-{pid}"
            place.mkdir()
            made.append(place)
            quota = int(_PERIOD_US * _SHARE)
            if unified:
                (place / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
            else:
                (place / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (place / "cpu.cfs_quota_us").write_text(str(quota))
            (place / "cgroup.procs").write_text(str(pid))
        yield
    except OSError as error:
        raise NotHere(f"cgroups cannot be made here: {error}") from error
    finally:
        for place in made:
            _leave(root, place)


def _leave(root: Path, place: Path) -> None:
    for pid in (place / "cgroup.procs").read_text().split():
        (root / "cgroup.procs").write_text(pid)
    place.rmdir()


def _used(cluster: Cluster, count: int) -> dict[str, float]:
    """Processor seconds so far."""
    between = [cluster.processes[name].pid for name in ("pgbouncer", "haproxy", "redis", "nginx")]
    between += children(cluster.processes["nginx"].pid)
    return {
        "service": sum(_seconds(member.pid) for member in cluster.services.members[:count]),
        "PostgreSQL": sum(_seconds(pid) for pid in cluster.postgres.pids()),
        "between": sum(map(_seconds, between)),
        "clients": time.process_time(),
    }


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime and those of children that have ended: sessions of PostgreSQL come and go.
    return sum(map(int, fields[11:15])) / _TICKS
