"""The command that imports accounts: ``python -m mystar accounts import``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from aiohttp import web

from mystar.accounts.model import Channel
from mystar.cli.context import error_lines, progress, with_service
from mystar.errors import MystarError


@click.command("import")
@click.option(
    "--file",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with a heading (username, email, phone, password, first_name, last_name, is_verified), JSON lines, or "
    "the output of Django's dumpdata, with profiles.",
)
@click.option(
    "--dialect",
    "channel",
    type=click.Choice(["market", "greetings", "messenger", "studio", "identity"]),
    default="market",
    help="Whose product the mails to these accounts name.",
)
def import_accounts(path: Path, channel: Channel) -> None:
    """Import accounts from Django, with their pbkdf2_sha256 hashes; exit 1 if one was refused.

    It can be repeated: accounts that are there with the same user name, e-mail and phone are counted and left alone.
    Deactivated accounts are imported as blocked ones.
    """
    from mystar.accounts.import_files import read
    from mystar.accounts.importing import import_account
    from mystar.accounts.keys import ACCOUNTS

    counts = {"imported": 0, "refused": 0, "already there": 0}
    try:
        records = read(path)
    except ValueError as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error

    async def import_all(app: web.Application) -> None:
        for record in progress(records, "accounts"):
            try:
                is_new = await import_account(app[ACCOUNTS], record, channel)
                counts["imported" if is_new else "already there"] += 1
            except MystarError as error:
                counts["refused"] += 1
                reason = " ".join([*error_lines(error), *([record.reason] if record.reason else [])])
                click.echo(f"line {record.number}: {reason}", err=True)

    try:
        with_service(import_all)
    finally:
        told = {what: count for what, count in counts.items() if count or what != "already there"}
        click.echo(", ".join(f"{count} {what}" for what, count in told.items()) + ".")
    if counts["refused"] or not records:
        sys.exit(1)
