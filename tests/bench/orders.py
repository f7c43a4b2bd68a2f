"""What orders cost: ``python -m tests.bench.orders``.

First, orders read and orders placed per second beside a bare handler of the same statements. Then, how much longer
either takes when there are a hundred times as many orders.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from aiohttp.test_utils import unused_port

from mystar.demo.fixtures import PASSWORD
from tests.bench.subjects import Subject, database, service
from tests.server_process import ROOT, SECRET_KEY

#: What is promised of the rate beside the bare handler, and of the time when there is much.
LEAST, MOST = 0.6, 1.5
CONNECTIONS = 16
ORDERS = "/api/v1/orders/"

#: A buyer with an order of a service, and a service with options that he may order; its creator gets no mails, which
#: would be the other half of the load and have nothing to do with the answer.
_BUYER = """
    select accounts.username, orders.id, orders.service_id from orders
    join accounts on accounts.id = orders.buyer_id
    where orders.kind = 'service' and orders.status = 'completed'
        and exists (select from service_options where service_id = orders.service_id)
    order by orders.id desc limit 1"""
_NO_MAIL = """
    update accounts set email = null, email_key = null where id = (
        select account_id from creators join services on services.creator_id = creators.id where services.id = %s)"""


@dataclass(frozen=True)
class Asked:
    """One request: ``body`` empty = a GET."""

    title: str
    path: str
    body: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.orders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everybody takes a turn (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (default 2)")
    parser.add_argument("--few", type=int, default=400, help="creators, with five orders each (default 400)")
    parser.add_argument("--many", type=int, default=40_000, help="the same, much later (default 40000; 0 = do not ask)")
    parser.add_argument("--requests", type=int, default=20, help="requests in a turn of the second part (default 20)")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-bench-")))
        dsn = stack.enter_context(database(given.few))
        ours = stack.enter_context(service(place / "few", dsn, "uvloop"))
        bare = stack.enter_context(_bare(dsn))
        token, questions = _prepare(dsn, ours)
        for asked in questions:
            _print_rates(asked, [ours, bare], token, given.rounds, given.seconds)
        if given.many:
            much = stack.enter_context(database(given.many))
            later = stack.enter_context(service(place / "many", much, "uvloop"))
            _print_growth([(ours, token, questions), (later, *_prepare(much, later))], given)


def _prepare(dsn: str, subject: Subject) -> tuple[str, tuple[Asked, ...]]:
    """A customer's token, and the requests made with it."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_BUYER)
        username, order_id, service_id = cursor.fetchone()
        cursor.execute("select id from service_options where service_id = %s", (service_id,))
        options = [option for (option,) in cursor.fetchall()]
        cursor.execute(_NO_MAIL, (service_id,))
    draft = {"service_id": service_id, "requirements": "Две минуты, без музыки", "selected_option_ids": options}
    return _log_in(subject.port, username), (
        Asked("an order read", f"{ORDERS}{order_id}/", ""),
        Asked("an order placed", ORDERS, json.dumps(draft)),
    )


def _log_in(port: int, username: str) -> str:
    door = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"username": username, "password": PASSWORD})
    door.request("POST", "/api/auth/token/", body, {"Content-Type": "application/json"})
    token: str = json.loads(door.getresponse().read())["access"]
    return token


@contextlib.contextmanager
def _bare(dsn: str) -> Iterator[Subject]:
    port = unused_port()
    command = [sys.executable, "-m", "tests.bench.bare_orders", dsn, str(port), SECRET_KEY, "uvloop"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the bare server did not start"
            yield Subject("bare, uvloop", port, process.pid)
        finally:
            process.kill()


def _print_rates(asked: Asked, subjects: list[Subject], token: str, rounds: int, seconds: float) -> None:
    rates: list[list[float]] = [[] for _ in subjects]
    for number in range(rounds + 1):
        for subject, its_rates in zip(subjects, rates, strict=True):
            length = str(seconds if number else 0.5)
            command = [sys.executable, "-m", "tests.bench.load", str(subject.port), asked.path, token, length]
            done = subprocess.run(
                [*command, str(CONNECTIONS), asked.body], cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"{subject.name}: {done.stderr}")
            its_rates.extend([float(done.stdout)] if number else [])
    print(f"\n{asked.title}  (per second: median, least, most)")
    for subject, its_rates in zip(subjects, rates, strict=True):
        print(f"  {subject.name:32} {statistics.median(its_rates):8.0f} {min(its_rates):8.0f} {max(its_rates):8.0f}")
    share = statistics.median(ours / bare for ours, bare in zip(*rates, strict=True))
    print(f"  mystar to bare                   {share:8.2f}   at least {LEAST} is promised")


def _print_growth(subjects: list[tuple[Subject, str, tuple[Asked, ...]]], given: argparse.Namespace) -> None:
    print(f"\np50 in milliseconds, {5 * given.few:,} and {5 * given.many:,} orders")
    for number, asked in enumerate(subjects[0][2]):
        times: list[list[float]] = [[] for _ in subjects]
        for turn in range(4 * given.rounds + 1):
            for (subject, token, questions), its_times in zip(subjects, times, strict=True):
                taken = _taken(subject.port, token, questions[number], given.requests)
                # The first turn fills caches and is not counted.
                its_times.extend(taken if turn else ())
        few, many = (statistics.median(its_times) * 1000 for its_times in times)
        print(f"  {asked.title:32} {few:8.2f} {many:8.2f}   {many / few:.2f} times, at most {MOST} are promised")


def _taken(port: int, token: str, asked: Asked, requests: int) -> list[float]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    times = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as door:
        for _ in range(requests):
            began = time.perf_counter()
            door.request("POST" if asked.body else "GET", asked.path, asked.body or None, headers)
            answer = door.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            assert answer.status in (200, 201), answer.status
    return times


if __name__ == "__main__":
    main()
