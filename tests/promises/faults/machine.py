"""The machine of the service: its disk, its descriptors, its clock, its processes, and Redis."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from mystar.app import create_app
from mystar.kit.background import cancel_and_wait
from mystar.kit.postgres import embedded
from mystar.settings import load_settings
from tests import programs
from tests.api_server import ApiTestServer
from tests.harness.run import Deployment
from tests.ports import unused_port
from tests.promises.faults.environment import AnonymousClient, Environment, NotHere, busy, fill, small_disk
from tests.realtime.run import Plan as TalkPlan
from tests.realtime.run import prepared
from tests.realtime.run import run as run_talks
from tests.server_process import environment

_HOUR = 3600
#: Where Debian's package libfaketime puts the library.
_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


async def restarts(env: Environment) -> None:
    """The service is killed and started again, as a supervisor does: serving in 3 s, ready in 5 s (O1)."""
    port, serving, ready = unused_port(), list[float](), list[float]()
    given = {"DATABASE__URL": env.postgres().dsn("mystar"), "HTTP__PORT": port, "HTTP__EVENT_LOOP": "uvloop"}
    client = AnonymousClient(f"http://127.0.0.1:{port}")
    for _ in range(env.size(5, 50) + 1):
        began = time.monotonic()
        # Not a fork of an imported program, as elsewhere in tests: the time of the imports is what is measured.
        with _started(environment(env.directory, **given), env.directory / "service.log") as process:
            serving.append(await client.until("/healthz", 200, 60))
            await client.until("/readyz", 200, 60)
            ready.append(time.monotonic() - began)
            process.kill()
    # The first was no restart.
    del serving[0], ready[0]
    slowest = f"serving after {max(serving):.1f} s, ready after {max(ready):.1f} s at most"
    env.measure(f"{len(ready)} kills: {slowest} ({busy()})")
    env.judge(max(serving) <= 3 and max(ready) <= 5, f"{slowest}, 3 s and 5 s are promised")


@contextlib.contextmanager
def _started(variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mystar", "serve"], env=variables, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


async def disk_full(env: Environment) -> None:
    """The disk of the files fills up and then takes no writes, under orders: refused aloud, nothing half kept (O6)."""
    # `check` wants a gigabyte that is free, at the end.
    data = env.stack.enter_context(small_disk(env.directory / "service" / "var", 1200))

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(2, 4))
        ballast, began = await asyncio.to_thread(fill, data), time.monotonic()
        while '"full"' not in await client.text("/readyz"):
            assert time.monotonic() - began < 30, "a full disk is not told"
            await asyncio.sleep(0.1)
        full = time.monotonic() - began
        await _others_go_on(client, "the disk is full")
        ballast.unlink()
        await asyncio.sleep(env.size(2, 10))
        _remount(data, "ro")
        await client.until("/readyz", 503, 30)
        await _others_go_on(client, "the disk is read-only")
        _remount(data, "rw")
        healed = await client.until("/readyz", 200, 60)
        env.measure(f"told {full:.1f} s after the disk was full, ready {healed:.1f} s after it could be written")

    await env.orders(accident, STORAGE__MIN_FREE_DISK=100_000)


async def _others_go_on(client: AnonymousClient, what: str) -> None:
    for _ in range(6):
        for path in ("/healthz", "/api/v1/services/", "/api/v1/categories/"):
            status = await client.status(path)
            assert status == 200, f"{path} is {status} while {what}"
        await asyncio.sleep(0.5)


def _remount(place: Path, how: str) -> None:
    done = subprocess.run(["mount", "-o", f"remount,{how}", str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"a file system cannot be remounted here: {done.stderr.strip()}")


async def descriptors(env: Environment) -> None:
    """20 descriptors are left, and clients keep connections open: no crash, said, and over when they go (O6)."""

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        service, client = deployment.service, AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(2, 4))
        used = len(os.listdir(f"/proc/{service.pid}/fd"))
        before = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (used + 20, before[1]))
        clients = [await _idle(service.port) for _ in range(60)]
        await asyncio.sleep(env.size(8, 30))
        most = len(os.listdir(f"/proc/{service.pid}/fd"))
        for writer in clients:
            writer.close()
        answered = await client.until("/healthz", 200, 30)
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, before)
        await client.until("/readyz", 200, 30)
        assert most <= used + 20
        lines = len((await asyncio.to_thread(service.log.read_text, errors="replace")).splitlines())
        assert lines < 500, f"the log has {lines} lines of it"
        env.measure(
            f"{used} of {used + 20} descriptors in use, 60 further connections; healthy {answered:.1f} s after them;"
            f" {lines} lines in the log"
        )

    # As in production; asyncio's own loop writes an error for each connection that it cannot accept.
    await env.orders(accident, HTTP__EVENT_LOOP="uvloop")


async def _idle(port: int) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    return writer


@contextlib.contextmanager
def _false_clock(file: Path) -> Iterator[None]:
    """PostgreSQL and the service, if they are started inside, read their clock through the file."""
    preload = {
        "LD_PRELOAD": str(_FAKETIME[-1]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    plain = subprocess.run

    def run(command: Any, **options: Any) -> Any:
        if isinstance(options.get("env"), dict):
            options["env"] = {**options["env"], **preload}
        return plain(command, **options)

    with mock.patch.object(embedded.subprocess, "run", run), mock.patch.dict(os.environ, preload):
        # Programs are forks of one that was started before, with the true clock.
        programs._fork_server.cache_clear()
        yield


async def clock(env: Environment) -> None:
    """The clock of service and PostgreSQL steps an hour on, back, an hour back and on again, under orders (O6)."""
    if not _FAKETIME:
        raise NotHere("libfaketime is not installed (Debian: libfaketime)")
    file = env.directory / "clock"

    def show(seconds: int) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.chmod(0o644)
        fresh.rename(file)

    show(0)
    sandbox = env.sandbox()
    steps = (0, _HOUR, 0, -_HOUR, 0)

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        for step in steps:
            show(step)
            for _ in range(env.size(5, 20)):
                for path in ("/healthz", "/api/v1/services/"):
                    status = await client.status(path)
                    assert status == 200, f"{path} is {status} while the clock is off by {step} s"
                await asyncio.sleep(0.5)
        said = await asyncio.to_thread(deployment.service.log.read_text, errors="replace")
        assert "the clock was set back" in said, "the service has read the true clock"

    with _false_clock(file):
        dsn = env.postgres().dsn("mystar")
        await env.orders(accident, dsn=dsn, sandbox=sandbox, span=env.size(10, 60))
    env.measure("steps of +1 h, −1 h, −1 h, +1 h of both clocks")


class Redis:
    """A server of its own that is killed and started again on the same port. Nothing of it is kept."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise NotHere("redis-server is not installed (Debian: redis-server)")
        self._program, self._directory, self.port = program, directory, unused_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self._directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None


async def redis_killed(env: Environment) -> None:
    """Redis, bus of three processes, is killed while people talk: every message once, in order (T1)."""
    redis, chance, kills = Redis(env.directory), random.Random(env.seed), 0
    redis.start()
    env.stack.callback(redis.kill)
    dsn = env.postgres().dsn("mystar")
    given = {"DATABASE__URL": dsn, "BUS__URL": redis.url, "SOCKETS__FRAMES_PER_MINUTE": 100_000}
    variables = environment(env.directory, **given)
    with mock.patch.dict(os.environ, variables):
        app = await create_app(load_settings(), dsn)
        async with ApiTestServer(app):
            talks = await prepared(app, env.size(6, 30))

    async def accidents() -> None:
        nonlocal kills
        while True:
            await asyncio.sleep(chance.uniform(0.3, 1))
            redis.kill()
            kills += 1
            await asyncio.sleep(chance.uniform(0, 1))
            redis.start()

    plan = TalkPlan(env.seed, len(talks), env.size(400, 1000), devices=2, kills=1, cuts=10)
    killing = asyncio.create_task(accidents())
    try:
        report = await run_talks(plan, talks, variables, env.directory / "servers.log")
    finally:
        await cancel_and_wait(killing)
    assert kills > 1, f"people had stopped talking before Redis was killed twice: {report}"
    env.measure(f"{plan.talks * plan.messages} messages, {kills} kills of Redis: {report}")
