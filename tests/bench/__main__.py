"""Measures, in one run and in turns, so that whatever else the machine does meets everybody alike."""

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
from typing import Any

import orjson
import psycopg2

from mystar.demo.fixtures import PASSWORD
from mystar.kit.web.http import dumps
from tests.bench.addresses import CATALOGUE, LIST, ORDER, SEARCH, WORDS
from tests.bench.subjects import Subject, bare, database, service
from tests.server_process import ROOT

CONNECTIONS = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--stars", type=int, default=200, help="how many stars there are (default 200)")
    parser.add_argument("--rounds", type=int, default=5, help="how often everybody takes a turn (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (default 2)")
    parser.add_argument("--pairs", type=int, default=100, help="failed log-ins of both kinds (default 100)")
    given = parser.parse_args()
    with database(given.stars) as dsn, contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        subjects = [
            stack.enter_context(start(directory, dsn, loop))
            for loop in ("uvloop", "asyncio")
            for start in (service, bare)
        ]
        ours = subjects[0]
        print(f"idle process                         {memory(ours.pid):6.1f} MB")
        buyer, order_id = _somebody_with_an_order(dsn)
        token = _log_in(ours.port, buyer)
        for title, path, bearer in (
            (f"GET {LIST}", LIST, ""),
            (f"GET {ORDER}", f"{ORDER}?order_id={order_id}", token),
            (f"GET {CATALOGUE}", CATALOGUE, ""),
            (f"GET {CATALOGUE}?search={WORDS}", SEARCH, ""),
        ):
            _print_turns(title, _turns(subjects, path, bearer, given.rounds, given.seconds))
        print(f"\nprocess after the load               {memory(ours.pid):6.1f} MB")
        _print_json(_fetch(ours.port, LIST))
        _print_logins(ours.port, f"{ORDER}?order_id={order_id}", token, buyer, 2 * given.seconds, given.pairs)


def _turns(subjects: list[Subject], path: str, token: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Answers per second by subject, one number a round; a first round that does not count warms everybody up."""
    rates: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for number in range(rounds + 1):
        for subject in subjects:
            length = seconds if number else 0.5
            command = [sys.executable, "-m", "tests.bench.load"]
            command += [str(subject.port), path, token, str(length), str(CONNECTIONS)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{subject.name}: {done.stderr}")
            if number:
                rates[subject.name].append(float(done.stdout))
    return rates


def _print_turns(title: str, rates: dict[str, list[float]]) -> None:
    print(f"\n{title}  (requests per second: median, least, most)")
    for name, numbers in rates.items():
        print(f"  {name:32} {statistics.median(numbers):8.0f} {min(numbers):8.0f} {max(numbers):8.0f}")
    for loop in ("uvloop", "asyncio"):
        pairs = zip(rates[f"mystar, {loop}"], rates[f"bare, {loop}"], strict=True)
        print(f"  mystar to bare, {loop:16} {statistics.median(ours / bare for ours, bare in pairs):8.2f}")


def _print_json(body: bytes) -> None:
    data = orjson.loads(body)
    print(f"\nThe same list as JSON, {len(body) / 1024:.0f} KiB  (microseconds)")
    for name, encode in (("json", lambda: json.dumps(data).encode()), ("orjson", lambda: dumps(data))):
        print(f"  {name:32} {_microseconds(encode):8.0f}")


def _print_logins(port: int, path: str, token: str, username: str, seconds: float, pairs: int) -> None:
    command = [sys.executable, "-m", "tests.bench.logins", str(port), path, token, username, PASSWORD]
    done = subprocess.run([*command, str(seconds), str(pairs)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(done.stdout)
    times = seen["busy_p99"] / seen["quiet_p99"]
    print(f"\nA plain read while 16 clients log in, {seen['logins_per_second']:.1f} a second  (milliseconds)")
    print(f"  p99 without log-ins              {seen['quiet_p99']:8.1f}")
    print(f"  p99 meanwhile                    {seen['busy_p99']:8.1f}   {times:.1f} times, fewer than 5 are promised")
    print(f"\nA log-in that fails, {pairs} pairs in turns  (milliseconds, mean)")
    print(f"  existing account                 {seen['known_mean']:8.1f}")
    print(f"  unknown account                  {seen['unknown_mean']:8.1f}   fewer than 5 apart are promised")


def _microseconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(200):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def _somebody_with_an_order(dsn: str) -> tuple[str, int]:
    """The user name of a buyer, and the id of an order of his."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select accounts.username, orders.id from orders join accounts on accounts.id = orders.buyer_id"
            " where orders.status = 'accepted' order by orders.id limit 1"
        )
        username, order_id = cursor.fetchone()
        return str(username), int(order_id)


def _log_in(port: int, username: str) -> str:
    body = json.dumps({"username": username, "password": PASSWORD}).encode()
    answer: dict[str, Any] = orjson.loads(_fetch(port, "/api/auth/token/", body))
    return str(answer["access"])


def _fetch(port: int, path: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def memory(pid: int) -> float:
    """Megabytes of the process that are in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
