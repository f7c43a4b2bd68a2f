"""What production has on several machines, on one: start it, kill it, measure it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path

import click

from tests.cluster.cluster import Cluster, running
from tests.cluster.configuration import NODES, SERVICES
from tests.cluster.kills import ACCIDENTS, HEAD, run_kills
from tests.cluster.programs import ProgramMissing
from tests.cluster.scale import GOAL, run_scale
from tests.cluster.scale import HEAD as SCALE_HEAD
from tests.cluster.shared import HEAD as SHARED_HEAD
from tests.cluster.shared import run_shared
from tests.cluster.suites import run_suites
from tests.harness.run import chosen_seed
from tests.promises.faults.environment import NotHere
from tests.promises.proofs import NOT_HERE


@click.group(help=__doc__, invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        _run(_wait())


async def _wait() -> int:
    click.echo("Starting; this takes about half a minute.")
    async with running() as cluster:
        await cluster.services.start().wait_ready()
        click.echo(await _described(cluster))
        await asyncio.Event().wait()
    return 0


@main.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, type=click.Choice([one.__name__ for one in ACCIDENTS]), help="Of the accidents.")
@click.option("--seed", type=int, help="Repeats a run.")
@click.option("--logs", type=click.Path(path_type=Path), help="A directory to leave the logs in.")
def kills(rounds: int, only: Sequence[str], seed: int | None, logs: Path | None) -> None:
    """Kill one part after the other under load; the exit code is 1 when anything is lost, doubled or away too long."""
    _run(_kills(rounds, only, chosen_seed() if seed is None else seed, logs))


async def _kills(rounds: int, only: Sequence[str], seed: int, logs: Path | None) -> int:
    accidents = [one for one in ACCIDENTS if not only or one.__name__ in only]
    click.echo(f"MYSTAR_SEED={seed}: {rounds} rounds of {', '.join(one.__name__ for one in accidents)}\n\n{HEAD}")
    outcome = await run_kills(seed, rounds, accidents, click.echo, logs)
    click.echo(f"\n{outcome}")
    return 1 if outcome.problems() else 0


@main.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seed", type=int, help="Repeats a run.")
def scale(rounds: int, seed: int | None) -> None:
    """Measure what two processes carry beside one; the exit code is 1 when it is less than 1.7 times as much."""
    _run(_scale(rounds, chosen_seed() if seed is None else seed))


async def _scale(rounds: int, seed: int) -> int:
    click.echo(f"MYSTAR_SEED={seed}\n\n{SCALE_HEAD}")
    scaling = await run_scale(seed, rounds, click.echo)
    click.echo(f"\n{scaling}")
    return 1 if scaling.ratio < GOAL else 0


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def suites(arguments: Sequence[str]) -> None:
    """The tests of orders, chat and payments against three services of the cluster; ARGUMENTS go to pytest."""
    _run(run_suites(arguments))


@main.command()
@click.option("--seed", type=int, help="Repeats a run.")
def shared(seed: int | None) -> None:
    """Ask three services one by one whether they are one; the exit code is 1 when one thing of it is not so."""
    _run(_shared(chosen_seed() if seed is None else seed))


async def _shared(seed: int) -> int:
    click.echo(f"MYSTAR_SEED={seed}\n\n{SHARED_HEAD}")
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        click.echo(line)

    problems = await run_shared(seed, show)
    held = "all hold" if not problems else "; ".join(problems)
    click.echo(f"\nMYSTAR_SEED={seed}: {len(lines)} things that three services share: {held}")
    return 1 if problems else 0


async def _described(cluster: Cluster) -> str:
    layout, primary = cluster.layout, await cluster.postgres.primary()
    rows = [
        ("the service, behind nginx", layout.url),
        *((name, f"http://{layout.address(name)}") for name in SERVICES),
        *(
            (f"{node}{', primary' if node == primary else ', standby'}", layout.dsn(f"{node}-postgres"))
            for node in NODES
        ),
        *((f"Patroni of {node}", f"http://{layout.address(f'{node}-patroni')}/cluster") for node in NODES),
        ("the primary, by HAProxy", layout.dsn("haproxy")),
        ("PgBouncer", layout.dsn("pgbouncer")),
        ("Redis", f"redis://{layout.address('redis')}/0"),
        ("the bucket", f"http://{layout.address('s3')}"),
        ("payments and mails", cluster.sandbox.http),
        ("logs", str(layout.directory)),
    ]
    return "\n".join([*(f"{what:28}{where}" for what, where in rows), "Ctrl-C stops everything."])


def _run(work: Coroutine[None, None, int]) -> None:
    """Until it ends, or a signal ends it; everything is stopped then."""

    async def until_a_signal() -> int:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await work

    try:
        sys.exit(asyncio.run(until_a_signal()))
    except asyncio.CancelledError:
        click.echo("Stopped.")
    except (ProgramMissing, NotHere) as missing:
        click.echo(str(missing), err=True)
        sys.exit(NOT_HERE)


if __name__ == "__main__":
    main()
