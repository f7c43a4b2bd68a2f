"""What the sockets cost: ``python -m tests.bench.sockets``.

First, messages stored and delivered per second over 500 sockets in 250 conversations, and their times, beside a bare
handler that only stores and sends. Then how fast ten thousand sockets are opened, and their memory and idle time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psycopg2
import uvloop
from psycopg2.extras import execute_values

from mystar.kit.security.tokens import ACCESS, Tokens
from tests.bench.__main__ import memory
from tests.bench.node_server import is_possible as node_is_possible
from tests.bench.node_server import node
from tests.bench.socket_client import opened
from tests.bench.targets import database, pid
from tests.bench.workloads import postgres_time, processor_time
from tests.ports import unused_port
from tests.server_process import ROOT, SECRET_KEY, server_in

_LONG = timedelta(hours=1)
#: What was said before.
_HISTORY = """
    with said as (
        insert into messages (conversation_id, number, position, sender_id, text, sent_at)
        select id, number, number, low_id, 'Сообщение номер ' || number, now()
        from conversations, generate_series(1, 40) as number where last_number = 0
        returning conversation_id
    )
    update conversations set last_number = 40, position = 40, low_read = 40, high_read = 40
    where id in (select conversation_id from said)"""
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
    parser.add_argument("--watch", type=float, default=62.0, help="seconds to watch them (default 62, two heartbeats)")
    given = parser.parse_args()
    with database(1) as dsn, tempfile.TemporaryDirectory(prefix="mystar-bench-") as directory:
        pairs = new_pairs(dsn, given.talks)
        if given.rounds:
            print_talks(Path(directory), dsn, pairs, given.rounds, given.seconds)
        if given.idle:
            print_idle(Path(directory), dsn, pairs, given.idle, given.watch)


def print_talks(
    directory: Path, dsn: str, pairs: list[Any], rounds: int, seconds: float, a_second: float = 0
) -> dict[str, list[Turn]]:
    """:param a_second: messages, or 0 for as many as there can be."""
    turns: dict[str, list[Turn]] = {}
    with contextlib.ExitStack() as stack:
        servers, spent = _servers(stack, directory, dsn), postgres_time(dsn)
        for _ in range(rounds):
            for name, (port, pid_) in servers.items():
                turns.setdefault(name, []).append(_talk(port, pid_, spent, pairs, seconds, a_second))
    pace = f", {a_second:.0f} a second" if a_second else ""
    print(f"\n{2 * len(pairs)} sockets in {len(pairs)} conversations: stored and delivered to both{pace}")
    print(f"  {'':8}{'per second':>12}{'median, ms':>12}{'p99, ms':>10}{'server, ms':>12}{'PostgreSQL, ms':>16}")
    for name, its in turns.items():
        rate, median, p99, server, postgres = map(statistics.median, zip(*its, strict=True))
        print(f"  {name:8}{rate:12.0f}{median:12.1f}{p99:10.1f}{server:12.3f}{postgres:16.3f}", flush=True)
    return turns


class Turn(NamedTuple):
    """Messages per second, milliseconds until both have heard one, and milliseconds of a processor for each."""

    rate: float
    median: float
    p99: float
    server: float
    postgres: float


_UVLOOP = {"HTTP__EVENT_LOOP": "uvloop"}


def _servers(stack: contextlib.ExitStack, directory: Path, dsn: str) -> dict[str, tuple[int, int]]:
    """Ports and processes."""
    place = Path(tempfile.mkdtemp(dir=directory))
    mystar = stack.enter_context(server_in(place, DATABASE__URL=dsn, **_UVLOOP, **_VARIABLES))
    servers = {"mystar": (mystar.port, pid(mystar)), "bare": stack.enter_context(_bare(dsn))}
    if node_is_possible():
        other = stack.enter_context(node(directory, dsn))
        servers["node"] = other.port, other.pid
    return servers


def _talk(port: int, pid_: int, spent: Callable[[], float], pairs: list[Any], seconds: float, a_second: float) -> Turn:
    command = [sys.executable, "-m", "tests.bench.socket_client", str(port), str(seconds), str(a_second)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(orjson.dumps(pairs))
        client.stdin.close()
        # The first line says that all are open and talk.
        client.stdout.readline()
        server, postgres = processor_time(pid_), spent()
        line = client.stdout.readline()
        server, postgres = processor_time(pid_) - server, spent() - postgres
    if not line:
        raise SystemExit("the client of the sockets failed")
    found: dict[str, float] = orjson.loads(line)
    each = 1000 / (found["per_second"] * seconds)
    return Turn(found["per_second"], found["median_ms"], found["p99_ms"], server * each, postgres * each)


@contextlib.contextmanager
def _bare(dsn: str) -> Iterator[tuple[int, int]]:
    port = unused_port()
    command = [sys.executable, "-m", "tests.bench.bare_sockets", dsn, str(port), SECRET_KEY, "uvloop"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the bare server did not start"
            yield port, process.pid
        finally:
            process.kill()


def print_idle(directory: Path, dsn: str, pairs: list[Any], number: int, seconds: float) -> dict[str, Idle]:
    """Sockets spread over the conversations, as many to each; then a look at the process for some heartbeats."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, number + 500)), hard))
    paths, found = [path for pair in pairs for path in pair], {}
    print(f"\n{number} idle sockets")
    with contextlib.ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for name, (port, pid_) in _servers(stack, directory, dsn).items():
            found[name] = one = runner.run(_idle(port, paths, number, pid_, seconds))
            print(
                f"  {name:8}{one.opened:8.0f} opened a second, {one.server:.2f} ms of the server"
                f"{one.kilobytes:8.1f} KB each{one.share * 100:8.1f} % of a core",
                flush=True,
            )
    return found


class Idle(NamedTuple):
    """Sockets opened per second, milliseconds of the server for each, their kilobytes, and their share of a core."""

    opened: float
    server: float
    kilobytes: float
    share: float


async def _idle(port: int, paths: list[str], number: int, pid_: int, seconds: float) -> Idle:
    # What the first ones cost is not theirs.
    sockets = [await opened(port, paths[0], None) for _ in range(2)]
    before, used, began = memory(pid_), processor_time(pid_), time.monotonic()
    for start in range(0, number, 100):
        batch = range(start, min(start + 100, number))
        sockets += await asyncio.gather(*(opened(port, paths[place % len(paths)], None) for place in batch))
    rate, server = number / (time.monotonic() - began), (processor_time(pid_) - used) * 1000 / number
    await asyncio.sleep(2)
    used, began = processor_time(pid_), time.monotonic()
    await asyncio.sleep(seconds)
    share = (processor_time(pid_) - used) / (time.monotonic() - began)
    kilobytes = (memory(pid_) - before) * 1024 / number
    for socket in sockets:
        socket.close()
    return Idle(rate, server, kilobytes, share)


def new_pairs(dsn: str, talks: int) -> list[tuple[str, str]]:
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
        cursor.execute(_HISTORY)
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        # Plans are made when statements are first used, and must not be those of empty tables.
        cursor.execute("analyze")
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
