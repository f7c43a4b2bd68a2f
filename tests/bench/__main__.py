"""Measures the works of the service beside other servers, in turns, so that other load of the machine meets all."""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import orjson

from mystar.demo.fixtures import PASSWORD
from mystar.kit.web.http import dumps
from tests.bench.addresses import LIST
from tests.bench.node_server import is_possible, node
from tests.bench.targets import Target, bare, database, service
from tests.bench.workloads import ORDERS, Turn, Work, in_turns, log_in, median, postgres_time, ratio, works
from tests.server_process import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--creators", type=int, default=400, help="creators, with five orders each (default 400)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (default 2)")
    parser.add_argument("--pairs", type=int, default=100, help="failed log-ins of both kinds (default 100; 0 = none)")
    given = parser.parse_args()
    with database(given.creators) as dsn, contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        ours, *others = started(stack, directory, dsn)
        print(f"idle process                         {memory(ours.pid):6.1f} MB")
        username, asked = works(dsn)
        token, spent = log_in(ours.port, username), postgres_time(dsn)
        print(f"\n{'':28}{'requests/s':>12}{'server, ms':>12}{'PostgreSQL, ms':>16}")
        for work in asked:
            print_turns(work, in_turns(work, (ours, *others), token, given.rounds, given.seconds, spent))
        print(f"\nprocess after the load               {memory(ours.pid):6.1f} MB")
        _print_json(_fetch(ours.port, LIST))
        if given.pairs:
            order = next(work.path for work in asked if work.path.startswith(ORDERS) and work.path != ORDERS)
            _print_logins(ours.port, order, token, username, 2 * given.seconds, given.pairs)


def started(stack: contextlib.ExitStack, directory: Path, dsn: str) -> list[Target]:
    """The service, the bare server, and the one in Node where there is one."""
    targets = [stack.enter_context(start(directory, dsn, "uvloop")) for start in (service, bare)]
    return [*targets, stack.enter_context(node(directory, dsn))] if is_possible() else targets


def print_turns(work: Work, turns: dict[str, list[Turn]]) -> None:
    print(work.title)
    for name, its_turns in turns.items():
        turn = median(its_turns)
        more = "" if name == "mystar" else f"   mystar is {ratio(turns['mystar'], its_turns):.2f} times as fast"
        print(f"  {name:26}{turn.rate:12.0f}{turn.server:12.2f}{turn.postgres:16.2f}{more}", flush=True)


def _print_json(body: bytes) -> None:
    data = orjson.loads(body)
    print(f"\nThe list of stars as JSON, {len(body) / 1024:.0f} KiB  (microseconds)")
    for name, encode in (("json", lambda: json.dumps(data).encode()), ("orjson", lambda: dumps(data))):
        print(f"  {name:32} {_microseconds(encode):8.0f}")


def _print_logins(port: int, path: str, token: str, username: str, seconds: float, pairs: int) -> None:
    command = [sys.executable, "-m", "tests.bench.logins", str(port), path, token, username, PASSWORD]
    done = subprocess.run([*command, str(seconds), str(pairs)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(done.stdout)
    times = seen["busy_p99"] / seen["quiet_p99"]
    print(f"\nA read while 16 clients log in, {seen['logins_per_second']:.1f} a second  (milliseconds)")
    print(f"  reads meanwhile                  {100 * seen['kept']:8.0f} %")
    print(f"  p99 without log-ins              {seen['quiet_p99']:8.1f}")
    print(f"  p99 meanwhile                    {seen['busy_p99']:8.1f}   {times:.1f} times, fewer than 5 are promised")
    print(f"\nA failed log-in, {pairs} pairs in turns  (milliseconds, mean)")
    print(f"  an existing account              {seen['known_mean']:8.1f}")
    print(f"  no account                       {seen['unknown_mean']:8.1f}   fewer than 5 apart are promised")


def _microseconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(200):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def _fetch(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return bytes(answer.read())


def memory(pid: int) -> float:
    """Megabytes of the process that are in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
