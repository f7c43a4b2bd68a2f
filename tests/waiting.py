"""Waiting for what happens in the background, and not for ever."""

from __future__ import annotations

import asyncio
import select
import subprocess
from collections.abc import Awaitable, Callable
from typing import TypeVar

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


def first_line(process: subprocess.Popen[bytes] | Program, timeout: float) -> bytes:
    """What the process says first; nothing when it ends, or keeps silent for so many seconds."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], timeout)
    return process.stdout.readline() if ready else b""
