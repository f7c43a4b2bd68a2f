"""Waiting for what happens in the background, and not for ever."""

from __future__ import annotations

import asyncio
import select
import subprocess
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mystar.kit.postgres.database import Database, Tx
from tests.programs import Program

T = TypeVar("T")


async def eventually(question: Callable[[], Awaitable[T]], timeout: float = 60) -> T:
    """The first true answer; AssertionError with the last one when none comes within ``timeout`` seconds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not (answer := await question()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"still {answer!r} after {timeout} s")
        await asyncio.sleep(0.05)
    return answer


async def behind(db: Database, change: Callable[[Tx], Awaitable[object]], act: Callable[[], Awaitable[T]]) -> T:
    """The result of ``act``, which begins before the transaction of ``change`` commits, and waits for it or ends."""
    changed = asyncio.Event()

    async def acts() -> T:
        await changed.wait()
        return await act()

    async def waits() -> bool:
        here = "datname = current_database() and wait_event_type = 'Lock'"
        return acting.done() or bool(await db.value(f"select exists (select from pg_stat_activity where {here})"))

    async def watches() -> None:
        await changed.wait()
        await eventually(waits)

    # Tasks that begin inside of the transaction would be part of it.
    acting, watching = asyncio.create_task(acts()), asyncio.create_task(watches())
    async with db.transaction() as tx:
        await change(tx)
        changed.set()
        await watching
    return await acting


def first_line(process: subprocess.Popen[bytes] | Program, timeout: float) -> bytes:
    """What the process says first; nothing when it ends, or keeps silent for so many seconds."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], timeout)
    return process.stdout.readline() if ready else b""
