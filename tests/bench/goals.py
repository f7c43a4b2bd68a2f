"""Every work beside the bare server and the one in Node, in one interleaved run, and which goals of speed hold."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.__main__ import print_turns, started
from tests.bench.sockets import new_pairs, print_idle, print_talks
from tests.bench.targets import database
from tests.bench.workloads import in_turns, log_in, postgres_time, ratio, works

#: How many times as many requests as the bare server and as the one in Node.
GOALS = {
    "a page of services": (1.0, 1.3),
    "one service": (0.75, 1.2),
    "my orders": (1.0, 1.2),
    "an order placed": (0.75, 1.2),
}
CHAT = "messages delivered"
CHAT_TO_BARE, CHAT_P99, CHAT_A_SECOND = 1.0, 5.0, 400
SOCKET_KILOBYTES, SOCKETS_A_SECOND = 18.0, 2500


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench goals", description=__doc__)
    parser.add_argument("--creators", type=int, default=400, help="with five orders each (default 400)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (default 2)")
    parser.add_argument("--idle", type=int, default=2000, help="idle sockets (default 2000; 0 = no sockets)")
    given = parser.parse_args()
    with database(given.creators) as dsn, tempfile.TemporaryDirectory(prefix="mystar-bench-") as place:
        judged = _requests(Path(place), dsn, given.rounds, given.seconds)
        if given.idle:
            judged += _sockets(Path(place), dsn, given.rounds, given.seconds, given.idle)
    print(f"\n{'goal':50}{'measured':>10}")
    for what, measured, holds in judged:
        print(f"{what:50}{measured:10.2f}  {'holds' if holds else 'DOES NOT HOLD'}")


def _requests(directory: Path, dsn: str, rounds: int, seconds: float) -> list[tuple[str, float, bool]]:
    judged = []
    with contextlib.ExitStack() as stack:
        targets = started(stack, directory, dsn)
        username, asked = works(dsn)
        token, spent = log_in(targets[0].port, username), postgres_time(dsn)
        print(f"{'':28}{'requests/s':>12}{'server, ms':>12}{'PostgreSQL, ms':>16}")
        for work in asked:
            turns = in_turns(work, targets, token, rounds, seconds, spent)
            print_turns(work, turns)
            for name, least in zip(("bare", "node"), GOALS.get(work.title, ()), strict=False):
                if name in turns:
                    measured = ratio(turns["mystar"], turns[name])
                    judged.append((f"{work.title}: {least} times {name}", measured, measured >= least))
    return judged


def _sockets(directory: Path, dsn: str, rounds: int, seconds: float, idle: int) -> list[tuple[str, float, bool]]:
    pairs = new_pairs(dsn, 250)
    talks = print_talks(directory, dsn, pairs, rounds, 2 * seconds)
    chat = _median(ours.rate / bare.rate for ours, bare in zip(talks["mystar"], talks["bare"], strict=True))
    paced = print_talks(directory, dsn, pairs, rounds, 2 * seconds, CHAT_A_SECOND)["mystar"]
    p99 = _median(turn.p99 for turn in paced)
    ours = print_idle(directory, dsn, pairs, idle, 5.0)["mystar"]
    return [
        (f"{CHAT}: {CHAT_TO_BARE} times bare", chat, chat >= CHAT_TO_BARE),
        (f"{CHAT}: p99 at {CHAT_A_SECOND} a second, ms, at most {CHAT_P99}", p99, p99 <= CHAT_P99),
        (f"an idle socket: KB, at most {SOCKET_KILOBYTES}", ours.kilobytes, ours.kilobytes <= SOCKET_KILOBYTES),
        (f"sockets opened per second, at least {SOCKETS_A_SECOND}", ours.opened, ours.opened >= SOCKETS_A_SECOND),
    ]


def _median(values: Any) -> float:
    found: Sequence[float] = tuple(values)
    return statistics.median(found)


if __name__ == "__main__":
    main()
