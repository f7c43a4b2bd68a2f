"""The operator's commands about buyers' payments: ``python -m mystar payments …``."""

from __future__ import annotations

import sys
from typing import Any

import click
from aiohttp import web

from mystar.cli.context import ticking, with_service

_ORDER = click.option("--order", "order_id", required=True, type=click.IntRange(min=1), help="The order's id.")


@click.group()
def payments() -> None:
    """Manage payments."""


@payments.command()
def reconcile() -> None:
    """Compare every payment with the provider and the ledger; exit 1 if they differ."""
    differences: list[Any] = []

    async def compare(app: web.Application) -> None:
        from mystar.alarms.keys import ALARMS
        from mystar.payments.keys import PAYMENTS

        async with ticking("seconds, comparing payments"):
            differences.extend(await app[PAYMENTS].reconcile())
        await app[ALARMS].mark("payments reconcile", len(differences))

    with_service(compare)
    for difference in differences:
        click.echo(str(difference))
    if differences:
        sys.exit(1)
    click.echo("The ledger, the payments and the provider agree.")


@payments.command("resume")
@_ORDER
def resume_payment(order_id: int) -> None:
    """Let the buyer pay again after the provider refused the payment, once the cause is mended."""

    async def action(app: web.Application) -> None:
        from mystar.orders.keys import ORDERS

        await app[ORDERS].resume_payment(None, order_id)
        click.echo(f"Order {order_id} can be paid again.")

    with_service(action)


@payments.command("refund-again")
@_ORDER
def refund_again(order_id: int) -> None:
    """Begin a refund of all the rest anew that the provider has canceled."""

    async def action(app: web.Application) -> None:
        from mystar.orders.keys import ORDERS

        await app[ORDERS].refund_again(None, order_id)
        click.echo(f"The refund of order {order_id} begins anew.")

    with_service(action)
