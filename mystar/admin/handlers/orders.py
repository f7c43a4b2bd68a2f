"""Orders with their history, money and actions; studio orders; payments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, response_schema

from mystar.accounts.model import Actor
from mystar.admin.access import actor_of, language_in, staff, staff_of
from mystar.admin.decisions import amount_of, money_of, outcomes, refund_outcome
from mystar.admin.handlers.commission import earning_card
from mystar.admin.handlers.forms import ID, load_row, path_id, rubles_field, seen_field, text_field
from mystar.admin.handlers.notes import notes_of, with_note
from mystar.admin.handlers.render import action_response, data, local_path, page, tone
from mystar.admin.keys import ROWS
from mystar.admin.lists.columns import parse_id
from mystar.admin.lists.labels import (
    ACTIONS,
    GOALS,
    LEDGER_ACCOUNTS,
    LEDGER_REASONS,
    MONEY,
    ORDER_KINDS,
    ORDER_STATUSES,
    PARTIES,
    PAYMENT_STATUSES,
    PAYOUT_STATUSES,
    STUDIO_STATES,
)
from mystar.chat.keys import STAFF_READING
from mystar.chat.staff_reading import StaffPage
from mystar.earnings.keys import EARNINGS
from mystar.errors import Conflict, Text
from mystar.files.keys import FILES
from mystar.kit.postgres.database import Row
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import path_of
from mystar.orders import state_machine
from mystar.orders.allowed import Allowed
from mystar.orders.keys import ORDERS, STUDIO_ORDERS
from mystar.orders.model import Kind, Money, Role, order_of
from mystar.orders.studio.schemas import StudioProcessPath, StudioQueuedView, studio_order_view
from mystar.payments.keys import PAYMENTS

#: Queries of an order's page, behind "order_".
_PARTS = ("history", "payments", "ledger", "files", "deliveries", "payouts")
#: Studio orders per request for progress or processing.
_MAX_IDS = 100
LABELS: Mapping[str, Mapping[str, Text]] = {
    "kinds": ORDER_KINDS,
    "statuses": {**ORDER_STATUSES, **STUDIO_STATES},
    "moneys": MONEY,
    "goals": GOALS,
    "payment_statuses": PAYMENT_STATUSES,
    "ledger_accounts": LEDGER_ACCOUNTS,
    "ledger_reasons": LEDGER_REASONS,
    "parties": PARTIES,
    "actions": ACTIONS,
    "payouts": PAYOUT_STATUSES,
}


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    order = await load_row(request, "order_page")
    parts: dict[str, Any] = {one: await request.app[ROWS].all(f"order_{one}", id=order["id"]) for one in _PARTS}
    for file in parts["files"]:
        file["url"] = request.app[FILES].private_url(file["key"])
    return page(
        request,
        "order.html",
        order=order,
        **parts,
        allowed={str(one.name) for one in _allowed(order, actor_of(request))},
        may_operate=actor_of(request).may_operate,
        refunds_seen=_refund_count(parts["payments"]),
        labels=LABELS,
        earned=await earning_card(request, order["id"]),
        notes=await notes_of(request, "order", order["id"]),
        private_url=request.app[FILES].private_url,
        conversation=await _conversation(request, order),
        **await _decisions(request, order, parts["payments"]),
    )


async def _decisions(request: web.Request, order: Row, payments: list[Row]) -> dict[str, Any]:
    """The money of the order, and what each decision would do; ``?amount=`` is a refund to try."""
    money, earning = money_of(payments), await request.app[EARNINGS].of_order(order["id"])
    available = (await request.app[EARNINGS].balance(earning.creator_id))[0].available if earning else 0
    allowed = {str(one.name) for one in _allowed(order, actor_of(request))}
    found = outcomes(Money(order["money"]), money, earning, available, allowed)
    text = request.query.get("amount", "")[:20]
    amount, tried = amount_of(text), None
    if amount and "refund_part" in allowed and amount <= money.refundable:
        tried = refund_outcome(money, earning, available, amount)
    return {
        "money": money,
        "outcomes": found,
        "is_divided": earning is not None,
        "tried": tried,
        "tried_amount": amount if tried else None,
        "wrong_amount": text if text and not tried else "",
    }


async def _conversation(request: web.Request, order: Row) -> StaffPage | None:
    """Of the parties: in a dispute at once, else when asked for. Its reading is in the audit log."""
    actor, is_asked = actor_of(request), "conversation" in request.query or order["status"] == "disputed"
    if not (is_asked and actor.may_operate and order["buyer_id"] and order["creator_account_id"]):
        return None
    return await request.app[STAFF_READING].of_order(
        actor,
        order["id"],
        order["buyer_id"],
        order["creator_account_id"],
        up_to=parse_id(request.query.get("conversation", "")),
    )


def _allowed(row: Row, actor: Actor) -> tuple[Allowed, ...]:
    """What the actor may do as staff; nothing with an order of their own."""
    order = order_of(row)
    if order.kind is Kind.STUDIO or not actor.may_operate or order.role_of(actor) is not Role.STAFF:
        return ()
    return state_machine.allowed_actions(order, Role.STAFF, state_machine.SHOWN_TO_STAFF)


def _refund_count(payments: list[Row]) -> int:
    """How many refunds there are, so that a form sent twice is detected."""
    return sum(one["refunds"] + (one["goal"] == "give_back") for one in payments)


@staff("operator")
async def capture(request: web.Request) -> web.Response:
    async with await with_note(request, "order", path_id(request)):
        await request.app[ORDERS].capture(actor_of(request), path_id(request))
    return _back(request)


@staff("operator")
async def approve(request: web.Request) -> web.Response:
    """Decide the dispute for the creator."""
    async with await with_note(request, "order", path_id(request)):
        await request.app[ORDERS].approve(actor_of(request), path_id(request))
    return _back(request)


@staff("operator")
async def cancel(request: web.Request) -> web.Response:
    """Cancel for the buyer: a hold is released, captured money is refunded."""
    reason = await text_field(request, "reason", max_length=500)
    async with await with_note(request, "order", path_id(request)):
        await request.app[ORDERS].cancel(actor_of(request), path_id(request), reason)
    return _back(request)


@staff("operator", is_sensitive=True)
async def refund(request: web.Request) -> web.Response:
    """Refund what is left, or a part.

    :raises Conflict: there was a refund since the page was rendered, as by a second click.
    """
    amount, reason = await rubles_field(request, "amount"), await text_field(request, "reason", max_length=500)
    seen = await seen_field(request)
    if seen not in (None, _refund_count(await request.app[ROWS].all("order_payments", id=path_id(request)))):
        raise Conflict
    async with await with_note(request, "order", path_id(request)):
        await request.app[ORDERS].refund(actor_of(request), path_id(request), amount, reason, seen=seen)
    return _back(request)


@staff("operator")
async def resume_payment(request: web.Request) -> web.Response:
    """Allow payment again after the cause of the provider's refusal was removed."""
    await request.app[ORDERS].resume_payment(actor_of(request), path_id(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def refund_again(request: web.Request) -> web.Response:
    """Start a refund again that the provider has canceled."""
    await request.app[ORDERS].refund_again(actor_of(request), path_id(request))
    return _back(request)


# Studio orders.


@docs(
    tags=["studio: orders"],
    summary="Start processing of a studio order, after a short delay; staff only",
    description="A second request changes nothing. The button of the panel sends its session instead of a token.",
)
@staff("operator")
@match_info_schema(StudioProcessPath)
@response_schema(StudioQueuedView, 202)
async def process_order(request: web.Request) -> web.Response:
    studio = request.app[STUDIO_ORDERS]
    order = await studio.process(actor_of(request), path_of(request)["order_id"])
    if staff_of(request).by_cookie:
        return action_response(request, f"/admin/orders/{order.id}/")
    view = studio_order_view(order, lambda picture: absolute(request, studio.picture_path(picture)))
    return json_response({**view, "process_at": order.process_at}, 202)


@staff("operator")
async def process_many(request: web.Request) -> web.Response:
    """Process the selected orders."""
    chosen = (await form(request)).getall("id", [])
    ids = [one for value in chosen[:_MAX_IDS] if isinstance(value, str) and (one := parse_id(value)) is not None]
    await request.app[STUDIO_ORDERS].process_many(actor_of(request), ids)
    back = await text_field(request, "back", max_length=2000)
    return action_response(request, local_path(back, "/admin/studio-orders/"))


@staff("viewer")
async def progress(request: web.Request) -> web.Response:
    """``?ids=1,2,3``: the states of these orders, for the script of the page."""
    ids = [one for text in request.query.get("ids", "").split(",")[:_MAX_IDS] if (one := parse_id(text)) is not None]
    language = language_in(request)

    def progress_view(row: Row) -> dict[str, Any]:
        state = row["state"]
        return {**row, "words": LABELS["statuses"][state].in_(language), "tone": tone(state)}

    return data({"orders": [progress_view(row) for row in await request.app[ROWS].all("studio_progress", ids=ids)]})


# Payments.


@staff("viewer")
async def show_payment(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    payment = await load_row(request, "payment_page")
    ledger = await request.app[ROWS].all("payment_ledger", id=payment["id"])
    return page(request, "payment.html", payment=payment, ledger=ledger, labels=LABELS)


@staff("operator")
async def refresh_payment(request: web.Request) -> web.Response:
    """Read the payment from the provider now. :raises NotFound: :raises Unavailable:"""
    await request.app[PAYMENTS].refresh(path_id(request))
    return action_response(request, f"/admin/payments/{path_id(request)}/")


def _back(request: web.Request) -> web.Response:
    return action_response(request, f"/admin/orders/{path_id(request)}/")


_ACTIONS = {
    "capture": capture,
    "approve": approve,
    "cancel": cancel,
    "refund": refund,
    "refund-again": refund_again,
    "resume-payment": resume_payment,
}

ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/orders/{ID}/", show, "admin.order", documented=False),
    *(
        route("POST", f"/admin/orders/{ID}/{name}/", action, f"admin.order-{name}", documented=False)
        for name, action in _ACTIONS.items()
    ),
    route("POST", "/admin/studio-orders/{order_id:[0-9]{1,18}}/process/", process_order, "admin.studio-order-process"),
    route("POST", "/admin/studio-orders/process/", process_many, "admin.studio-orders-process", documented=False),
    route("GET", "/admin/studio-orders/progress/", progress, "admin.studio-orders-progress", documented=False),
    route("GET", f"/admin/payments/{ID}/", show_payment, "admin.payment", documented=False),
    route("POST", f"/admin/payments/{ID}/refresh/", refresh_payment, "admin.payment-refresh", documented=False),
)
