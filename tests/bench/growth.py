"""How much longer the same questions take when there is a hundred times as much: the catalogue must not notice.

One after another over one open connection, in turns between the two, so that the machine's moods meet both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.addresses import CATALOGUE, CHEAP, FILTERED, MISSPELT, RARE, SEARCH
from tests.bench.targets import Target, database, service

#: What is promised of each, in times.
MOST = 1.5
QUESTIONS = {
    "the first page": CATALOGUE,
    "a category and a price range": FILTERED,
    "the cheapest": CHEAP,
    "a search for what many have": SEARCH,
    "a search for what few have": RARE,
    "a misspelt search": MISSPELT,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--few", type=int, default=500, help="creators, with four services each (default 500)")
    parser.add_argument("--many", type=int, default=50_000, help="the same, much later (default 50000)")
    parser.add_argument("--rounds", type=int, default=20, help="turns (default 20)")
    parser.add_argument("--requests", type=int, default=20, help="requests in a turn (default 20)")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        pair = [
            stack.enter_context(service(place / str(number), stack.enter_context(database(number)), "uvloop"))
            for number in (given.few, given.many)
        ]
        print(f"p50 in milliseconds, {4 * given.few:,} and {4 * given.many:,} services")
        for title, path in QUESTIONS.items():
            few, many = _medians(pair, path, given.rounds, given.requests)
            # Where nothing fits a slip, more is tried; that is bounded, too, and nothing is promised of it.
            promised = "" if path == MISSPELT else f", at most {MOST} are promised"
            print(f"  {title:32} {few:8.2f} {many:8.2f}   {many / few:.2f} times{promised}")


def _medians(pair: list[Target], path: str, rounds: int, requests: int) -> list[float]:
    times: list[list[float]] = [[] for _ in pair]
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", one.port))) for one in pair
        ]
        for number in range(rounds + 1):
            for connection, its_times in zip(connections, times, strict=True):
                taken = [_asked(connection, path) for _ in range(requests)]
                # The first round fills caches and is not counted.
                its_times.extend(taken if number else ())
    return [statistics.median(its_times) * 1000 for its_times in times]


def _asked(connection: http.client.HTTPConnection, path: str) -> float:
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
