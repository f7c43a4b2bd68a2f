"""The operator's commands about earnings: ``python -m mystar earnings …``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson
from aiohttp import web

from mystar.cli.context import with_service
from mystar.kit.money import kopecks, rubles_text

_ORDER = click.option("--order", "order_id", required=True, type=click.IntRange(min=1), help="The order's id.")
_CREATOR = click.option("--creator", "creator_id", required=True, type=click.IntRange(min=1), help="The account's id.")


class Sum(click.ParamType[int]):
    """RubleAmount such as 1200.00; kopecks inside.

    :param signed: whether a minus may stand before it.
    """

    name = "sum"

    def __init__(self, *, signed: bool = False) -> None:
        self._signed = signed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        minus = self._signed and value.startswith(("-", "−"))
        try:
            amount = kopecks(value[1:] if minus or (self._signed and value.startswith("+")) else value)
        except ValueError:
            amount = 0
        if not amount:
            raise click.ClickException("A sum in rubles with at most two decimals is needed, and not zero.")
        return -amount if minus else amount


class Words(click.ParamType[str]):
    """Text that says something."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            raise click.ClickException(f"{param.opts[0] if param else 'The text'} may not be empty.")
        return str(value).strip()


@click.group()
def earnings() -> None:
    """What creators earn, and the platform's commission."""


@earnings.command("rules")
@click.option(
    "--set",
    "file",
    metavar="FILE",
    help="JSON, a list: {name, creators, categories, kinds, price_from, price_to, percent, fixed, min, max, "
    "valid_from}; the first that matches is applied, and the last has no conditions. - = standard input.",
)
def rules(file: str | None) -> None:
    """Print the commission rules that can apply to new orders as JSON, or set a new list."""
    drafts = _read_json(file) if file else None

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import COMMISSION_RULES
        from mystar.earnings.rules.schemas import read_rules, rule_view

        service = app[COMMISSION_RULES]
        found = await service.current() if drafts is None else await service.set_list(read_rules(drafts))
        click.echo(orjson.dumps([rule_view(rule) for rule in found], option=orjson.OPT_INDENT_2).decode())

    with_service(action)


@earnings.command("adjust")
@_CREATOR
@click.option("--amount", required=True, type=Sum(signed=True), help="A bonus, or with a minus a fine, in rubles.")
@click.option("--reason", required=True, type=Words())
def adjust(creator_id: int, amount: int, reason: str) -> None:
    """Add to a creator's balance, or take from it."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        balance = await app[EARNINGS].adjust(None, creator_id, amount, reason)
        click.echo(f"Creator {creator_id} has {rubles_text(balance.available)} RUB available.")

    with_service(action)


@earnings.command("write-off")
@_CREATOR
@click.option("--reason", required=True, type=Words())
def write_off(creator_id: int, reason: str) -> None:
    """Let the platform bear a creator's debt."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        debt = await app[EARNINGS].write_off(None, creator_id, reason)
        click.echo(f"A debt of {rubles_text(debt)} RUB of creator {creator_id} is written off.")

    with_service(action)


@earnings.command("chargeback")
@_ORDER
@click.option("--amount", required=True, type=Sum(), help="What the bank took back, in rubles.")
@click.option("--bearer", required=True, type=click.Choice(["creator", "platform"]))
@click.option("--fee", type=Sum(), default=None, help="What the bank charges for it; the platform bears it.")
@click.option("--note", default="")
def chargeback(order_id: int, amount: int, bearer: Any, fee: int | None, note: str) -> None:
    """Enter what a bank took back of an order's payment."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        earning = await app[EARNINGS].charge_back(None, order_id, amount, bearer, fee=fee or 0, note=note)
        left = rubles_text(earning.refundable)
        click.echo(f"Order {order_id}: {rubles_text(amount)} RUB charged back; {left} RUB of its payment are left.")

    with_service(action)


@earnings.command("stop")
@_ORDER
@click.option("--reason", required=True, type=Words())
def stop(order_id: int, reason: str) -> None:
    """Freeze what an order earns, and stop its clock."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        earning = await app[EARNINGS].stop(None, order_id, reason)
        click.echo(f"Order {order_id}: {rubles_text(earning.frozen)} RUB are frozen.")

    with_service(action)


@earnings.command("resume")
@_ORDER
def resume(order_id: int) -> None:
    """Let what an order earns clear again. An order of before there were earnings clears anew."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        earning = await app[EARNINGS].resume(None, order_id)
        when = earning.clears_at.isoformat() if earning.clears_at else "after its completion"
        clears = f"{rubles_text(earning.pending)} RUB clear, {when}"
        click.echo(f"Order {order_id}: {'what was frozen is available again' if earning.cleared_at else clears}.")

    with_service(action)


@earnings.command("settled")
@_ORDER
def settled(order_id: int) -> None:
    """Say that the creator was paid for an order of before there were earnings."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        await app[EARNINGS].settle_before(None, order_id)
        click.echo(f"Order {order_id} is settled.")

    with_service(action)


@earnings.command("debts")
def debts() -> None:
    """List creators who have owed for longer than MYSTAR_EARNINGS__DEBT_DAYS."""

    async def action(app: web.Application) -> None:
        from mystar.earnings.keys import EARNINGS

        for one in await app[EARNINGS].debts():
            since = one.negative_since and one.negative_since.date().isoformat()
            click.echo(f"{one.creator_id:>8}  {rubles_text(one.available):>14}  since {since}")

    with_service(action)


def _read_json(file: str) -> Any:
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{file} is not JSON: {error}") from error
