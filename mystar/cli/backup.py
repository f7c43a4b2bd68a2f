"""Commands that make, examine and restore backups."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from mystar.backup import backups
from mystar.backup.archive import Archive
from mystar.backup.cipher import Cipher, WrongKey
from mystar.backup.postgres import ToolFailed
from mystar.cli.context import counter, database, load_and_configure
from mystar.cli.context import service as running_service
from mystar.files.storage_selection import storages
from mystar.kit.clock import Clock
from mystar.kit.postgres import migrations
from mystar.kit.storage.local import STAGING, LocalStorage, ObjectNotFound
from mystar.settings import Settings

_PLACE = click.option("--from", "place", required=True, help="The folder, or s3://BUCKET, that `backup --to` wrote to.")
_WRONG_KEY = "MYSTAR_BACKUP_KEY is missing or not the key of this backup, or the backup is damaged"
_NAME = click.option("--name", help="Of the backup; without it, the latest one.")


@click.group(invoke_without_command=True)
@click.option("--to", "place", help="A folder, or s3://BUCKET at the configured S3 endpoint.")
@click.pass_context
def backup(context: click.Context, place: str | None) -> None:
    """Back up the database, new files and the audit checkpoint; encrypted if MYSTAR_BACKUP_KEY is set."""
    if context.invoked_subcommand is not None:
        return
    if not place:
        raise click.UsageError("Say where: --to DIR or --to s3://BUCKET.")
    settings = load_and_configure()
    with database(settings) as dsn:
        migrations.require_current(dsn)
        _reporting(lambda: asyncio.run(_create(settings, dsn, place)))


@backup.command("list")
@_PLACE
def list_backups(place: str) -> None:
    """List the complete backups, oldest first."""

    async def names() -> None:
        async with _archive(place, load_and_configure()) as archive:
            for name in await archive.names():
                click.echo(name)

    _reporting(lambda: asyncio.run(names()))


@backup.command()
@_PLACE
@_NAME
def verify(place: str, name: str | None) -> None:
    """Read a backup to its end; exit 1 and name everything that is missing or damaged."""
    problems: list[str] = []

    async def read() -> None:
        async with _archive(place, load_and_configure()) as archive:
            chosen = name or await archive.latest()
            problems.extend(await backups.verify(archive, chosen))
            click.echo(f"{chosen}: {'damaged' if problems else 'complete'}.")

    _reporting(lambda: asyncio.run(read()))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(1)


@click.command()
@_PLACE
@_NAME
def restore(place: str, name: str | None) -> None:
    """Restore a backup into an empty database and the configured storage."""
    settings = load_and_configure()

    async def fill(dsn: str) -> None:
        storage = storages(settings.storage, settings.data_dir / "media").both
        try:
            async with _archive(place, settings) as archive:
                chosen = name or await archive.latest()
                made = await backups.restore(archive, chosen, dsn, storage, _checkpoint(settings), counter("files"))
        finally:
            await storage.close()
        click.echo(f"{made.name} is restored, made by version {made.version}. Now run: mystar migrate && mystar check")

    with database(settings) as dsn:
        _reporting(lambda: asyncio.run(fill(dsn)))


async def _create(settings: Settings, dsn: str, place: str) -> None:
    from mystar.alarms.keys import ALARMS
    from mystar.audit.keys import AUDIT
    from mystar.files.keys import FILES

    async with running_service(settings, dsn) as app, _archive(place, settings) as archive:
        # A container that only makes backups has no checkpoint of its own yet.
        await app[AUDIT].save_checkpoint()
        made = await backups.create(archive, app[FILES], dsn, _checkpoint(settings), Clock(), counter("files"))
        await app[ALARMS].mark("backup")
    encrypted = "encrypted" if made.encrypted else "not encrypted, since MYSTAR_BACKUP_KEY is not set"
    click.echo(f"{made.name}: the database and {len(made.files)} files, {encrypted}.")


def _reporting(action: Callable[[], Any]) -> None:
    """Turn expected errors into one sentence and exit code 1."""
    try:
        action()
    except ObjectNotFound as error:
        raise click.ClickException(f"There is no such backup, or a part of it is missing: {error}") from error
    except WrongKey as error:
        raise click.ClickException(_WRONG_KEY) from error
    except backups.NotEmpty as error:
        raise click.ClickException("The database is not empty: restore into a new one") from error
    except (ToolFailed, ValueError) as error:
        raise click.ClickException(str(error)) from error


@asynccontextmanager
async def _archive(place: str, settings: Settings) -> AsyncIterator[Archive]:
    cipher = Cipher(settings.backup_key) if settings.backup_key else None
    archive = Archive(_storage(place, settings), cipher)
    try:
        yield archive
    finally:
        await archive.close()


def _storage(place: str, settings: Settings) -> Any:
    if not place.startswith("s3://"):
        return LocalStorage(Path(place))
    from mystar.kit.storage.s3 import Bucket, S3Storage

    s3 = settings.storage.s3
    if not s3.is_given:
        raise click.UsageError("s3:// needs MYSTAR_STORAGE__S3__ENDPOINT and its other settings.")
    bucket = Bucket(s3.endpoint, place.removeprefix("s3://").strip("/"), s3.region, s3.access_key, s3.secret_key)
    return S3Storage(bucket, settings.data_dir / STAGING)


def _checkpoint(settings: Settings) -> Path:
    return settings.data_dir / "audit-witness.json"
