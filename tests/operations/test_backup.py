"""Backups: made while the service is used, examined, and restored on an empty machine."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from aiohttp import FormData, web

from mystar.backup import postgres as tools
from mystar.backup.cipher import CHUNK, Cipher, WrongKey
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.conftest import Api
from tests.database import Server
from tests.factory import Factory, picture
from tests.server_process import run_cli

KEY = "a key of the operator, 32 characters or more"
CHECKPOINT = "audit-witness.json"
#: The first lines of what pg_restore 17 and 18 write.
TIMEOUT = b"SET transaction_timeout = 0;"


@pytest.fixture
def empty_dsn(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield postgres.dsn(name)
    postgres.drop(name)


async def run(directory: Path, *command: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_cli, *command, directory=directory, **variables)


async def upload_avatar(api: Api, person: Any, format_: str) -> None:
    form = FormData()
    form.add_field("image", picture(format_), filename=f"face.{format_.lower()}")
    answer = await api.post("/api/upload/avatar/", data=form, as_=person)
    assert answer.status == 201, await answer.text()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def test_a_backup_is_restored_on_an_empty_machine_and_passes_the_check(
    api: Api, app: web.Application, settings: Settings, factory: Factory, empty_dsn: str, tmp_path: Path
) -> None:
    customer, star = await factory.person(), await factory.star()
    await factory.order(customer, star)
    await upload_avatar(api, star, "PNG")
    place, media = tmp_path / "backups", settings.data_dir / "media"
    ours = {"DATABASE__URL": settings.database.url, "DATA_DIR": settings.data_dir, "BACKUP_KEY": KEY}
    # As in a container of its own, whose folder no service has written to.
    (settings.data_dir / CHECKPOINT).unlink(missing_ok=True)

    first = await run(tmp_path, "backup", "--to", str(place), **ours)
    assert first.returncode == 0, first.stderr
    await upload_avatar(api, customer, "JPEG")
    copied = {file: file.stat().st_mtime_ns for file in (place / "objects").rglob("*") if file.is_file()}
    await asyncio.sleep(1.1)  # Backups are named by the second.
    second = await run(tmp_path, "backup", "--to", str(place), **ours)
    assert second.returncode == 0, second.stderr
    assert all(file.stat().st_mtime_ns == moment for file, moment in copied.items()), "old files are not copied again"
    listed = await run(tmp_path, "backup", "list", "--from", str(place), **ours)
    assert len(listed.stdout.split()) == 2
    verified = await run(tmp_path, "backup", "verify", "--from", str(place), **ours)
    assert (verified.returncode, verified.stdout.split()[-1]) == (0, "complete."), verified.stderr

    theirs = {"DATABASE__URL": empty_dsn, "DATA_DIR": tmp_path / "restored", "BACKUP_KEY": KEY}
    theirs["SECRET_KEY"] = settings.secret_key
    done = await run(tmp_path, "restore", "--from", str(place), **theirs)
    assert done.returncode == 0, done.stderr
    assert (await run(tmp_path, "migrate", **theirs)).stdout == "The schema is up to date.\n"
    assert (await run(tmp_path, "check", **theirs)).stdout == "Everything is in order.\n"
    assert contents(tmp_path / "restored" / "media") == contents(media)
    assert (tmp_path / "restored" / CHECKPOINT).exists()
    assert await app[DATABASE].value("select count(*) from orders") == 1
    again = await run(tmp_path, "restore", "--from", str(place), **theirs)
    assert (again.returncode, "not empty" in again.stderr) == (1, True)


async def test_a_damaged_backup_and_a_wrong_key_are_reported(
    api: Api, settings: Settings, factory: Factory, empty_dsn: str, tmp_path: Path
) -> None:
    await upload_avatar(api, await factory.star(), "PNG")
    place = tmp_path / "backups"
    ours = {"DATABASE__URL": settings.database.url, "DATA_DIR": settings.data_dir, "BACKUP_KEY": KEY}
    assert (await run(tmp_path, "backup", "--to", str(place), **ours)).returncode == 0
    whole = tmp_path / "whole"
    shutil.copytree(place, whole)

    wrong = await run(tmp_path, "backup", "verify", "--from", str(place), **{**ours, "BACKUP_KEY": KEY[::-1]})
    assert (wrong.returncode, "not the key" in wrong.stderr) == (1, True)
    victim = max((place / "objects").rglob("*"), key=lambda file: file.is_file() and file.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1])
    damaged = await run(tmp_path, "backup", "verify", "--from", str(place), **ours)
    assert (damaged.returncode, victim.name in damaged.stderr) == (1, True)
    # Whole and encrypted with our key, and yet not this file.
    other = next(file for file in (place / "objects").rglob("*") if file.is_file() and file != victim)
    shutil.copy(other, victim)
    exchanged = await run(tmp_path, "backup", "verify", "--from", str(place), **ours)
    assert (exchanged.returncode, f"{victim.name} differs" in exchanged.stderr) == (1, True)
    victim.unlink()
    missing = await run(tmp_path, "backup", "verify", "--from", str(place), **ours)
    assert (missing.returncode, f"{victim.name} is missing" in missing.stderr) == (1, True)
    theirs = {**ours, "DATABASE__URL": empty_dsn, "DATA_DIR": tmp_path / "restored"}
    refused = await run(tmp_path, "restore", "--from", str(place), **theirs)
    assert refused.returncode == 1
    # Nothing is half done: the database is restored last.
    assert (await run(tmp_path, "restore", "--from", str(whole), **theirs)).returncode == 0
    nothing = await run(tmp_path, "restore", "--from", str(tmp_path / "nowhere"), **theirs)
    assert (nothing.returncode, "no such backup" in nothing.stderr) == (1, True)


async def test_a_backup_is_restored_into_a_server_that_is_older_than_pg_restore(
    postgres: Server, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = postgres.create()
    do(postgres.dsn(source), f"create table notes as select '{TIMEOUT.decode()}' as text")
    sent = b""

    async def feed(program: str, process: Any, chunks: Any) -> None:
        nonlocal sent
        if program == "psql":
            sent = await collect(chunks)
            chunks = pieces(sent, 100)
        await to_the_program(program, process, chunks)

    to_the_program = tools._feed
    monkeypatch.setattr(tools, "_feed", feed)
    await tools.restore(empty_dsn, tools.dump(postgres.dsn(source)), major=15)
    postgres.drop(source)
    assert TIMEOUT not in sent.split(b"CREATE TABLE")[0], "PostgreSQL 15 and 16 do not know it"
    assert do(empty_dsn, "select text from notes") == [(TIMEOUT.decode(),)]


async def test_of_a_dump_that_breaks_off_nothing_is_restored(postgres: Server, empty_dsn: str) -> None:
    source = postgres.create()
    do(postgres.dsn(source), "create table notes as select repeat(md5(n::text), 9) from generate_series(1, 9999) n")
    dump = await collect(tools.dump(postgres.dsn(source)))
    postgres.drop(source)
    with pytest.raises(tools.ToolFailed):
        await tools.restore(empty_dsn, pieces(dump[:-1000], 5000), major=postgres.version)
    assert do(empty_dsn, "select tablename from pg_tables where schemaname = 'public'") == []


async def test_a_database_that_cannot_hold_the_schema_is_refused_before_anything_is_restored(
    dsn: str, postgres: Server, tmp_path: Path
) -> None:
    place = str(tmp_path / "backups")
    assert (await run(tmp_path, "backup", "--to", place, DATABASE__URL=dsn)).returncode == 0
    without_cyrillic = postgres.create(locale="C")
    theirs = {"DATABASE__URL": postgres.dsn(without_cyrillic), "DATA_DIR": tmp_path / "restored"}
    refused = await run(tmp_path, "restore", "--from", place, **theirs)
    assert (refused.returncode, "does not fold Cyrillic letters" in refused.stderr) == (1, True)
    assert do(theirs["DATABASE__URL"], "select tablename from pg_tables where schemaname = 'public'") == []
    postgres.drop(without_cyrillic)


async def test_a_restore_that_the_database_refuses_says_why_and_nothing_else(
    empty_dsn: str, dsn: str, tmp_path: Path
) -> None:
    place = str(tmp_path / "backups")
    # More than a pipe takes after psql has ended.
    do(dsn, "create table much as select repeat(md5(n::text), 50) from generate_series(1, 5000) n")
    assert (await run(tmp_path, "backup", "--to", place, DATABASE__URL=dsn)).returncode == 0
    do(empty_dsn, "create type accounts as enum ('in the way')")
    refused = await run(tmp_path, "restore", "--from", place, DATABASE__URL=empty_dsn, DATA_DIR=tmp_path / "restored")
    assert refused.stderr.startswith("Error: psql: ")
    assert "already exists" in refused.stderr
    assert "Traceback" not in refused.stderr


def do(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_encrypted_bytes_are_decrypted_and_changes_detected(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    sealed = await collect(Cipher(KEY).encrypt(pieces(content[:size], 1000)))
    assert await collect(Cipher(KEY).decrypt(pieces(sealed, 777))) == content[:size]
    changed = (sealed[:-1], sealed[:40], sealed + b"x", b"\0" + sealed[1:], sealed[: -CHUNK - 16], b"", sealed[:16])
    for broken in changed:
        if broken != sealed:
            with pytest.raises(WrongKey):
                await collect(Cipher(KEY).decrypt(pieces(broken, 5000)))
    with pytest.raises(WrongKey):
        await collect(Cipher(KEY[::-1]).decrypt(pieces(sealed, 5000)))


async def pieces(content: bytes, size: int) -> Any:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def collect(chunks: Any) -> bytes:
    return b"".join([chunk async for chunk in chunks])
