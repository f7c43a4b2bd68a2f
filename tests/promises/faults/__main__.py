"""One scenario: `python -m tests.promises.faults NAME`. Every run prints its seed, and ``--seed`` repeats it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import click

from tests.harness.run import chosen_seed
from tests.promises.faults.environment import Environment, NotHere
from tests.promises.faults.scenarios import SCENARIOS
from tests.promises.proofs import NOT_HERE


@click.command(help=__doc__)
@click.argument("name", type=click.Choice(sorted(SCENARIOS)), required=False)
@click.option("--seed", type=int, help="Repeats a run.")
@click.option("--full", is_flag=True, help="The size before a release.")
@click.option("--keep", is_flag=True, help="Keep the logs.")
def main(name: str | None, seed: int | None, full: bool, keep: bool) -> None:
    if name is None:
        for each, scenario in sorted(SCENARIOS.items()):
            click.echo(f"{each}: {(scenario.__doc__ or '').splitlines()[0]}")
        return
    seed = chosen_seed() if seed is None else seed
    directory, began = Path(tempfile.mkdtemp(prefix=f"mystar-{name}-")), time.monotonic()
    directory.chmod(0o711)
    click.echo(f"MYSTAR_SEED={seed}: {name}, working in {directory}")
    with contextlib.ExitStack() as stack:
        if not keep:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        env = Environment(seed, full, directory, stack)
        code = _outcome(name, env)
        click.echo("; ".join(env.measured) + (f"; {time.monotonic() - began:.0f} s" if code == 0 else ""))
    sys.exit(code)


def _outcome(name: str, env: Environment) -> int:
    try:
        asyncio.run(SCENARIOS[name](env))
    except NotHere as reason:
        env.measured[:] = [str(reason)]
        return NOT_HERE
    except BaseException as error:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        traceback.print_exception(error)
        env.measured.append(f"FAILED: {' '.join(str(error).split())[:400]}")
        return 1
    return 0


if __name__ == "__main__":
    main()
