"""The operator's commands about a person's data: ``python -m mystar accounts export`` and ``erase``."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from aiohttp import web

from mystar.cli.context import with_service

_REASON = click.option("--reason", required=True, help="Why, for the audit log; without names.")


@click.command("export")
@click.argument("login")
@click.option("--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The archive.")
@_REASON
def export_account(login: str, target: Path, reason: str) -> None:
    """Write everything that is kept of an account into a ZIP archive.

    LOGIN is a user name, an e-mail address, a phone, or id:NUMBER.
    """

    async def action(app: web.Application) -> None:
        from mystar.accounts.keys import OPERATOR
        from mystar.privacy.keys import EXPORT_BUILDER, EXPORTS
        from mystar.privacy.model import Requester

        account = await app[OPERATOR].account(login)
        staged = await app[EXPORT_BUILDER].write_to_disk(account.id)
        try:
            await app[EXPORTS].record_by_operator(account.id, Requester("operator", reason=reason))
            shutil.copyfile(staged, target)
        finally:
            staged.unlink()
        click.echo(f"{target} has the data of account {account.id}.")

    with_service(action)


@click.command("erase")
@click.argument("login")
@_REASON
@click.option("--now", "is_now", is_flag=True, help="Without the waiting period.")
def erase_account(login: str, reason: str, is_now: bool) -> None:
    """Erase an account after the waiting period, or now.

    LOGIN is a user name, an e-mail address, a phone, or id:NUMBER. What stands in the way is printed.
    """

    async def action(app: web.Application) -> None:
        from mystar.accounts.keys import OPERATOR
        from mystar.privacy.keys import ERASURES
        from mystar.privacy.model import ErasureBlocked, ErasureRequested, Requester

        account = await app[OPERATOR].account(login)
        erasures = app[ERASURES]
        try:
            try:
                await erasures.request_for(account.id, Requester("operator", reason=reason))
            except ErasureRequested:
                if not is_now:
                    raise
            if is_now:
                await erasures.erase_now(account.id)
        except ErasureBlocked as blocked:
            lines = [f"{one.code}: {', '.join(map(str, one.ids))}" for one in blocked.found]
            raise click.ClickException("\n".join([blocked.message("en"), *lines])) from blocked
        when = "is erased" if is_now else f"will be erased after {erasures.waiting_period}"
        click.echo(f"Account {account.id} {when}.")

    with_service(action)
