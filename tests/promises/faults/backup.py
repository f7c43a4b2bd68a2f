"""A backup that is made under load and restored on an empty machine."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import psycopg2

from tests.harness.run import Deployment
from tests.promises.faults.environment import Environment, busy
from tests.server_process import SECRET_KEY, run_cli

_KEY = "a key of the operator, 32 characters or more"
#: Seconds within which a gigabyte must be restored and checked (promise O5).
_LIMIT = 300.0
_COUNTS = "select (select count(*) from orders), (select count(*) from ledger_entries), (select count(*) from files)"


async def restore(env: Environment) -> None:
    """A backup (1 GB) made under orders is restored on an empty machine, and `check` finds nothing (O5)."""
    postgres = env.postgres()
    dsn, place = postgres.dsn("mystar"), env.directory / "backups"
    if env.full:
        await asyncio.to_thread(_fill, dsn, 1_000)
    counted: list[tuple[int, ...]] = []

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(4, 7))
        counted.append(await asyncio.to_thread(_count, dsn))
        began = time.monotonic()
        await deployment.service.command("backup", "--to", str(place))
        env.measure(f"backup under load in {time.monotonic() - began:.1f} s, {_megabytes(place)} MB")

    await env.orders(accident, dsn=dsn, BACKUP_KEY=_KEY)
    empty = postgres.create("restored")
    theirs = {"DATABASE__URL": empty, "DATA_DIR": env.directory / "restored", "BACKUP_KEY": _KEY}
    theirs["SECRET_KEY"] = SECRET_KEY
    began = time.monotonic()
    for command in (("restore", "--from", str(place)), ("migrate",), ("check",)):
        done = await asyncio.to_thread(run_cli, *command, directory=env.directory, patience=1200, **theirs)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    seconds = time.monotonic() - began
    restored = await asyncio.to_thread(_count, empty)
    assert all(now >= then for now, then in zip(restored, counted[0], strict=True)), f"{counted[0]} became {restored}"
    env.measure(f"restored and checked in {seconds:.1f} s: {restored[0]} orders, {restored[2]} files ({busy()})")
    env.judge(seconds < _LIMIT, f"restored and checked only after {seconds:.0f} s")


def _count(dsn: str) -> tuple[int, ...]:
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_COUNTS)
            found: tuple[int, ...] = cursor.fetchone()
            return found
    finally:
        connection.close()


def _fill(dsn: str, megabytes: int) -> None:
    """A table of bytes that cannot be compressed."""
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("create table ballast (content bytea)")
            for _ in range(megabytes):
                cursor.execute("insert into ballast values (%s)", (psycopg2.Binary(os.urandom(2**20)),))
    finally:
        connection.close()


def _megabytes(place: Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) // 2**20
