"""Commission rules, and what staff decide about the earnings of an order on its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from multidict import MultiDict

from mystar.admin import commission_form
from mystar.admin.access import Handler, actor_of, staff, zone_in
from mystar.admin.handlers.forms import ID, number_field, path_id, rubles_field, seen_field, text_field
from mystar.admin.handlers.notes import with_note
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.labels import EARNING_ACCOUNTS
from mystar.admin.refused_forms import typed_before
from mystar.earnings import moves
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS
from mystar.earnings.model import Bearer, Earning, totals
from mystar.earnings.rules.model import RuleDraft, RulesWrong
from mystar.earnings.rules.schemas import read_rules
from mystar.errors import Invalid, Text
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route

_MAX_TEXT, _MAX_RULES = 500, 500
_NEEDED = Text("Обязательное поле.", "Missing data for required field.")
_NO_SERVICE = Text("Такой услуги нет.", "There is no such service.")


# Commission rules.


@staff("owner")
async def edit_rules(request: web.Request) -> web.Response:
    """The rules that can apply, to be changed into a new list; with ``count``, as many as were being written.

    Of a form that is shown again, the rules as they were typed: a checked category may be gone by now.
    """
    if "count" in (before := typed_before(request)):
        sent = MultiDict((name, text) for name, texts in before.items() for text in texts)
        return await _rules_page(request, commission_form.typed(sent, _count(sent.get("count", ""))))
    current, rows = await request.app[COMMISSION_RULES].current(), request.app[ROWS]
    ids = [one for rule in current for one in rule.conditions.creator_ids or ()]
    names = {one["id"]: one["username"] for one in await rows.all("creators_by_id", ids=ids)}
    rules = [commission_form.shown(rule, names) for rule in current]
    count = _count(request.query.get("count", "")) or max(len(rules), 1)
    return await _rules_page(request, [*rules, *[commission_form.EMPTY] * count][:count])


def _count(text: object) -> int:
    number = int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 4 else 0
    return min(number, _MAX_RULES)


async def _rules_page(request: web.Request, rules: Sequence[commission_form.RuleFields], **values: Any) -> web.Response:
    categories = await request.app[ROWS].all("category_names")
    values = {"tried": None, "price": "", "service_id": "", **values}
    return page(request, "commission_rules_new.html", rules=rules, categories=categories, **values)


@staff("owner", is_sensitive=True)
async def set_rules(request: web.Request) -> web.Response:
    """:raises Invalid: fields are wrong. :raises RulesWrong:"""
    drafts = await _drafts(request, await _typed(request))
    try:
        await request.app[COMMISSION_RULES].set_list(drafts, actor_of(request).id)
    except RulesWrong as error:
        raise commission_form.beside_fields(error, zone_in(request)) from error
    return action_response(request, "/admin/commission-rules/")


@staff("owner")
async def change_draft(request: web.Request) -> web.Response:
    """Add, move or remove a rule of the list that is being written, or show what it takes; nothing is set.

    :raises Invalid: fields are wrong, or there is no such service. :raises RulesWrong:
    """
    rules, move = await _typed(request), await text_field(request, "move", max_length=20)
    example = {name: await text_field(request, name, max_length=20) for name in ("price", "service_id")}
    if move:
        return await _rules_page(request, commission_form.moved(rules, move), **example)
    drafts = await _drafts(request, rules)
    try:
        await request.app[COMMISSION_RULES].check(drafts)
        tried = await _tried(request, drafts)
    except RulesWrong as error:
        raise commission_form.beside_fields(error, zone_in(request)) from error
    return await _rules_page(request, rules, tried=tried, **example)


async def _typed(request: web.Request) -> list[commission_form.RuleFields]:
    sent = await form(request)
    return commission_form.typed(sent, _count(sent.get("count", "")))


async def _drafts(request: web.Request, rules: Sequence[commission_form.RuleFields]) -> list[RuleDraft]:
    """:raises Invalid: fields are wrong. :raises RulesWrong: there are no rules."""
    words = sorted({one for found in commission_form.creator_words(rules) for one in found})
    ids = [int(one) for one in words if one.isascii() and one.isdigit() and len(one) < 19]
    found = await request.app[ROWS].all("creators_by_name", names=words, ids=ids)
    known = {str(one["id"]): one["id"] for one in found} | {one["username_key"]: one["id"] for one in found}
    return read_rules(commission_form.as_data(rules, known, zone_in(request)))


async def _tried(request: web.Request, drafts: Sequence[RuleDraft]) -> dict[str, Any]:
    """What the list takes of an example: each rule of the price, and of a service the one that applies, beside today's.

    :raises Invalid: no such service, or no price.
    """
    service_id = await number_field(request, "service_id", max_value=2**63 - 1)
    service = await request.app[ROWS].one("service_to_try", id=service_id) if service_id else None
    if service_id and service is None:
        raise Invalid(fields={"service_id": [_NO_SERVICE]})
    price: int | None = await rubles_field(request, "price") or (service["base_price"] if service else None)
    if price is None:
        raise Invalid(fields={"price": [_NEEDED]})
    tried = {"price": price, "effects": commission_form.effects(drafts, price), "service": service}
    if service is None:
        return tried
    rules, kind = request.app[COMMISSION_RULES], service["kind"]
    new, now = await rules.try_list(drafts, service_id, kind, price), await rules.now(service_id, kind, price)
    return tried | {
        "rule": new,
        "commission": new.terms.commission(price) if new else 0,
        "now": now.terms.commission(price) if now else 0,
    }


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
    seen = await seen_field(request)
    bearer: Bearer = "platform" if await text_field(request, "bearer", max_length=10) == "platform" else "creator"
    fee = await rubles_field(request, "fee") or 0
    return await request.app[EARNINGS].charge_back(
        actor_of(request), path_id(request), amount, bearer, fee=fee, note=note, seen=seen
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
