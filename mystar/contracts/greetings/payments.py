"""Links to pay and to capture, the return page, and notifications of the provider."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_optional, login_required, maybe_actor_of, unlimited
from mystar.earnings.keys import PAYOUT_SENDING
from mystar.earnings.payouts.provider import METADATA_KEY
from mystar.errors import Invalid, Text, Unauthenticated, Unavailable
from mystar.kit.money import format_rubles
from mystar.kit.web.fields import BaseSchema, Id, PlainText
from mystar.kit.web.http import address_of, html_response, json_response, language_of, wants_page
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.routes import Route, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, query_of
from mystar.orders.keys import ORDERS
from mystar.orders.model import Kind
from mystar.payments.keys import PAYMENTS
from mystar.payments.model import MethodRefused, Payment, PaymentChoice
from mystar.payments.provider import ProviderError

#: Seconds between reloads of the return page while a payment is pending.
_RELOAD_SECONDS = 4
#: The document prints the link to capture without its "="; both spellings are one (D26).
_ORDER = re.compile(r"(?:^|&)order_id=?([0-9]{1,18})(?:&|$)")
_NOT_AN_ORDER = Text("Введите номер заказа.", "Must be the number of an order.")
_NOT_A_NOTIFICATION = Text("Это не уведомление о платеже.", "Not a notification about a payment.")


class OrderQuery(BaseSchema):
    order_id = Id(required=True)


class SignedOrderQuery(OrderQuery):
    sig = PlainText(load_default="", max_length=100)


class PayQuery(SignedOrderQuery):
    method = PlainText(
        load_default=None,
        max_length=20,
        metadata={"description": "bank_card or sbp, where both are offered; an open payment keeps its own."},
    )


class Link(BaseSchema):
    link = fields.Url(required=True, require_tld=False)


class PaymentState(BaseSchema):
    order_id = fields.Integer(required=True)
    status = fields.String(required=True)


class NotificationObject(BaseSchema):
    id = PlainText(required=True, min_length=1, max_length=64)
    payment_id = PlainText(max_length=64, allow_none=True)
    metadata = fields.Dict(allow_none=True)


class ProviderNotification(BaseSchema):
    """A notification of YooKassa; all is optional, since the star captures at the same address without a body."""

    type = PlainText(max_length=64)
    event = PlainText(max_length=64)
    object = fields.Nested(NotificationObject)


class NotificationAccepted(BaseSchema):
    status = fields.String()


@docs(tags=["greetings: payments"], summary="Get a link to the payment page, which needs no token")
@login_required
@querystring_schema(OrderQuery)
@response_schema(Link, 200)
async def link_to_pay(request: web.Request) -> web.Response:
    return json_response(
        {"link": await request.app[ORDERS].payment_link(actor_of(request), query_of(request)["order_id"])}
    )


@docs(
    tags=["greetings: payments"],
    summary="Redirect from a payment link to the provider's page",
    responses={302: {"description": "The provider's page"}},
)
@querystring_schema(PayQuery)
async def follow_link_to_pay(request: web.Request) -> web.Response:
    query = query_of(request)
    if query["method"] is None and wants_page(request):
        choice = await request.app[ORDERS].payment_choice(query["order_id"], query["sig"])
        if choice is not None:
            return _choice_page(request, choice, query["sig"])
    try:
        url = await request.app[ORDERS].pay_by_link(query["order_id"], query["sig"], query["method"])
    except MethodRefused:
        choice = await request.app[ORDERS].payment_choice(query["order_id"], query["sig"])
        if choice is None or not wants_page(request):
            raise
        return _choice_page(request, choice, query["sig"])
    except Unavailable as error:
        if not wants_page(request):
            raise
        seconds = str(error.details["retry_after"])
        page = render_page("payment_wait.html", language_of(request))
        return html_response(page, 503, {"Retry-After": seconds, "Refresh": seconds})
    return json_response({"link": url}, 302, {"Location": url, "Cache-Control": "no-store"})


@docs(
    tags=["greetings: payments"],
    summary="Redirect from the provider's page to the site, or show the state of the payment",
    responses={303: {"description": "The site's page of the order, for browsers"}},
)
@querystring_schema(SignedOrderQuery)
@response_schema(PaymentState, 200)
async def show_outcome(request: web.Request) -> web.Response:
    query = query_of(request)
    payment = await request.app[PAYMENTS].returned(query["order_id"], query["sig"])
    if not wants_page(request):
        return json_response({"order_id": payment.order_id, "status": payment.status})
    outcome, kind = _outcome(payment), await request.app[ORDERS].kind_of(payment.order_id)
    dialect, site = "greetings" if kind is Kind.GREETING else "market", request.app[SITE]
    order = site.link(dialect, "order", id=payment.order_id)
    if target := site.link(dialect, "payment", id=payment.order_id, status=outcome) or order:
        raise web.HTTPSeeOther(target, headers={"Cache-Control": "no-store"})
    page = render_page(
        "payment_return.html",
        language_of(request),
        back=site.link(dialect, "home"),
        is_greeting=kind is Kind.GREETING,
        outcome=outcome,
        order_id=payment.order_id,
        is_charged=payment.chosen_method == "sbp",
        again=request.app[ORDERS].link_to_pay(payment.order_id) if outcome == "failed" else "",
    )
    return html_response(page, headers={"Refresh": str(_RELOAD_SECONDS)} if outcome == "waiting" else None)


@docs(tags=["greetings: payments"], summary="Get the address that captures the hold of an order; for its star or staff")
@login_required
@querystring_schema(OrderQuery)
@response_schema(Link, 200)
async def link_to_capture(request: web.Request) -> web.Response:
    order_id = query_of(request)["order_id"]
    await request.app[ORDERS].require_capturer(actor_of(request), order_id)
    return json_response({"link": f"{request.app[PAYMENTS].public_url}/payments/notifications/?order_id{order_id}"})


@unlimited("the provider's; one question in three seconds about each payment")
@docs(
    tags=["greetings: payments"],
    summary="Receive the provider's notifications; with ?order_id=N (or ?order_idN) capture the hold of an order",
    description="Notifications are not trusted: the payment is read from the provider. Captures honour "
    "Idempotency-Key.",
)
@login_optional
@json_schema(ProviderNotification)
@response_schema(NotificationAccepted, 200)
async def receive_notification(request: web.Request) -> web.StreamResponse:
    if "order_id" in request.query_string:
        return await capture(request)
    notification = body_of(request)
    if notification.get("type") != "notification" or "event" not in notification or "object" not in notification:
        raise Invalid(fields={"": [_NOT_A_NOTIFICATION]})
    if notification["event"].startswith("payout."):
        await _payout_notified(request, notification["object"])
    elif provider_id := _payment_id(notification["event"], notification["object"]):
        metadata = {name: str(value) for name, value in (notification["object"].get("metadata") or {}).items()}
        await request.app[PAYMENTS].notified(provider_id, metadata, address_of(request))
    return json_response({})


@idempotent
async def capture(request: web.Request) -> web.Response:
    actor = maybe_actor_of(request)
    if actor is None:
        raise Unauthenticated
    found = _ORDER.search(request.query_string)
    if found is None:
        raise Invalid(fields={"order_id": [_NOT_AN_ORDER]})
    await request.app[ORDERS].capture(actor, int(found[1]))
    return json_response({"status": "OK"})


def _choice_page(request: web.Request, choice: PaymentChoice, signature: str) -> web.Response:
    """Links and no form: each leads to the provider's page with another method."""
    language = language_of(request)
    links = {
        method: "/payments/?" + urlencode({"order_id": choice.order_id, "sig": signature, "method": method})
        for method in choice.methods
    }
    amount = format_rubles(choice.amount, language)
    page = render_page("payment_method.html", language, choice=choice, links=links, amount=amount)
    return html_response(page, 409 if choice.is_after_refusal else 200)


async def _payout_notified(request: web.Request, subject: dict[str, Any]) -> None:
    """Payouts are read with credentials of their own, where a provider makes them."""
    sending = request.app.get(PAYOUT_SENDING)
    if sending is None:
        return
    request.app[PAYMENTS].require_provider(address_of(request))
    part = str((subject.get("metadata") or {}).get(METADATA_KEY, ""))
    try:
        await sending.notified(subject["id"], int(part) if re.fullmatch("[0-9]{1,18}", part) else None)
    except ProviderError as error:
        raise Unavailable(retry_after=math.ceil(error.retry_after)) from error


def _payment_id(event: str, subject: dict[str, Any]) -> str | None:
    """The provider's id of the payment; None for events of other objects."""
    kind = event.partition(".")[0]
    ids = {"payment": subject["id"], "refund": subject.get("payment_id")}
    return ids.get(kind)


def _outcome(payment: Payment) -> str:
    if payment.status == "failed":
        return "failed"
    if payment.goal == "give_back" and payment.status != "pending":
        return "returned"
    return {"pending": "waiting", "held": "paid", "captured": "paid"}.get(payment.status, "returned")


ROUTES: tuple[Route, ...] = (
    route("GET", "/api/order/pay/", link_to_pay, "greetings.order-pay"),
    route("GET", "/api/order/pay/capture/", link_to_capture, "greetings.order-capture"),
    route("GET", "/payments/", follow_link_to_pay, "greetings.payment"),
    route("GET", "/payments/return/", show_outcome, "greetings.payment-outcome"),
    route("POST", "/payments/notifications/", receive_notification, "greetings.payment-notifications"),
)
