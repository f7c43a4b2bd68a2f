"""What the sockets cost: ``python -m tests.bench.sockets``.

First, messages stored and delivered per second over 500 sockets in 250 conversations, and their times, beside a bare
handler that only stores and sends. Then the memory and the idle time of a process with ten thousand open sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg2
import uvloop
from psycopg2.extras import execute_values

from mystar.kit.security.tokens import ACCESS, Tokens
from tests.bench.__main__ import memory
from tests.bench.socket_client import opened
from tests.bench.targets import database, pid
from tests.ports import unused_port
from tests.server_process import ROOT, SECRET_KEY, server_in

_LONG = timedelta(hours=1)
_VARIABLES = {
    "DATABASE__POOL_SIZE": 10,
    "PAYMENTS__POLL_SECONDS": 60,
    "LIMITS__ENABLED": "false",
    "SOCKETS__FRAMES_PER_MINUTE": 10_000_000,
    "SOCKETS__SWEEP_SECONDS": 5,
    "SOCKETS__RECHECK_SECONDS": 30,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sockets", description=__doc__)
    parser.add_argument("--talks", type=int, default=250, help="conversations of two sockets each (default 250)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each server (default 5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a turn (default 4)")
    parser.add_argument("--idle", type=int, default=10_000, help="sockets that only listen (default 10,000)")
    given = parser.parse_args()
    with database(1) as dsn, contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        pairs = _pairs(dsn, given.talks)
        if given.rounds:
            _print_talks(stack, directory, dsn, pairs, given.rounds, given.seconds)
        if given.idle:
            _print_idle(directory, dsn, pairs, given.idle)


def _print_talks(
    stack: contextlib.ExitStack, directory: Path, dsn: str, pairs: list[Any], rounds: int, seconds: float
) -> None:
    mystar = stack.enter_context(server_in(_place(directory, "market"), DATABASE__URL=dsn, **_UVLOOP, **_VARIABLES))
    ports = {"mystar": mystar.port}
    ports["bare"] = stack.enter_context(_bare(dsn))
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            turns[name].append(_talk(port, pairs, seconds))
    print(f"\n{2 * len(pairs)} sockets in {len(pairs)} conversations: stored and delivered  (per second, ms)")
    for name, numbers in turns.items():
        rate, median, p99 = (
            statistics.median(turn[key] for turn in numbers) for key in ("per_second", "median_ms", "p99_ms")
        )
        print(f"  {name:32} {rate:8.0f}   median {median:6.1f}   p99 {p99:6.1f}")
    for name in list(ports)[1:]:
        ratios = [
            ours["per_second"] / bare["per_second"] for ours, bare in zip(turns["mystar"], turns[name], strict=True)
        ]
        print(f"  mystar to {name:22} {statistics.median(ratios):8.2f}")
    print(f"  the process of mystar            {memory(pid(mystar)):8.1f} MB")


_UVLOOP = {"HTTP__EVENT_LOOP": "uvloop"}


def _talk(port: int, pairs: list[Any], seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.socket_client", str(port), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, input=orjson.dumps(pairs), capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    found: dict[str, float] = orjson.loads(done.stdout)
    return found


@contextlib.contextmanager
def _bare(dsn: str) -> Iterator[int]:
    port = unused_port()
    command = [sys.executable, "-m", "tests.bench.bare_sockets", dsn, str(port), SECRET_KEY, "uvloop"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the bare server did not start"
            yield port
        finally:
            process.kill()


def _print_idle(directory: Path, dsn: str, pairs: list[Any], number: int) -> None:
    """Sockets spread over the conversations, as many to each; then a look at the process for two heartbeats."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, number + 500)), hard))
    with server_in(_place(directory, "idle"), DATABASE__URL=dsn, **_UVLOOP, **_VARIABLES) as server:
        before = memory(pid(server))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            share = runner.run(_idle(server.port, [path for pair in pairs for path in pair], number, pid(server)))
        print(f"\n{number} idle sockets  (before: {before:.1f} MB)")
        print(f"  memory of the process            {share['megabytes']:8.1f} MB")
        print(f"  of one core, heartbeats included {share['cpu'] * 100:8.1f} %")


async def _idle(port: int, paths: list[str], number: int, pid: int) -> dict[str, float]:
    sockets = []
    for start in range(0, number, 100):
        batch = range(start, min(start + 100, number))
        sockets += await asyncio.gather(*(opened(port, paths[place % len(paths)], None) for place in batch))
    await asyncio.sleep(2)
    before, began = _cpu(pid), time.monotonic()
    await asyncio.sleep(62)
    return {"megabytes": memory(pid), "cpu": (_cpu(pid) - before) / (time.monotonic() - began)}


def _cpu(pid: int) -> float:
    """Seconds that the process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _place(directory: Path, name: str) -> Path:
    place = directory / name
    place.mkdir()
    return place


def _pairs(dsn: str, talks: int) -> list[tuple[str, str]]:
    """New people, their sessions and conversations; of each the addresses of its two sockets, tokens included."""
    now, tokens = datetime.now(UTC), Tokens(SECRET_KEY)
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        people = execute_values(
            cursor,
            "insert into accounts (username, username_key, password_hash, created_at) values %s returning id",
            [(f"talker-{number}", f"talker-{number}", "*", now) for number in range(2 * talks)],
            fetch=True,
            page_size=10_000,
        )
        ids = [row[0] for row in people]
        sessions = {account_id: uuid.uuid4() for account_id in ids}
        execute_values(
            cursor,
            "insert into sessions (id, account_id, door, created_at, authenticated_at, expires_at) values %s",
            [(str(session), account_id, "market", now, now, now + _LONG) for account_id, session in sessions.items()],
        )
        couples = list(zip(ids[::2], ids[1::2], strict=True))
        rows = execute_values(
            cursor,
            "insert into conversations (low_id, high_id, starter_id) values %s returning id",
            [(one, other, one) for one, other in couples],
            fetch=True,
            page_size=10_000,
        )
    access = {
        account_id: tokens.issue(
            ACCESS, account_id=account_id, session_id=session, user_name="", issued_at=now, expires_at=now + _LONG
        )
        for account_id, session in sessions.items()
    }
    return [
        (f"/ws/conversations/{row[0]}/?token={access[one]}", f"/ws/conversations/{row[0]}/?token={access[other]}")
        for row, (one, other) in zip(rows, couples, strict=True)
    ]


if __name__ == "__main__":
    main()
