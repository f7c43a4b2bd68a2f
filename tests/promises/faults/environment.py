"""What a scenario stands on: a database server of its own, the stand-ins, and orders that are placed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from tests.database import reachable_directory
from tests.harness.run import Deployment, Plan, Report, Trouble, run
from tests.promises.origin import is_busy, load
from tests.promises.proofs import NOT_JUDGED
from tests.sandbox_process import SandboxProcess, sandbox_in

#: Committed data survives the kill of the server; that of the machine is not what is tried.
_SETTINGS = {"fsync": "off", "max_connections": "60", "shared_buffers": "32MB", "max_wal_size": "64MB"}
Accident = Callable[[Deployment, random.Random], Awaitable[None]]


class NotHere(Exception):
    """This machine cannot run the scenario; the text says why."""


@dataclass
class Environment:
    """:param full: the size before a release."""

    seed: int
    full: bool
    directory: Path
    stack: contextlib.ExitStack
    #: What was measured, for the figure.
    measured: list[str] = field(default_factory=list)

    def size(self, short: int, full: int) -> int:
        return full if self.full else short

    def postgres(self, directory: Path | None = None, **settings: str) -> Postgres:
        place = directory or self.stack.enter_context(reachable_directory("mystar-faults-"))
        server = Postgres(place, {**_SETTINGS, **settings})
        self.stack.callback(server.stop)
        return server.start()

    def sandbox(self) -> SandboxProcess:
        return self.stack.enter_context(sandbox_in(self.directory / "sandbox"))

    def measure(self, text: str) -> None:
        self.measured.append(text)

    def judge(self, holds: bool, text: str) -> None:
        """Judge a time. On a machine with more than twice its cores to do, one that is too long is not judged.

        :param text: what is said of it when it does not hold. :raises AssertionError: it does not.
        """
        if not holds:
            assert is_busy(), text
            self.measure(f"{NOT_JUDGED}: {text} ({busy()})")

    async def orders(
        self,
        accident: Accident,
        *,
        dsn: str | None = None,
        sandbox: SandboxProcess | None = None,
        faults: Mapping[str, Any] | None = None,
        span: float = 12.0,
        orders: int | None = None,
        **variables: object,
    ) -> Report:
        """Place orders while the accident happens, and compare all books at the end.

        :param span: seconds over which the orders begin.
        :raises AssertionError: says what is wrong.
        """
        dsn, sandbox = dsn or self.postgres().dsn("mystar"), sandbox or self.sandbox()
        plan = Plan(
            self.seed,
            orders or self.size(16, 120),
            kills=0,
            stars=4,
            customers=8,
            faults=faults or {},
            limit=self.size(360, 3600),
        )
        report = await run(plan, dsn, sandbox, self.directory / "service", _beside(accident, span), **variables)
        assert not report.problems, "\n".join([str(report), *self.measured])
        self.measure(
            f"{plan.orders} orders, {len(report.snapshot.acknowledged)} acknowledgements, {report.lost_answers} answers"
            f" lost, books right {report.recovery:.0f} s after the end"
        )
        return report


class Postgres:
    """A database server that is killed, stopped and started again, with one migrated database."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self._directory, self._settings = directory, settings
        #: The newest is used; those before were killed, and only hold their locks.
        self._servers: list[EmbeddedPostgres] = []

    def start(self) -> Postgres:
        self._servers.append(EmbeddedPostgres(self._directory, self._settings).start())
        if len(self._servers) == 1:
            self._servers[0].create_database("mystar")
            migrate(self.dsn("mystar"))
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def dsn(self, database: str) -> str:
        return self._servers[-1].dsn(database)

    def create(self, name: str) -> str:
        self._servers[-1].create_database(name)
        return self.dsn(name)

    @property
    def pid(self) -> int:
        """0 when it is not running."""
        file = self._directory / "cluster" / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(file.read_text().partition("\n")[0])
            with contextlib.suppress(OSError):
                os.kill(pid, 0)
                return pid
        return 0

    def kill(self) -> None:
        """SIGKILL for the server and every process of it."""
        pid = self.pid
        assert pid, "PostgreSQL is not running"
        for one in (pid, *children(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _beside(accident: Accident, span: float) -> Trouble:
    """Let the orders begin one after the other while the accident happens."""

    async def trouble(plan: Plan, deployment: Deployment, gate: asyncio.Semaphore, chance: random.Random) -> None:
        async def let_in() -> None:
            for _ in range(plan.orders):
                gate.release()
                await asyncio.sleep(span / plan.orders)

        # Orders may end while the accident goes on; what it finds wrong ends the run.
        entering = asyncio.create_task(let_in())
        try:
            await accident(deployment, chance)
            await entering
        finally:
            entering.cancel()

    return trouble


class AnonymousClient:
    """Looks at the service from outside, over a connection of its own each time."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def get(self, path: str) -> tuple[int, Mapping[str, str]]:
        """Status and headers; status 0 without an answer in twenty seconds."""
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(self._url + path) as answer:
                    await answer.read()
                    return answer.status, dict(answer.headers)
        return 0, {}

    async def status(self, path: str) -> int:
        return (await self.get(path))[0]

    async def text(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self._url + path) as answer:
            return await answer.text()

    async def until(self, path: str, status: int, limit: float) -> float:
        """Seconds until it answers so. :raises AssertionError: it does not in time."""
        began = time.monotonic()
        while (last := await self.status(path)) != status:
            assert time.monotonic() - began < limit, f"{path} is {last}, and not {status}, after {limit} s"
            await asyncio.sleep(0.1)
        return time.monotonic() - began


def busy() -> str:
    """How much the machine had to do besides."""
    return f"load {load():.1f} on {os.cpu_count() or 1} cores"


@contextlib.contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size, mounted on the directory. :raises NotHere: mounting is refused."""
    import subprocess

    directory.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        raise NotHere(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=False)


def fill(directory: Path) -> Path:
    """A file that takes all the room that is left."""
    file = directory / "ballast"
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as ballast:
        while True:
            ballast.write(bytes(65_536))
    assert shutil.disk_usage(directory).free < 262_144, "the disk is not full"
    return file
