"""The harness at any size, over a database server of its own (or the one in MYSTAR_DATABASE__URL).

The tests run its short form. Before a release the full form is run once, which takes about a quarter of an hour:

    python -m tests.harness --orders 1000 --kills 100
    python -m tests.harness --payouts 100 --kills 100

Every run prints its seed, and ``--seed`` (or MYSTAR_SEED) repeats it: the same scenarios, the same faults, the same
moments of the kills as far as clocks allow. The exit code is 1 when anything was lost, doubled or stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import click

from mystar.kit.postgres.migrations import migrate
from tests.database import running_server
from tests.harness.payouts import PayoutPlan, PayoutReport, run_payouts
from tests.harness.run import FAULTS, Plan, Report, chosen_seed, run
from tests.sandbox_process import sandbox_in


@click.command(help=__doc__)
@click.option("--orders", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--payouts", type=click.IntRange(1), help="Run payouts instead of orders.")
@click.option("--kills", default=100, show_default=True, type=click.IntRange(0))
@click.option("--calm", is_flag=True, help="The provider makes no mistakes.")
@click.option("--seed", type=int, help="Repeats a run.")
@click.option("--keep", is_flag=True, help="Keep the service's log and the provider's journal.")
def main(orders: int, payouts: int | None, kills: int, calm: bool, seed: int | None, keep: bool) -> None:
    seed = chosen_seed() if seed is None else seed
    faults = {} if calm else FAULTS
    stars, customers = min(10, 3 + orders // 10), min(30, 6 + orders // 5)
    limit = 120 + 15 * kills + orders
    plan = Plan(seed, orders, kills, stars=stars, customers=customers, faults=faults, limit=limit)
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="mystar-harness-"))
        if not keep:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        click.echo(f"MYSTAR_SEED={seed}, working in {directory}")
        postgres = stack.enter_context(running_server())
        name = postgres.create()
        stack.callback(postgres.drop, name)
        migrate(postgres.dsn(name))
        sandbox = stack.enter_context(sandbox_in(directory / "sandbox"))
        dsn, place = postgres.dsn(name), directory / "service"
        if payouts is None:
            report: Report | PayoutReport = asyncio.run(run(plan, dsn, sandbox, place))
        else:
            payout_plan = PayoutPlan(seed, payouts, kills, limit=120 + 10 * kills + payouts)
            report = asyncio.run(run_payouts(payout_plan, dsn, sandbox, place))
    click.echo(str(report))
    sys.exit(1 if report.problems else 0)


main()
