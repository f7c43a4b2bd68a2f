"""Commission rules, and what staff decide about the earnings of an order on its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from mystar.admin.access import Handler, actor_of, staff, staff_of
from mystar.admin.handlers.forms import ID, number_field, path_id, rubles_field, text_field
from mystar.admin.handlers.notes import with_note
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.labels import EARNING_ACCOUNTS
from mystar.earnings import moves
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS
from mystar.earnings.model import Bearer, Earning, totals
from mystar.earnings.rules.schemas import read_rules, rule_view
from mystar.errors import Conflict, Invalid, Text
from mystar.kit.web.http import dumps
from mystar.kit.web.routes import Route, route

_MAX_TEXT, _MAX_RULES = 500, 100_000
_NEEDED = Text("Обязательное поле.", "Missing data for required field.")
_NOT_JSON = Text("Это не JSON.", "This is not JSON.")
_NO_SERVICE = Text("Такой услуги нет.", "There is no such service.")


# Commission rules.


@staff("owner")
async def edit_rules(request: web.Request) -> web.Response:
    """The rules that can apply, to be changed into a new list."""
    current = await request.app[COMMISSION_RULES].current()
    views = [{name: value for name, value in rule_view(rule).items() if _is_said(name, value)} for rule in current]
    return _rules_page(request, orjson.loads(dumps(views)))


def _summary(rule: dict[str, Any]) -> tuple[str, str]:
    """A rule's name, and the rest of it in a few words."""
    said = [f"{name} {_words(value)}" for name, value in rule.items() if name not in ("name", "percent") and value]
    return str(rule.get("name", "")), " · ".join([f"{rule.get('percent', 0)} %", *said])


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _rules_page(request: web.Request, rules: Any, **values: Any) -> web.Response:
    text = orjson.dumps(rules, option=orjson.OPT_INDENT_2).decode()
    items = [_summary(one) for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []
    return page(request, "commission_rules_new.html", rules=text, items=items, **values)


def _is_said(name: str, value: Any) -> bool:
    """Starts are left out: a new list starts anew."""
    return name not in ("id", "valid_from") and value not in (None, "", "0.00")


@staff("owner", is_sensitive=True)
async def set_rules(request: web.Request) -> web.Response:
    """:raises Invalid: not JSON, or not a list of rules. :raises RulesWrong:"""
    data = await _draft(request)
    await request.app[COMMISSION_RULES].set_list(read_rules(data), actor_of(request).id)
    return action_response(request, "/admin/commission-rules/")


@staff("owner")
async def change_draft(request: web.Request) -> web.Response:
    """Move a rule of the list that is being written, or try the list with a service; nothing is set.

    :raises Invalid: not JSON, not a list of rules, no such service. :raises RulesWrong:
    """
    rules, move = await _draft(request), await text_field(request, "move", max_length=20)
    if move:
        return _rules_page(request, _moved(rules, move))
    service_id = await number_field(request, "service_id", max_value=2**63 - 1)
    service = await request.app[ROWS].one("service_to_try", id=service_id)
    if service is None:
        raise Invalid(fields={"service_id": [_NO_SERVICE]})
    price: int | None = await rubles_field(request, "price") or service["base_price"]
    if price is None:
        raise Invalid(fields={"price": [_NEEDED]})
    rule = await request.app[COMMISSION_RULES].try_list(read_rules(rules), service_id, service["kind"], price)
    commission = rule.terms.commission(price) if rule else 0
    tried = {"service": service, "price": price, "rule": rule, "commission": commission, "share": price - commission}
    return _rules_page(request, rules, tried=tried)


async def _draft(request: web.Request) -> Any:
    text = await text_field(request, "rules", max_length=_MAX_RULES, min_length=2)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(fields={"rules": [_NOT_JSON]}) from error


def _moved(rules: Any, move: str) -> Any:
    """``move`` is "up:2" or "down:2", counted from 0; what cannot be moved stays."""
    direction, _, number = move.partition(":")
    place = int(number) if number.isascii() and number.isdigit() else -1
    other = place + (1 if direction == "down" else -1)
    if isinstance(rules, list) and 0 <= place < len(rules) and 0 <= other < len(rules):
        rules[place], rules[other] = rules[other], rules[place]
    return rules


# The earnings of an order, on its page.


def _decision(verb: Callable[[web.Request], Awaitable[Earning]]) -> Handler:
    @staff("operator", is_sensitive=verb is not _stop)
    async def handler(request: web.Request) -> web.Response:
        """:raises EarningUnknown:"""
        async with await with_note(request, "order", path_id(request)):
            await verb(request)
        return action_response(request, f"/admin/orders/{path_id(request)}/")

    return handler


async def _reason(request: web.Request) -> str:
    return await text_field(request, "reason", max_length=_MAX_TEXT, min_length=1)


async def _stop(request: web.Request) -> Earning:
    return await request.app[EARNINGS].stop(actor_of(request), path_id(request), await _reason(request))


async def _resume(request: web.Request) -> Earning:
    return await request.app[EARNINGS].resume(actor_of(request), path_id(request))


async def _settle(request: web.Request) -> Earning:
    return await request.app[EARNINGS].settle_before(actor_of(request), path_id(request))


async def _charge_back(request: web.Request) -> Earning:
    """:raises ChargebackTooMuch: :raises Conflict: one was entered since the page was rendered."""
    amount, note = await rubles_field(request, "amount"), await text_field(request, "reason", max_length=_MAX_TEXT)
    if amount is None:
        raise Invalid(fields={"amount": [_NEEDED]})
    count = await request.app[ROWS].all("chargeback_count", id=path_id(request))
    if staff_of(request).by_cookie and await text_field(request, "seen", max_length=20) != str(count[0]["count"]):
        raise Conflict
    bearer: Bearer = "platform" if await text_field(request, "bearer", max_length=10) == "platform" else "creator"
    fee = await rubles_field(request, "fee") or 0
    return await request.app[EARNINGS].charge_back(
        actor_of(request), path_id(request), amount, bearer, fee=fee, note=note
    )


async def earning_card(request: web.Request, order_id: int) -> dict[str, Any] | None:
    """What the page of an order shows of its earning, with what a refund of the rest would take from whom."""
    earning = await request.app[EARNINGS].of_order(order_id)
    if earning is None:
        return None
    preview: dict[str, int] = {}
    if earning.can_go_back > 0:
        change = moves.refund(earning, earning.can_go_back)
        preview = {str(account): -amount for account, amount in totals(change.moves).items() if amount}
        preview["platform"] = earning.can_go_back - sum(preview.values())
    count = await request.app[ROWS].all("chargeback_count", id=order_id)
    return {"earning": earning, "preview": preview, "chargebacks": count[0]["count"], "accounts": EARNING_ACCOUNTS}


_NEW = "/admin/commission-rules/new/"
_DECISIONS = {"stop": _stop, "resume": _resume, "settle": _settle, "chargeback": _charge_back}

ROUTES: tuple[Route, ...] = (
    route("GET", _NEW, edit_rules, "admin.commission-rules-new", documented=False),
    route("POST", _NEW, set_rules, "admin.commission-rules-new", documented=False),
    route("POST", "/admin/commission-rules/draft/", change_draft, "admin.commission-rules-draft", documented=False),
    *(
        route("POST", f"/admin/orders/{ID}/earning/{name}/", _decision(verb), f"admin.earning-{name}", documented=False)
        for name, verb in _DECISIONS.items()
    ),
)
