"""Promises T1 and T2 in full, over a database server of its own: a few minutes.

    python -m tests.realtime --bus postgres
    python -m tests.realtime --bus redis://127.0.0.1:6379/0

The tests run its short form. Every run prints its seed; ``--seed`` repeats the moments of death as far as clocks allow.
AssertionError says what was lost, doubled or out of order.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from pathlib import Path

import click

from mystar.app import create_app
from mystar.kit.postgres.migrations import migrate
from mystar.settings import load_settings
from tests.api_server import ApiTestServer
from tests.database import running_server
from tests.realtime.run import Plan, Report, prepared, run
from tests.server_process import environment


@click.command(help=__doc__)
@click.option("--bus", default="postgres", show_default=True)
@click.option(
    "--talks", default=50, show_default=True, type=click.IntRange(1), help="of two people, three devices each"
)
@click.option("--messages", default=20_000, show_default=True, type=click.IntRange(1), help="in all")
@click.option("--kills", default=20, show_default=True, type=click.IntRange(0))
@click.option("--cuts", default=200, show_default=True, type=click.IntRange(0))
@click.option("--seed", type=int)
def main(bus: str, talks: int, messages: int, kills: int, cuts: int, seed: int | None) -> None:
    seed = random.randrange(2**31) if seed is None else seed
    plan = Plan(seed, talks, messages // talks, devices=3, kills=kills, cuts=cuts, pause=1.5)
    directory = Path(tempfile.mkdtemp(prefix="mystar-realtime-"))
    click.echo(f"seed {seed}, working in {directory}")
    with running_server() as postgres:
        name = postgres.create()
        try:
            migrate(postgres.dsn(name))
            click.echo(str(asyncio.run(_run(plan, bus, postgres.dsn(name), directory))))
        finally:
            postgres.drop(name)


async def _run(plan: Plan, bus: str, dsn: str, directory: Path) -> Report:
    variables = environment(
        directory,
        DATABASE__URL=dsn,
        BUS__URL=bus,
        SOCKETS__FRAMES_PER_MINUTE=100_000,
        LIMITS__ENABLED="false",
        LOG__LEVEL="warning",
    )
    os.environ.update({name: value for name, value in variables.items() if name.startswith("MYSTAR_")})
    app = await create_app(load_settings(), dsn)
    async with ApiTestServer(app):
        talks = await prepared(app, plan.talks)
    return await run(plan, talks, variables, directory / "servers.log")


main()
