"""All attacks against a real process, over a database server of its own; prints a table.

python -m tests.attacks
python -m tests.attacks --seconds 5 --only A1 --only A3
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import click

from mystar.app import create_app
from mystar.kit.postgres.migrations import migrate
from mystar.settings import load_settings
from tests.api_server import ApiTestServer
from tests.attacks import bodies, connections, requests, uploads
from tests.attacks.registry import ATTACKS, LIMITS, Attack
from tests.attacks.run import Outcome, Target, run, table
from tests.database import running_server
from tests.factory import Factory
from tests.server_process import environment, server_in

#: Modules whose attacks are registered when they are imported.
MODULES = (bodies, connections, requests, uploads)


@click.command(help=__doc__)
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(0.5), help="of each attack")
@click.option("--only", multiple=True, help="items, such as A1")
def main(seconds: float, only: tuple[str, ...]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="mystar-attacks-"))
    chosen = [one for one in ATTACKS if not only or one.item in only]
    with running_server() as postgres:
        name = postgres.create()
        try:
            migrate(postgres.dsn(name))
            click.echo(table(_run(chosen, postgres.dsn(name), directory, seconds)))
        finally:
            postgres.drop(name)


def _run(chosen: list[Attack], dsn: str, directory: Path, seconds: float) -> list[Outcome]:
    variables = {"DATABASE__URL": dsn, "LOG__LEVEL": "warning", **LIMITS}
    variables |= {"HTTP__CONNECTIONS_PER_ADDRESS": "256", "HTTP__METRICS_SECONDS": "5", "PASSWORDS__BCRYPT_COST": "12"}
    variables["HTTP__EVENT_LOOP"] = "uvloop"
    given = environment(directory, **variables)
    os.environ.update({key: value for key, value in given.items() if key.startswith("MYSTAR_")})
    token, login = asyncio.run(_account(dsn))
    outcomes = []
    with server_in(directory, **variables) as server:
        assert server.process is not None
        target = Target(server.port, server.process.pid, token, login)
        for attack in chosen:
            outcomes.append(asyncio.run(run(target, attack, seconds)))
            click.echo(f"{attack.title}: done")
        errors = [record for record in server.records() if record.get("level") == "error"]
        click.echo(f"{len(errors)} errors in the log")
    return outcomes


async def _account(dsn: str) -> tuple[str, tuple[str, str]]:
    app = await create_app(load_settings(), dsn)
    async with ApiTestServer(app):
        star = await Factory(app).star()
    return star.token, (star.email, star.password)


main()
