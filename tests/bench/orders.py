"""How much longer orders take when there are a hundred times as many: ``python -m tests.bench.orders``.

The rates beside a bare server are in ``scripts/bench`` itself.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.targets import Target, database, service
from tests.bench.workloads import Work, log_in, works

#: What is promised of the time when there is much, in times.
PROMISED = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.orders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="turns (default 20)")
    parser.add_argument("--few", type=int, default=400, help="creators, with five orders each (default 400)")
    parser.add_argument("--many", type=int, default=40_000, help="the same, much later (default 40000)")
    parser.add_argument("--requests", type=int, default=20, help="requests in a turn (default 20)")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        pair = []
        for number in (given.few, given.many):
            dsn = stack.enter_context(database(number))
            target = stack.enter_context(service(place / str(number), dsn, "uvloop"))
            username, asked = works(dsn)
            pair.append((target, log_in(target.port, username), [work for work in asked if work.signed_in]))
        print(f"p50 in milliseconds, {5 * given.few:,} and {5 * given.many:,} orders")
        for number in range(len(pair[0][2])):
            _print_growth([(one, token, asked[number]) for one, token, asked in pair], given.rounds, given.requests)


def _print_growth(pair: list[tuple[Target, str, Work]], rounds: int, requests: int) -> None:
    times: list[list[float]] = [[], []]
    for turn in range(rounds + 1):
        for (target, token, work), its_times in zip(pair, times, strict=True):
            taken = _taken(target.port, token, work, requests)
            # The first turn fills caches and is not counted.
            its_times.extend(taken if turn else ())
    few, many = (statistics.median(its_times) * 1000 for its_times in times)
    title = pair[0][2].title
    print(f"  {title:32} {few:8.2f} {many:8.2f}   {many / few:.2f} times, at most {PROMISED} are promised")


def _taken(port: int, token: str, work: Work, requests: int) -> list[float]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    times = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        for _ in range(requests):
            began = time.perf_counter()
            client.request("POST" if work.body else "GET", work.path, work.body or None, headers)
            answer = client.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            assert answer.status in (200, 201), answer.status
    return times


if __name__ == "__main__":
    main()
