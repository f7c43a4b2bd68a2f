"""The command line: ``python -m mystar``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import click
import orjson
import psycopg2
from aiohttp import web

from mystar import __version__
from mystar.cli import sending as _sending  # noqa: F401 - adds its commands
from mystar.cli.backup import backup, restore
from mystar.cli.context import Interrupted, counter, database, error_lines, load_and_configure, service, with_service
from mystar.cli.earnings import earnings
from mystar.cli.importing import import_accounts
from mystar.cli.mail_samples import send_samples
from mystar.cli.migration_plan import print_plan
from mystar.cli.payments import payments
from mystar.cli.payouts import payouts
from mystar.cli.privacy import erase_account, export_account
from mystar.cli.sandbox_ports import sandbox_url, with_free_sandbox_ports
from mystar.cli.staff import admin, audit, reset_factors
from mystar.errors import MystarError
from mystar.kit.postgres import migrations
from mystar.kit.postgres.embedded import EmbeddedPostgresError
from mystar.kit.postgres.session import SessionSettingsLost
from mystar.kit.web.access_log import access
from mystar.settings import Settings, SettingsWrong, load_settings

_OF_THE_DATABASE = (
    migrations.DatabaseUnfit,
    migrations.MigrationFailed,
    migrations.SchemaBehind,
    SessionSettingsLost,
)
#: Seconds that the sandbox may take to start.
_SANDBOX_STARTS = 60.0


#: What `serve` says when nothing has chosen a profile.
_UNNAMED_PROFILE = """\
WARNING: MYSTAR_PROFILE is not set, so this is a DEVELOPMENT server: an embedded database without a password, a payment
sandbox instead of a provider, generated keys. To serve customers set MYSTAR_PROFILE=production; to be rid of this
message set MYSTAR_PROFILE=development."""


class Commands(click.Group):
    """Prints expected errors as one sentence instead of a stack trace."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise Interrupted("what was done stays, and the same command goes on from there.") from None
        except SettingsWrong as error:
            raise click.ClickException(f"The configuration is wrong:\n{error}") from error
        except psycopg2.OperationalError as error:
            raise click.ClickException(f"The database does not answer: {str(error).strip()}") from error
        except (EmbeddedPostgresError, *_OF_THE_DATABASE, OSError, MystarError) as error:
            raise click.ClickException("\n".join(error_lines(error))) from error


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="mystar")
def main() -> None:
    """Run and maintain mystar."""


main.add_command(admin)
main.add_command(audit)
main.add_command(backup)
main.add_command(restore)
main.add_command(earnings)
main.add_command(payments)
main.add_command(payouts)


@main.command()
def serve() -> None:
    """Serve the API until SIGTERM; the schema must be up to date."""
    from mystar.server import serve as serve_until_signal

    settings = load_and_configure()
    if "MYSTAR_PROFILE" not in os.environ:
        click.echo(_UNNAMED_PROFILE, err=True)
    with database(settings) as dsn:
        serve_until_signal(settings, dsn, lambda url: click.echo(f"mystar {__version__} serves {url}"))


@main.command()
def run() -> None:
    """For development: migrate, load demo data, start the sandbox and serve."""
    from mystar.cli.banner import banner
    from mystar.demo import fixtures, loader, refuse_production
    from mystar.server import serve as serve_until_signal

    settings = with_free_sandbox_ports(load_and_configure())
    refuse_production(settings)
    if settings.log.level == "info":
        # Otherwise the banner would scroll away under notifications of the sandbox.
        access.setLevel(logging.WARNING)
    logins: list[tuple[str, str, str]] = []

    async def load_demo(app: web.Application) -> None:
        await loader.load(app, settings)
        if await loader.is_loaded(app):
            logins.extend(fixtures.LOGINS)

    people = [(login, password) for _, login, password in fixtures.LOGINS]
    with database(settings) as dsn, _sandbox(settings, people) as sandbox_url:
        migrations.migrate(dsn)
        # With the sandbox, where the demo's orders are paid; before the first request, so that all data is there.
        serve_until_signal(settings, dsn, lambda url: click.echo(banner(url, sandbox_url, logins)), load_demo)


@main.command()
@click.option("--plan", "only_plan", is_flag=True, help="Only print what would run; nothing is changed.")
def migrate(only_plan: bool) -> None:
    """Bring the schema up to date; safe while other processes start or serve."""
    with database(load_and_configure()) as dsn:
        if only_plan:
            print_plan(dsn)
            return
        applied = migrations.migrate(dsn)
    click.echo("\n".join(applied) if applied else "The schema is up to date.")


@main.command()
@click.option("--demo", is_flag=True, help="A dozen stars with pictures and videos, customers, orders in every state.")
@click.option(
    "--scale", type=click.IntRange(1, 1_000_000), metavar="N", help="N creators and everything in proportion."
)
def seed(demo: bool, scale: int | None) -> None:
    """Fill the database: with data to look at, or with data to measure with. Can be interrupted; --scale says how many
    creators are still to be added."""
    if demo == (scale is not None):
        raise click.UsageError("Choose --demo or --scale N.")
    from mystar.demo import refuse_production

    settings = load_and_configure()
    refuse_production(settings)
    with database(settings) as dsn:
        migrations.require_current(dsn)
        if scale is None:
            asyncio.run(_load_demo(settings, dsn))
        else:
            _fill(dsn, scale)
            click.echo(f"{scale} creators, their customers and their orders were added.")


def _fill(dsn: str, creators: int) -> None:
    """:raises Interrupted:"""
    from mystar.demo import scale as scaling

    added, count = 0, counter(f"of {creators} creators")

    def is_added(number: int) -> None:
        nonlocal added
        added = number
        count(number)

    try:
        scaling.fill(dsn, creators, is_added)
    except (KeyboardInterrupt, psycopg2.errors.QueryCanceled):
        rest = f"seed --scale {creators - added} adds the rest." if added < creators else "all are there."
        raise Interrupted(f"{added} of {creators} creators were added; {rest}") from None


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Run stand-ins for mail, payments and sign-in providers. See `sandbox --help`."""
    try:
        command = import_module("mystar.sandbox.process").sandbox_command
    except ModuleNotFoundError as error:
        raise click.ClickException(f"The sandbox needs its extra: pip install 'mystar[sandbox]' ({error})") from error
    command(args=list(arguments), prog_name="python -m mystar sandbox")


@main.group()
def accounts() -> None:
    """Manage accounts."""


accounts.add_command(import_accounts)
accounts.add_command(export_account)
accounts.add_command(erase_account)
accounts.add_command(reset_factors)


@main.command()
def routes() -> None:
    """Print every address: contract, method, path, handler."""
    for contract in _contracts():
        for one in contract.routes:
            handler = f"{one.handler.__module__}.{getattr(one.handler, '__qualname__', one.handler)}"
            click.echo(f"{contract.name:10} {one.method:7} {one.path:45} {handler}")


@main.command("openapi")
def print_openapi() -> None:
    """Print the OpenAPI document."""
    from mystar.contracts.openapi import openapi, share_refusals

    document = share_refusals(openapi(_contracts(), public_url=load_settings().http.public_url))
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@main.command("asyncapi")
def print_asyncapi() -> None:
    """Print the AsyncAPI document of the WebSockets."""
    from mystar.contracts.asyncapi import asyncapi

    document = asyncapi(public_url=load_settings().http.public_url)
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@main.command("push-key")
def push_key() -> None:
    """Print a new key for MYSTAR_PUSH__PRIVATE_KEY."""
    from mystar.kit.outbox.web_push import VapidKey

    click.echo(VapidKey.generate())


@main.command()
def errors() -> None:
    """Print the reference of all errors: docs/errors.md."""
    from mystar.contracts.error_reference import error_reference

    click.echo(error_reference(_contracts()), nl=False)


@main.command()
def settings() -> None:
    """Print the reference of all settings: docs/operate/settings.md."""
    from mystar.cli.settings_reference import settings_reference

    click.echo(settings_reference(), nl=False)


@main.command()
@click.option("--deep", is_flag=True, help="Also ask mail, storage, Redis, the payment provider, clock and TLS.")
def check(deep: bool) -> None:
    """Verify settings, database and invariants; exit 1 and name every problem."""
    from mystar.cli import probes

    settings = load_and_configure()
    with database(settings) as dsn:
        problems = migrations.problems(dsn)
        if not problems:
            problems = asyncio.run(_broken_invariants(settings, dsn))
            problems += asyncio.run(probes.problems(settings, dsn, deep=deep))
            asyncio.run(_mark_check(settings, dsn, len(problems)))
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo("Everything is in order.")


@main.group()
def mail() -> None:
    """Examine the configured mail server."""


@mail.command("test")
@click.option("--to", required=True, help="The address that a test mail is sent to.")
def send_test_mail(to: str) -> None:
    """Send a mail with the configured server; exit 1 and say why if it is refused."""
    from mystar.cli.probes import send_mail

    if refusal := asyncio.run(send_mail(load_and_configure(), to)):
        raise click.ClickException(refusal)
    click.echo(f"The mail server accepted a mail to {to}.")


mail.add_command(send_samples)


@main.group()
def files() -> None:
    """Manage uploaded files."""


@files.command("move")
@click.option("--to", "kind", type=click.Choice(["local", "s3"]), required=True)
def move_files(kind: str) -> None:
    """Move all files to the disk or to the bucket, verified by SHA-256; the service may run meanwhile. Exit 1 if files
    are missing or damaged. Can be interrupted and started again."""
    counts: Counter[str] = Counter()

    async def move(app: web.Application) -> None:
        from mystar.files.keys import STORAGES
        from mystar.files.storage_migration import StorageMigration
        from mystar.kit.keys import DATABASE

        places, other = app[STORAGES], "local" if kind == "s3" else "s3"
        try:
            mover = StorageMigration(app[DATABASE], places.named(other), places.named(kind))
        except LookupError as error:
            raise click.ClickException("No bucket is configured: set MYSTAR_STORAGE__S3__…") from error
        count = counter("files looked at")
        async for one in mover.run():
            counts[one.outcome] += 1
            count(counts.total())
            if one.outcome in ("broken", "missing"):
                click.echo(f"{one.key} is {one.outcome}", err=True)

    with_service(move)
    click.echo(f"{counts['moved']} moved, {counts['there']} were there already.")
    if counts["broken"] + counts["missing"]:
        sys.exit(1)


@contextlib.contextmanager
def _sandbox(settings: Settings, people: Sequence[tuple[str, str]]) -> Iterator[str | None]:
    """Start the sandbox where the settings expect it and yield its address; None if they point elsewhere.

    :param people: logins and passwords that its live page offers.
    """
    ports, url = settings.sandbox, sandbox_url(settings)
    if not settings.payments.yookassa.url.startswith(f"{url}/") or settings.mail.port != ports.smtp_port:
        yield None
        return
    command = [
        *(sys.executable, "-m", "mystar.sandbox", "--die-with-parent"),
        *("--http-port", str(ports.port), "--smtp-port", str(ports.smtp_port)),
        *("--data-dir", str(settings.data_dir / "sandbox")),
        *("--webhook-url", f"{settings.http.public_url}/payments/notifications/"),
        *(part for login, password in people for part in ("--people", login, password)),
    ]
    # In a session of its own: Ctrl-C stops the service first, and its last mails still reach the sandbox.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _SANDBOX_STARTS)
        if not ready or not process.stdout.readline():
            raise click.ClickException("The sandbox did not start; the reason is printed above.")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _load_demo(settings: Settings, dsn: str) -> None:
    from mystar.app import create_app
    from mystar.demo import loader

    runner = web.AppRunner(await create_app(settings, dsn))
    try:
        # Starts the tasks: payments and mails of the demo are sent from the outbox.
        await runner.setup()
        await loader.load(runner.app, settings)
        loaded = await loader.is_loaded(runner.app)
    finally:
        await runner.cleanup()
    click.echo("The demo data is loaded." if loaded else "The database has accounts: no demo data was added.")


async def _broken_invariants(settings: Settings, dsn: str) -> list[str]:
    from mystar.app import broken_invariants

    async with service(settings, dsn) as app:
        return await broken_invariants(app)


async def _mark_check(settings: Settings, dsn: str, problems: int) -> None:
    """Keep the outcome for the alarms; a database that takes no writes is named by the check itself."""
    from mystar.alarms.keys import ALARMS
    from mystar.errors import MystarError

    async with service(settings, dsn) as app:
        with contextlib.suppress(MystarError):
            await app[ALARMS].mark("check", problems)


def _contracts() -> Any:
    from mystar.app import contracts

    return contracts()
