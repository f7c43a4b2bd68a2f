"""The operator's commands about payouts: ``python -m mystar payouts …``."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click
from aiohttp import web

from mystar.cli.context import operator_name, with_service
from mystar.cli.earnings import Words
from mystar.kit.money import rubles_text

if TYPE_CHECKING:
    from mystar.earnings.payouts.model import Approver, Payout
    from mystar.earnings.payouts.service import ExportLine, PayoutService

_ID = click.argument("payout_id", type=click.IntRange(min=1))
_PART = click.option("--part", type=click.IntRange(min=1), help="The number of a part; all parts without it.")
_AS = click.option("--as", "login", help="A member of the staff who decides; the operator without it.")
_CREATOR = click.option("--creator", "creator_id", required=True, type=click.IntRange(min=1), help="The account's id.")

Verb = Callable[["PayoutService", "Approver"], Awaitable["Payout"]]


@click.group()
def payouts() -> None:
    """Money on its way to creators."""


@payouts.command("list")
@click.option("--status", default="requested", show_default=True)
def list_payouts(status: str) -> None:
    """List payouts of a status, newest first."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import PAYOUTS
        from mystar.earnings.payouts.model import Status

        if status not in list(Status):
            raise click.ClickException(f"{status} is no status; statuses are {', '.join(Status)}.")
        for one in await app[PAYOUTS].queue(Status(status)):
            click.echo(_line(one))

    with_service(action)


@payouts.command("approve")
@_ID
@_AS
def approve(payout_id: int, login: str | None) -> None:
    """Let a payout go. Above MYSTAR_PAYOUTS__SECOND_PAIR_ABOVE two people approve it, an owner among them."""
    _decide(login, lambda service, by: service.approve(by, payout_id))


@payouts.command("paid")
@_ID
@click.option("--document", required=True, type=Words(), help="The number of the bank's document.")
@_PART
@_AS
def paid(payout_id: int, document: str, part: int | None, login: str | None) -> None:
    """Say that the money of a payout has arrived."""
    _decide(login, lambda service, by: service.pay(by, payout_id, document, part))


@payouts.command("failed")
@_ID
@click.option("--reason", required=True, type=Words())
@_PART
@_AS
def failed(payout_id: int, reason: str, part: int | None, login: str | None) -> None:
    """Say that the bank refused a payout; its money is available again."""
    _decide(login, lambda service, by: service.fail(by, payout_id, reason, part))


@payouts.command("returned")
@_ID
@_PART
@_AS
def returned(payout_id: int, part: int | None, login: str | None) -> None:
    """Say that a paid payout came back from the bank; its money is available again."""
    _decide(login, lambda service, by: service.return_(by, payout_id, part))


@payouts.command("cancel")
@_ID
@_AS
def cancel(payout_id: int, login: str | None) -> None:
    """Cancel a payout that is not on its way yet."""
    _decide(login, lambda service, by: service.withdraw(by, payout_id))


@payouts.command("sweep")
def sweep() -> None:
    """Ask for a payout for every creator who can have one, whatever the schedule."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import PAYOUTS

        click.echo(f"{await app[PAYOUTS].sweep_now()} payouts were requested.")

    with_service(action)


@payouts.command("export")
@click.option("--format", "form", type=click.Choice(["csv"]), default="csv", show_default=True)
@click.option("--again", is_flag=True, help="Also what was exported before and is not settled.")
def export(form: str, again: bool) -> None:
    """Print approved payouts for the bank, with the details in clear; they count as sent from now on."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import PAYOUTS

        click.echo(_csv(await app[PAYOUTS].export(await approver_of(app, None), again=again)), nl=False)

    with_service(action)


@payouts.command("stop")
@_CREATOR
@click.option("--reason", required=True, type=Words())
def stop(creator_id: int, reason: str) -> None:
    """Pay a creator nothing until `payouts resume`."""
    _stop(creator_id, reason, "stopped")


@payouts.command("resume")
@_CREATOR
def resume(creator_id: int) -> None:
    """Let a creator be paid again."""
    _stop(creator_id, None, "possible again")


def _stop(creator_id: int, reason: str | None, what: str) -> None:
    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import PAYOUTS

        await app[PAYOUTS].stop(await approver_of(app, None), creator_id, reason)
        click.echo(f"Payouts of creator {creator_id} are {what}.")

    with_service(action)


def _decide(login: str | None, verb: Verb) -> None:
    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import PAYOUTS

        click.echo(_line(await verb(app[PAYOUTS], await approver_of(app, login))))

    with_service(action)


async def approver_of(app: web.Application, login: str | None) -> Approver:
    """A member of the staff, or the operator of this command line."""
    from mystar.accounts.keys import OPERATOR
    from mystar.earnings.payouts.model import Approver

    if login is None:
        return Approver(operator_name(), None, True)
    account = await app[OPERATOR].member(login)
    return Approver(f"account:{account.id}", account.id, account.role == "owner")


def _line(payout: Payout) -> str:
    again = payout.status == "requested" and payout.approved_as
    note = f"  approved by {payout.approved_as}, needs a second person" if again else ""
    moment = payout.created_at.strftime("%Y-%m-%d %H:%M")
    who = f"creator {payout.creator_id}"
    return f"{payout.id:>8}  {payout.status:9}  {rubles_text(payout.amount):>14}  {moment}  {who}  {payout.mask}{note}"


_COLUMNS = ("phone", "bank_id", "token", "account_number", "bic", "account", "inn", "name")


def _csv(lines: list[ExportLine]) -> str:
    """One line for each part, with a heading; ``;`` between cells."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(["payout", "part", "creator", "amount", "kind", *_COLUMNS])
    for line in lines:
        destination = [line.destination.get(name, "").lstrip("+") for name in _COLUMNS]
        amount, part = rubles_text(line.part.amount), line.part
        writer.writerow([line.payout.id, part.number, line.payout.creator_id, amount, line.kind, *destination])
    return text.getvalue()
