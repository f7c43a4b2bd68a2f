"""Commands for staff accounts and the audit log: ``python -m mystar admin …`` and ``audit …``."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import click
from aiohttp import web

from mystar.accounts.model import Account, Role
from mystar.accounts.staff.operator import Operator
from mystar.audit.model import ChainBreak, Entry
from mystar.cli.context import read_password, with_service

_ROLES = ["viewer", "operator", "owner"]
_LOGIN = click.argument("login")


@click.group()
def admin() -> None:
    """Manage staff accounts. LOGIN is a user name, an e-mail address or a phone."""


@admin.command("create")
@click.option("--username", required=True)
@click.option("--email")
@click.option("--phone")
@click.option("--role", type=click.Choice(_ROLES), default="owner", show_default=True)
def create(username: str, email: str | None, phone: str | None, role: Role) -> None:
    """Create a staff account; the password is read from standard input."""
    secret = read_password()

    async def action(app: web.Application) -> None:
        from mystar.accounts.keys import ACCOUNTS

        account = await app[ACCOUNTS].create_staff(
            username=username, email=email, phone=phone, password=secret, role=role
        )
        click.echo(f"Staff account {account.id} ({account.username}, {role}) is ready.")

    with_service(action)


@admin.command("list")
def list_staff() -> None:
    """List staff accounts, owners first."""

    async def action(app: web.Application) -> None:
        from mystar.accounts.keys import OPERATOR

        staff = await app[OPERATOR].staff()
        for one in staff:
            state = "" if one.is_active else "  disabled"
            ways = "".join(f"  {way}" for way in (one.email, one.phone) if way)
            click.echo(f"{one.id:>8}  {one.role or '':8}  {one.username}{ways}{state}")
        if not staff:
            click.echo("No staff accounts. Create one: mystar admin create --username …")

    with_service(action)


@admin.command("disable")
@_LOGIN
def disable(login: str) -> None:
    """Disable a staff account and end its sessions. The last owner cannot be disabled."""
    _with_account(lambda app: _operator(app).disable(login), "is disabled.")


@admin.command("enable")
@_LOGIN
def enable(login: str) -> None:
    """Enable a disabled staff account."""
    _with_account(lambda app: _operator(app).enable(login), "is enabled.")


@admin.command("reset")
@_LOGIN
def reset(login: str) -> None:
    """Set the password of a staff account from standard input, and end its sessions."""
    secret = read_password()
    _with_account(lambda app: _operator(app).reset(login, secret), "has a new password.")


@admin.command("role")
@_LOGIN
@click.argument("role", type=click.Choice([*_ROLES, "none"]))
def set_role(login: str, role: str) -> None:
    """Give an account the staff ROLE, or none, and end its sessions. The last owner keeps the role."""
    given: Role | None = next((one for one in ("viewer", "operator", "owner") if one == role), None)
    _with_account(lambda app: _operator(app).set_role(login, given), f"has the role {role}.")


@click.command("reset-factors")
@_LOGIN
def reset_factors(login: str) -> None:
    """Remove the second factors of an account whose owner has lost them. LOGIN is a user name, an e-mail or a phone.

    Its sessions end, and the owner is told by mail.
    """

    async def reset(app: web.Application) -> None:
        from mystar.accounts.keys import FACTORS

        account = await app[FACTORS].reset_by_operator(login)
        click.echo(f"{account.username} ({account.id}) has no second factors any more.")

    with_service(reset)


@click.group()
def audit() -> None:
    """Read and verify the audit log."""


@audit.command("verify")
def verify() -> None:
    """Verify the hash chains. If entries were changed or removed, exit 1 and name the first of each chain."""
    found: list[ChainBreak] = []

    async def action(app: web.Application) -> None:
        from mystar.audit.keys import AUDIT

        found.extend(await app[AUDIT].verify())

    with_service(action)
    for one in found:
        click.echo(str(one))
    if found:
        sys.exit(1)
    click.echo("The audit log is intact.")


@audit.command("tail")
@click.option("-n", "--lines", type=click.IntRange(1, 1000), default=20, show_default=True)
def tail(lines: int) -> None:
    """Print the last entries, the newest at the end."""

    async def action(app: web.Application) -> None:
        from mystar.audit.keys import AUDIT

        for entry in await app[AUDIT].tail(lines):
            click.echo(_line(entry))

    with_service(action)


def _line(entry: Entry) -> str:
    event = entry.event
    who = f"account:{event.actor_id}" if event.actor_id else "-"
    details = " ".join(f"{name}={value}" for name, value in event.details.items())
    moment = event.at.strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{moment}  {event.action:20}  {who:14}  {event.subject or '-':14}  {event.address or '-'}  {details}".rstrip()
        + (f"  request={entry.request_id}" if entry.request_id else "")
    )


def _operator(app: web.Application) -> Operator:
    from mystar.accounts.keys import OPERATOR

    return app[OPERATOR]


def _with_account(action: Callable[[web.Application], Awaitable[Account]], result: str) -> None:
    async def run(app: web.Application) -> None:
        account = await action(app)
        click.echo(f"{account.username} ({account.id}) {result}")

    with_service(run)
