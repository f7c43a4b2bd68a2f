"""The works that are measured: addresses, bodies, and how they are asked of several servers in turns."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from mystar.demo.fixtures import PASSWORD
from tests.bench.addresses import CATALOGUE, LIST, SEARCH
from tests.bench.targets import Target
from tests.server_process import ROOT

CONNECTIONS = 16
ORDERS = "/api/v1/orders/"
_TICKS = os.sysconf("SC_CLK_TCK")

#: A buyer with an order of a service, and a service with options to order; its creator gets no mails, which would be
#: the other half of the load.
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
class Work:
    """One request. ``body`` empty = a GET. ``bare``, ``node``: whether the servers of these names answer it, too."""

    title: str
    path: str
    body: str = ""
    signed_in: bool = False
    bare: bool = True
    node: bool = True

    def fits(self, target: Target) -> bool:
        return self.bare if target.name == "bare" else self.node or target.name != "node"


@dataclass(frozen=True)
class Turn:
    """Requests per second, and milliseconds of a processor per request: of the server and of PostgreSQL."""

    rate: float
    server: float
    postgres: float


def works(dsn: str) -> tuple[str, tuple[Work, ...]]:
    """The user name of a buyer, and what is asked."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_BUYER)
        username, order_id, service_id = cursor.fetchone()
        cursor.execute("select id from service_options where service_id = %s", (service_id,))
        options = [option for (option,) in cursor.fetchall()]
        cursor.execute(_NO_MAIL, (service_id,))
    draft = {"service_id": service_id, "requirements": "Две минуты, без музыки", "selected_option_ids": options}
    return username, (
        Work("a page of services", CATALOGUE),
        Work("one service", f"{CATALOGUE}{service_id}/"),
        Work("my orders", ORDERS, signed_in=True),
        Work("one order with everything", f"{ORDERS}{order_id}/", signed_in=True),
        Work("an order placed", ORDERS, json.dumps(draft), signed_in=True),
        Work("a list of stars", LIST, node=False),
        Work("a search", SEARCH, bare=False, node=False),
    )


def log_in(port: int, username: str) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        body = json.dumps({"username": username, "password": PASSWORD})
        client.request("POST", "/api/auth/token/", body, {"Content-Type": "application/json"})
        token: str = json.loads(client.getresponse().read())["access"]
        return token


def measure(work: Work, target: Target, token: str, seconds: float, postgres: Callable[[], float]) -> Turn:
    server_before, postgres_before = processor_time(target.pid), postgres()
    command = [sys.executable, "-m", "tests.bench.load", str(target.port), work.path, token if work.signed_in else ""]
    command += [str(seconds), str(CONNECTIONS), *([work.body] if work.body else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{target.name}, {work.title}: {done.stderr}")
    rate = float(done.stdout)
    spent = processor_time(target.pid) - server_before, postgres() - postgres_before
    return Turn(rate, *(one / (rate * seconds) * 1000 for one in spent))


def in_turns(
    work: Work, targets: Sequence[Target], token: str, rounds: int, seconds: float, spent: Callable[[], float]
) -> dict[str, list[Turn]]:
    """The turns of each server, by its name; those who cannot do the work are left out."""
    turns: dict[str, list[Turn]] = {target.name: [] for target in targets if work.fits(target)}
    for number in range(rounds + 1):
        for target in targets:
            if work.fits(target):
                # The first round fills caches and is not counted.
                turn = measure(work, target, token, seconds if number else 0.5, spent)
                turns[target.name].extend([turn] if number else [])
    return turns


def ratio(ours: Sequence[Turn], others: Sequence[Turn]) -> float:
    """The median of what was measured one after the other."""
    return statistics.median(one.rate / other.rate for one, other in zip(ours, others, strict=True))


def median(turns: list[Turn]) -> Turn:
    return Turn(*(statistics.median(getattr(turn, name) for turn in turns) for name in ("rate", "server", "postgres")))


def processor_time(pid: int) -> float:
    """Seconds that a process has computed so far; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def postgres_time(dsn: str) -> Callable[[], float]:
    """Tells the seconds that the server's processes have computed so far; it runs on this machine."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("show data_directory")
        postmaster = int((Path(cursor.fetchone()[0]) / "postmaster.pid").read_text().split("\n")[0])

    def spent() -> float:
        ended = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()[13:15]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return sum(map(int, ended)) / _TICKS + sum(processor_time(int(child)) for child in children)

    return spent
