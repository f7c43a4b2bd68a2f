"""What the commands share: settings, a database, the service, error messages."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import os
import pwd
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from aiohttp import web

from mystar.audit.model import AuditContext
from mystar.audit.service import audit_context
from mystar.errors import MystarError, Unavailable
from mystar.kit.postgres import migrations
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.storage.local import StorageFull
from mystar.kit.web.observability import configure_logging
from mystar.payments.provider import ProviderError
from mystar.settings import Settings, load_settings

Item = TypeVar("Item")
#: Seconds between two lines about the progress of a command.
_PROGRESS_SECONDS = 2.0
Action = Callable[[web.Application], Awaitable[None]]


def load_and_configure() -> Settings:
    """Load the settings and configure logging. :raises SettingsWrong: :raises click.ClickException: root runs it."""
    settings = load_settings()
    if settings.profile == "production":
        _refuse_root(settings.data_dir)
    configure_logging(settings.log.level, settings.log.format, requests=settings.log.requests)
    return settings


def _refuse_root(data_dir: Path) -> None:
    """What root writes into the folder of another account, that account cannot read or replace."""
    if os.geteuid() or not data_dir.exists() or not (owner := data_dir.stat().st_uid):
        return
    try:
        account = pwd.getpwuid(owner).pw_name
    except KeyError:
        account = str(owner)
    raise click.ClickException(
        f"{data_dir} belongs to the account {account}, who could not read what root writes: run this as {account}"
    )


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The DSN of the configured database, or of the embedded one, which runs until the block ends."""
    if settings.database.url:
        yield settings.database.url
        return
    embedded = EmbeddedPostgres(settings.data_dir / "postgres").start()
    try:
        embedded.create_database("mystar")
        yield embedded.dsn("mystar")
    finally:
        embedded.stop()


def with_service(action: Action) -> None:
    """Run ``action(app)`` on the built service, which does not listen and runs no background tasks."""
    settings = load_and_configure()

    async def run_it(dsn: str) -> None:
        context = AuditContext("command line", lambda: None, operator_name())
        async with service(settings, dsn) as app, audit_context(context):
            await action(app)

    with database(settings) as dsn:
        migrations.require_current(dsn)
        asyncio.run(run_it(dsn))


def operator_name() -> str:
    """Who runs the command, by the name of the system's account, for the audit."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run under a number without a name.
        return f"operator:{os.getuid()}"


@contextlib.asynccontextmanager
async def service(settings: Settings, dsn: str) -> AsyncIterator[web.Application]:
    """The service, built and not started, and without limits, which are for clients."""
    from mystar.app import create_app
    from mystar.kit.realtime.hub import HUB

    unlimited = {"limits": settings.limits.model_copy(update={"enabled": False})}
    app = await create_app(settings.model_copy(update=unlimited), dsn)
    # aiohttp calls on_cleanup of a frozen application only.
    app.freeze()
    try:
        yield app
    finally:
        # Sockets of ended sessions are closed by the processes that have them.
        await app[HUB].bus.flush()
        await app.cleanup()


def error_lines(error: Exception) -> list[str]:
    """The message of the error and those of its fields, in English; of a disk, what the system says."""
    cause = error.__cause__ if isinstance(error, StorageFull) else error
    if isinstance(cause, OSError):
        return [_system_sentence(cause)]
    if isinstance(cause := error.__cause__, ProviderError) and type(error) is Unavailable:
        return [f"The payment provider does not answer, or refuses: {cause}; `mystar check --deep` asks it"]
    if cause is not None and isinstance(error, MystarError) and error.code == "storage_away":
        return [f"The bucket does not answer, or refuses: {cause}"]
    if not isinstance(error, MystarError):
        return [str(error)]
    return [error.message("en"), *(f"{name}: {' '.join(texts)}" for name, texts in error.field_messages("en").items())]


def _system_sentence(error: OSError) -> str:
    """What the system refused, and where, for the operator."""
    if not error.strerror or error.filename is None:
        return str(error)
    if isinstance(error, PermissionError):
        account = operator_name().removeprefix("operator:")
        cure = "give it the folder, or run this as the account that owns it"
        return f"The account {account} may not use {error.filename}: {cure}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No room is left on the disk of {error.filename}"
    return f"{error.strerror}: {error.filename}"


def read_password() -> str:
    """From standard input; on a terminal it is asked for twice."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


class Interrupted(click.ClickException):
    """Ctrl-C: the exit code of a program that SIGINT ended, and one sentence."""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Interrupted: {self.message}", err=True, file=file)


def progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items one by one, with a count every few seconds on a terminal's standard error."""
    count = counter(f"of {len(items)} {what}")
    for number, item in enumerate(items):
        count(number)
        yield item


def counter(what: str) -> Callable[[int], None]:
    """Say how many there are by now; only every few seconds, and on a terminal's standard error."""
    shown = time.monotonic()

    def count(number: int) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - shown > _PROGRESS_SECONDS:
            shown = time.monotonic()
            click.echo(f"{number} {what}", err=True)

    return count


@contextlib.asynccontextmanager
async def ticking(what: str) -> AsyncIterator[None]:
    """Count the seconds of something that cannot say how far it is."""

    async def tick() -> None:
        count, began = counter(what), time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS / 2)
            count(round(time.monotonic() - began))

    ticks = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticks.cancel()
