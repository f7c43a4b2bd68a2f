"""An order: what happened, its money, and what staff may do; and the studio's orders in bulk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, response_schema

from mystar.accounts.model import Actor
from mystar.admin.access import actor_of, language_in, staff, staff_of
from mystar.admin.handlers.forms import ID, id_of, rubles_of, shown, text_of
from mystar.admin.handlers.render import acted, data, local, page, tone
from mystar.admin.keys import ROWS
from mystar.admin.lists.columns import an_id
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
    STUDIO_STATES,
)
from mystar.errors import Conflict, Text
from mystar.files.keys import FILES
from mystar.kit.postgres.database import Row
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import path_of
from mystar.orders import state_machine
from mystar.orders.keys import ORDERS, STUDIO_ORDERS
from mystar.orders.model import Kind, Role, order_of
from mystar.orders.state_machine import Allowed
from mystar.orders.studio.schemas import StudioProcessPath, StudioQueuedView, studio_order_view
from mystar.payments.keys import PAYMENTS

#: Studio orders that a page asks about, or sends to processing, at once.
_AT_ONCE = 100
WORDS: Mapping[str, Mapping[str, Text]] = {
    "kinds": ORDER_KINDS,
    "statuses": {**ORDER_STATUSES, **STUDIO_STATES},
    "moneys": MONEY,
    "goals": GOALS,
    "payment_statuses": PAYMENT_STATUSES,
    "ledger_accounts": LEDGER_ACCOUNTS,
    "ledger_reasons": LEDGER_REASONS,
    "parties": PARTIES,
    "actions": ACTIONS,
}


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    order = await shown(request, "order_page")
    parts = ("history", "payments", "ledger", "files")
    history, payments, ledger, files = [await request.app[ROWS].all(f"order_{one}", id=order["id"]) for one in parts]
    for file in files:
        file["url"] = request.app[FILES].private_url(file["key"])
    return page(
        request,
        "order.html",
        order=order,
        history=history,
        payments=payments,
        ledger=ledger,
        files=files,
        allowed={str(one.name) for one in _allowed(order, actor_of(request))},
        may_operate=actor_of(request).may_operate,
        left=_left(payments),
        seen=_seen(payments),
        words=WORDS,
    )


def _allowed(row: Row, actor: Actor) -> tuple[Allowed, ...]:
    """What the actor may do as staff. Nobody judges an order of their own."""
    order = order_of(row)
    if order.kind is Kind.STUDIO or not actor.may_operate or order.role_of(actor) is not Role.STAFF:
        return ()
    return state_machine.allowed_actions(order, Role.STAFF, state_machine.SHOWN_TO_STAFF)


def _left(payments: list[Row]) -> int:
    """Kopecks that could be refunded."""
    return max((one["captured"] - one["refunded"] - one["refunding"] for one in payments), default=0)


def _seen(payments: list[Row]) -> int:
    """How many refunds there have been: what a form that was sent twice has not heard of."""
    return sum(one["refunds"] + (one["goal"] == "give_back") for one in payments)


@staff("operator")
async def capture(request: web.Request) -> web.Response:
    await request.app[ORDERS].capture(actor_of(request), id_of(request))
    return _back(request)


@staff("operator")
async def approve(request: web.Request) -> web.Response:
    """The dispute is decided for the creator."""
    await request.app[ORDERS].approve(actor_of(request), id_of(request))
    return _back(request)


@staff("operator")
async def cancel(request: web.Request) -> web.Response:
    """Called off, for the buyer: what is held is let go, what is taken goes back."""
    reason = await text_of(request, "reason", most=500)
    await request.app[ORDERS].cancel(actor_of(request), id_of(request), reason)
    return _back(request)


@staff("operator")
async def refund(request: web.Request) -> web.Response:
    """All that is left, or a part. A form that was sent before does nothing.

    :raises Conflict: there has been a refund since the page was made.
    """
    amount, reason = await rubles_of(request, "amount"), await text_of(request, "reason", most=500)
    if staff_of(request).by_cookie:
        payments = await request.app[ROWS].all("order_payments", id=id_of(request))
        if await text_of(request, "seen", most=20) != str(_seen(payments)):
            raise Conflict
    await request.app[ORDERS].refund(actor_of(request), id_of(request), amount, reason)
    return _back(request)


@staff("operator")
async def resume_payment(request: web.Request) -> web.Response:
    """The cause of the provider's refusal is mended: the buyer may pay."""
    await request.app[ORDERS].resume_payment(actor_of(request), id_of(request))
    return _back(request)


@staff("operator")
async def refund_again(request: web.Request) -> web.Response:
    """Begin a refund anew that the provider has canceled."""
    await request.app[ORDERS].refund_again(actor_of(request), id_of(request))
    return _back(request)


# The studio.


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
        return acted(request, f"/admin/orders/{order.id}/")
    view = studio_order_view(order, lambda picture: absolute(request, studio.picture_path(picture)))
    return json_response({**view, "process_at": order.process_at}, 202)


@staff("operator")
async def process_many(request: web.Request) -> web.Response:
    """The orders that are ticked."""
    chosen = (await request.post()).getall("id", [])
    ids = [one for value in chosen[:_AT_ONCE] if isinstance(value, str) and (one := an_id(value)) is not None]
    await request.app[STUDIO_ORDERS].process_many(actor_of(request), ids)
    back = await text_of(request, "back", most=2000)
    return acted(request, local(back, "/admin/studio-orders/"))


@staff("viewer")
async def progress(request: web.Request) -> web.Response:
    """``?ids=1,2,3``: where these stand, for a page that is being looked at."""
    ids = [one for text in request.query.get("ids", "").split(",")[:_AT_ONCE] if (one := an_id(text)) is not None]
    language = language_in(request)

    def told(row: Row) -> dict[str, Any]:
        state = row["state"]
        return {**row, "words": WORDS["statuses"][state].in_(language), "tone": tone(state)}

    return data({"orders": [told(row) for row in await request.app[ROWS].all("studio_progress", ids=ids)]})


# Payments.


@staff("viewer")
async def show_payment(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    payment = await shown(request, "payment_page")
    ledger = await request.app[ROWS].all("payment_ledger", id=payment["id"])
    return page(request, "payment.html", payment=payment, ledger=ledger, words=WORDS)


@staff("operator")
async def refresh_payment(request: web.Request) -> web.Response:
    """Ask the provider now. :raises NotFound: :raises Unavailable:"""
    await request.app[PAYMENTS].refresh(id_of(request))
    return acted(request, f"/admin/payments/{id_of(request)}/")


def _back(request: web.Request) -> web.Response:
    return acted(request, f"/admin/orders/{id_of(request)}/")


_DEEDS = {
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
        route("POST", f"/admin/orders/{ID}/{name}/", deed, f"admin.order-{name}", documented=False)
        for name, deed in _DEEDS.items()
    ),
    route("POST", "/admin/studio-orders/{order_id:[0-9]{1,18}}/process/", process_order, "admin.process"),
    route("POST", "/admin/studio-orders/process/", process_many, "admin.studio-process", documented=False),
    route("GET", "/admin/studio-orders/progress/", progress, "admin.studio-progress", documented=False),
    route("GET", f"/admin/payments/{ID}/", show_payment, "admin.payment", documented=False),
    route("POST", f"/admin/payments/{ID}/refresh/", refresh_payment, "admin.payment-refresh", documented=False),
)
