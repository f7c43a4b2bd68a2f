"""The operator's commands about payouts through a provider: the queue, unknown outcomes, reconciliation."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from aiohttp import web

from mystar.cli.context import ticking, with_service
from mystar.cli.earnings import earnings
from mystar.cli.payouts import approver_of, payouts

if TYPE_CHECKING:
    from mystar.earnings.sending.service import PayoutSending

_BY_HAND = "Payouts are paid by hand: MYSTAR_PAYOUTS__PROVIDER is manual."


@payouts.command("queue")
def queue() -> None:
    """Show whether payouts are sent to the provider."""

    async def action(app: web.Application) -> None:
        state = await _sending(app).queue_state()
        stopped = state.stopped_for and f"stopped since {state.stopped_at}: {state.stopped_for}"
        click.echo(stopped or "Payouts are sent.")

    with_service(action)


@payouts.command("resume-queue")
def resume_queue() -> None:
    """Send payouts again, once the balance is funded or the credentials are mended."""

    async def action(app: web.Application) -> None:
        await _sending(app).resume_queue(await approver_of(app, None))
        click.echo("Payouts are sent.")

    with_service(action)


@payouts.command("send-again")
@click.argument("part_id", type=click.IntRange(min=1))
def send_again(part_id: int) -> None:
    """Begin another attempt for the part of a payout that is unknown, once the provider proves not to have it."""

    async def action(app: web.Application) -> None:
        await _sending(app).send_again(await approver_of(app, None), part_id)
        click.echo(f"Part {part_id} is sent again.")

    with_service(action)


@earnings.command("reconcile")
@click.option("--days", default=35, show_default=True, type=click.IntRange(1, 1000), help="How far to look back.")
def reconcile(days: int) -> None:
    """Compare the provider's payouts, refunds and safe deals with ours. Exits with 1 when they differ."""
    found: list[str] = []
    back = timedelta(days=days)

    async def action(app: web.Application) -> None:
        from mystar.alarms.keys import ALARMS
        from mystar.payments.keys import PAYMENTS

        async with ticking("seconds, comparing payouts, refunds and deals"):
            await _compare_payouts(app, back, found)
            refunds = await app[PAYMENTS].reconcile_refunds(back)
        found.extend(map(str, refunds.differences))
        await app[ALARMS].mark("earnings reconcile", len(found))
        click.echo(f"{refunds.count} refunds compared.")

    with_service(action)
    for line in found:
        click.echo(line)
    if found:
        sys.exit(1)


async def _compare_payouts(app: web.Application, back: timedelta, found: list[str]) -> None:
    """And the deals that they are made from; payouts by hand have no other side."""
    from mystar.earnings.keys import DEAL_RECONCILIATION, PAYOUT_RECONCILIATION

    reconciliation = app.get(PAYOUT_RECONCILIATION)
    if reconciliation is None:
        click.echo(_BY_HAND)
        return
    compared = await reconciliation.run(back)
    found.extend(map(str, compared.differences))
    click.echo(f"{compared.count} payouts compared; {compared.balance_text} RUB on the payout balance.")
    deals = await app[DEAL_RECONCILIATION].run(back)
    found.extend(map(str, deals.differences))
    click.echo(f"{deals.count} safe deals compared.")


def _sending(app: web.Application) -> PayoutSending:
    from mystar.earnings.keys import PAYOUT_SENDING

    sending = app.get(PAYOUT_SENDING)
    if sending is None:
        raise click.ClickException(_BY_HAND)
    return sending
