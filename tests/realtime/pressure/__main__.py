"""Crowds against one server process over a database server of its own; prints numbers.

    python -m tests.realtime.pressure slow         promise T5, readers that do not read
    python -m tests.realtime.pressure storm        promise T6, all sockets break at once
    python -m tests.realtime.pressure idle         promise T7, heartbeats and dead connections
    python -m tests.realtime.pressure hostile      promise T11, malformed and hostile frames

AssertionError or TimeoutError says what did not come true.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from mystar.app import create_app
from mystar.kit.postgres.migrations import migrate
from mystar.settings import load_settings
from tests.api_server import ApiTestServer
from tests.database import running_server
from tests.realtime.crowd import Talk
from tests.realtime.pressure.hostile import hostile
from tests.realtime.pressure.idle import idle
from tests.realtime.pressure.server_under_load import ServerUnderLoad
from tests.realtime.pressure.slow import slow_readers
from tests.realtime.pressure.storm import storm
from tests.realtime.run import prepared
from tests.server_process import environment, server_in

Pressure = Callable[[ServerUnderLoad, list[Talk]], Awaitable[object]]
#: Sockets of one talk, so that no person has more than is allowed.
_OF_A_TALK = 100


@click.group(help=__doc__)
def main() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 30_000)), hard))


@main.command("slow", help="Readers that do not read, beside others.")
@click.option("--stuck", default=200, show_default=True, type=click.IntRange(20))
@click.option("--readers", default=800, show_default=True, type=click.IntRange(20))
def _slow(stuck: int, readers: int) -> None:
    _put(
        lambda server, talks: slow_readers(server, talks, stuck=stuck, readers=readers, alone=5),
        talks=20,
        # One of each talk speaks for all of them.
        SOCKETS__FRAMES_PER_MINUTE=100_000,
    )


@main.command("storm", help="All sockets break at once.")
@click.option("--sockets", default=5000, show_default=True, type=click.IntRange(1))
@click.option("--spread", default=5.0, show_default=True, help="seconds within which clients first try again")
def _storm(sockets: int, spread: float) -> None:
    _put(lambda server, talks: storm(server, talks, sockets=sockets, spread=spread), talks=-(-sockets // _OF_A_TALK))


@main.command("idle", help="Sockets that only listen; some of them die without a word.")
@click.option("--sockets", default=5000, show_default=True, type=click.IntRange(1))
@click.option("--dead", default=200, show_default=True, type=click.IntRange(0))
def _idle(sockets: int, dead: int) -> None:
    _put(lambda server, talks: idle(server, talks, sockets=sockets, dead=dead), talks=-(-sockets // _OF_A_TALK))


@main.command("hostile", help="Malformed and hostile frames.")
@click.option("--frames", default=100_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", type=int)
def _hostile(frames: int, seed: int | None) -> None:
    seed = random.randrange(2**31) if seed is None else seed
    click.echo(f"seed {seed}")
    _put(lambda server, talks: hostile(server, talks, frames=frames, each=200, seed=seed), talks=1)


def _put(pressure: Pressure, *, talks: int, **further: object) -> None:
    directory = Path(tempfile.mkdtemp(prefix="mystar-pressure-"))
    with running_server() as postgres:
        name = postgres.create()
        try:
            migrate(postgres.dsn(name))
            people = asyncio.run(_people(postgres.dsn(name), directory, talks))
            with server_in(directory, DATABASE__URL=postgres.dsn(name), **_SETTINGS, **further) as server:
                assert server.process is not None
                click.echo(str(asyncio.run(_run(pressure, ServerUnderLoad(server.port, server.process.pid), people))))
        finally:
            postgres.drop(name)


#: As in production, where the profile of the tests says otherwise.
_SETTINGS: dict[str, Any] = {
    "LIMITS__ENABLED": "false",
    "LOG__LEVEL": "warning",
    "HTTP__EVENT_LOOP": "uvloop",
    "DATABASE__POOL_SIZE": 10,
    "SOCKETS__SWEEP_SECONDS": 5,
    "SOCKETS__RECHECK_SECONDS": 30,
}


async def _run(pressure: Pressure, server: ServerUnderLoad, talks: list[Talk]) -> object:
    return await pressure(server, talks)


async def _people(dsn: str, directory: Path, talks: int) -> list[Talk]:
    for name, value in environment(directory, DATABASE__URL=dsn, **_SETTINGS).items():
        if name.startswith("MYSTAR_"):
            os.environ[name] = value
    app = await create_app(load_settings(), dsn)
    async with ApiTestServer(app):
        return await prepared(app, talks)


if __name__ == "__main__":
    main()
