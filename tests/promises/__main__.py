"""Every promise of docs/promises.md against real processes; prints a table and refreshes the one in that page.

    python -m tests.promises                        # the short form, ten minutes of idle cores
    python -m tests.promises --full                 # before a release, some hours
    python -m tests.promises --only M4,T1 --seed 7  # some, or a failed seed again
    python -m tests.promises --mutants              # plants faults, each of which a check must notice

A row is written as soon as its promise has been tried, and says of which commit and day it is: an interrupted run keeps
what it has shown, and several runs make one table. The exit code is 1 when a promise does not hold, or a planted fault
goes unnoticed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable

import click

from tests.harness.run import chosen_seed
from tests.promises.mutants import FAULTS
from tests.promises.planted_runs import Verdict, run_mutants
from tests.promises.registry import PROMISES
from tests.promises.results import Row
from tests.promises.runner import Runner, wanted
from tests.promises.table import FAULTS_TABLE, PAGE, PROMISES_TABLE, headings


@click.command(help=__doc__)
@click.option("--full", is_flag=True, help="The form before a release.")
@click.option("--only", default="", help="Numbers of promises, or names of planted faults: M4,T1")
@click.option("--seed", type=int, help="Repeats a run.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Processes at a time.")
@click.option("--mutants", is_flag=True, help="Plant faults instead, and see that they are noticed.")
@click.option("--write/--no-write", default=True, show_default=True, help="Refresh the tables in docs/promises.md.")
def main(full: bool, only: str, seed: int | None, jobs: int, mutants: bool, write: bool) -> None:
    seed = chosen_seed() if seed is None else seed
    click.echo(f"MYSTAR_SEED={seed}")
    # Its processes have groups of their own: also a run in the background, to which Ctrl-C means nothing, ends them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(_mutants(only, seed, jobs, write) if mutants else _promises(full, only, seed, jobs, write))


def _promises(full: bool, only: str, seed: int, jobs: int, write: bool) -> int:
    titles = headings(PAGE.read_text())

    def line(row: Row) -> str:
        return PROMISES_TABLE.line(row.cells(titles[row.number]))

    def keep(row: Row) -> None:
        if write:
            PAGE.write_text(PROMISES_TABLE.refreshed(PAGE.read_text(), {row.number: line(row)}, titles))

    runner = Runner(seed, full=full, jobs=jobs, say=click.echo, keep=keep)
    rows = asyncio.run(runner.run(wanted(PROMISES, only)))
    click.echo(PROMISES_TABLE.text(map(line, rows)))
    form = " --full" if full else ""
    _again(f"failed; logs are in {runner.logs}; again", (row.number for row in rows if row.has_failed), seed, form)
    _again("not judged; again on a quiet machine", (row.number for row in rows if row.is_unjudged), seed, form)
    return 1 if any(row.has_failed for row in rows) else 0


def _again(why: str, numbers: Iterable[str], seed: int, form: str) -> None:
    if names := ",".join(numbers):
        click.echo(f"{why}: python -m tests.promises --only {names} --seed {seed}{form}")


def _mutants(only: str, seed: int, jobs: int, write: bool) -> int:
    names = [name.strip() for name in only.split(",") if name.strip()]
    chosen = [fault for fault in FAULTS.values() if not names or fault.name in names or fault.promise in names]

    def keep(verdict: Verdict) -> None:
        if write:
            line = {verdict.fault.name: FAULTS_TABLE.line(verdict.cells(seed))}
            PAGE.write_text(FAULTS_TABLE.refreshed(PAGE.read_text(), line, FAULTS))

    verdicts = asyncio.run(run_mutants(chosen, seed, jobs=jobs, say=click.echo, keep=keep))
    click.echo(FAULTS_TABLE.text(FAULTS_TABLE.line(one.cells(seed)) for one in verdicts))
    unnoticed = [one.fault.name for one in verdicts if not one.noticed]
    click.echo(f"{len(verdicts) - len(unnoticed)} of {len(verdicts)} planted faults were noticed")
    if unnoticed:
        click.echo(f"again: python -m tests.promises --mutants --only {','.join(unnoticed)} --seed {seed}")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    main()
