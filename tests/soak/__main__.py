"""Steady mixed load over a database server of its own; the exit code is 1 when the service grows beyond the bounds.

    python -m tests.soak --minutes 10
    python -m tests.soak --minutes 60      # before a release

Besides memory, descriptors, tasks and dead rows, the log is read: a connection that was not closed, a task whose error
was never seen and a traceback are failures, and so is a request that failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.database import reachable_directory
from tests.harness.run import Deployment, chosen_seed
from tests.harness.service import Service
from tests.promises.faults.environment import Postgres, busy
from tests.promises.origin import is_busy
from tests.promises.proofs import NOT_JUDGED
from tests.sandbox_process import SandboxClient, sandbox_in
from tests.soak.load import Done, Load
from tests.soak.watch import Bounds, Sample, Watch, slope, violations

_DEFECTS = re.compile(r"Traceback \(most recent call last\)|never retrieved|Unclosed|was never awaited")
#: As in production. Sessions of the database are seen by autovacuum every few seconds instead of every minute.
_SETTINGS = {"HTTP__EVENT_LOOP": "uvloop", "DATABASE__POOL_SIZE": 10, "SOCKETS__SWEEP_SECONDS": 5}
_POSTGRES = {"fsync": "off", "max_connections": "60", "autovacuum_naptime": "10s"}


@click.command(help=__doc__)
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.2))
@click.option("--seed", type=int, help="Repeats a run.")
def main(minutes: float, seed: int | None) -> None:
    seed = chosen_seed() if seed is None else seed
    # A process that has just started grows for a while: the shorter the run, the less a slope says.
    bounds = Bounds(slope=60.0 if minutes >= 10 else 600.0 / minutes)
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="mystar-soak-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        click.echo(f"MYSTAR_SEED={seed}, {minutes:g} minutes, working in {directory}")
        postgres = Postgres(stack.enter_context(reachable_directory("mystar-soak-")), _POSTGRES)
        stack.callback(postgres.stop)
        sandbox = stack.enter_context(sandbox_in(directory / "sandbox"))
        dsn = postgres.start().dsn("mystar")
        done, samples, defects = asyncio.run(_run(minutes * 60, dsn, sandbox, directory / "service", seed))
    problems, failures = [*violations(samples, bounds), *defects], done.failures[:5]
    for problem in problems + failures:
        click.echo(f"  {problem}")
    if not is_busy():
        # The service refuses what it cannot carry; on a busy machine that is less than the load.
        problems += failures
    unjudged = f"; {NOT_JUDGED}: {len(done.failures)} requests were refused" if failures and not problems else ""
    click.echo(f"{'FAILED: ' + problems[0] + '; ' if problems else ''}{_figure(minutes, done, samples)}{unjudged}")
    sys.exit(1 if problems else 0)


async def _run(
    seconds: float, dsn: str, sandbox: SandboxClient, directory: Path, seed: int
) -> tuple[Done, list[Sample], list[str]]:
    deployment = Deployment(dsn, sandbox, directory, seed, **_SETTINGS)
    try:
        await deployment.open()
        stars, customers = await deployment.register_people(4, 12)
        watch = Watch(deployment.service.pid, deployment.service.url, dsn)
        watching = asyncio.create_task(watch.run())
        done = await Load(deployment, stars, customers, seed, time.monotonic() + seconds).run()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        ended = _stopped(deployment.service)
        said = await asyncio.to_thread(deployment.service.log.read_text, errors="replace")
    finally:
        deployment.service.kill()
    defects = [f"the log has {len(found)} times {found[0]!r}" for found in [_DEFECTS.findall(said)] if found]
    return done, watch.samples, defects + ended


def _stopped(service: Service) -> list[str]:
    """What was wrong with the end of the service."""
    try:
        code = service.stop()
    except subprocess.TimeoutExpired as late:
        return [] if is_busy() else [f"the service had not stopped after {late.timeout} s"]
    return [f"the service ended with exit code {code}"] if code else []


def _figure(minutes: float, done: Done, samples: list[Sample]) -> str:
    first, last = samples[0], samples[-1]
    return (
        f"{minutes:g} min, {done}: memory {first.memory:.0f} to {last.memory:.0f} MB, slope {slope(samples):+.1f} MB/h"
        f" after the warm-up; descriptors {first.descriptors} to {last.descriptors}, threads {last.threads},"
        f" tasks {first.tasks} to {last.tasks}, dead rows {last.dead:.0f} %; {len(done.failures)} failures ({busy()})"
    )


if __name__ == "__main__":
    main()
