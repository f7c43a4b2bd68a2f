"""Every promise of docs/promises.md against real processes; prints a table and refreshes the one in that page.

    python -m tests.promises                        # the short form, in minutes
    python -m tests.promises --full                 # before a release, some hours
    python -m tests.promises --only M4,T1 --seed 7  # some, or a failed seed again
    python -m tests.promises --mutants              # plants faults, each of which a check must notice

The exit code is 1 when a promise does not hold, or a planted fault goes unnoticed.
"""

from __future__ import annotations

import asyncio
import sys

import click

from tests.harness.run import chosen_seed
from tests.promises.mutants import FAULTS
from tests.promises.planted_runs import run_mutants
from tests.promises.registry import PROMISES
from tests.promises.runner import Runner, wanted
from tests.promises.table import PAGE, headings, refreshed, table


@click.command(help=__doc__)
@click.option("--full", is_flag=True, help="The form before a release.")
@click.option("--only", default="", help="Numbers of promises, or names of planted faults: M4,T1")
@click.option("--seed", type=int, help="Repeats a run.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Processes at a time.")
@click.option("--mutants", is_flag=True, help="Plant faults instead, and see that they are noticed.")
@click.option("--write/--no-write", default=True, show_default=True, help="Refresh the table in docs/promises.md.")
def main(full: bool, only: str, seed: int | None, jobs: int, mutants: bool, write: bool) -> None:
    seed = chosen_seed() if seed is None else seed
    click.echo(f"MYSTAR_SEED={seed}")
    if mutants:
        names = [name for name in only.split(",") if name]
        chosen = [fault for fault in FAULTS.values() if not names or fault.name in names or fault.promise in names]
        sys.exit(asyncio.run(run_mutants(chosen, seed, jobs=jobs, say=click.echo)))
    runner = Runner(seed, full=full, jobs=jobs, say=click.echo)
    rows = asyncio.run(runner.run(wanted(PROMISES, only)))
    page = PAGE.read_text()
    click.echo(table(rows, headings(page)))
    if write:
        PAGE.write_text(refreshed(page, rows))
    failed = [row.number for row in rows if row.has_failed]
    for number in failed:
        again = f"python -m tests.promises --only {number} --seed {seed}{' --full' if full else ''}"
        click.echo(f"again: {again}; logs are in {runner.logs}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
