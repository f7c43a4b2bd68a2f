"""The pages of the provider: where a buyer pays, the list of payments, and the widget that takes a card for payouts."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from mystar.sandbox.fault_page import PRESETS
from mystar.sandbox.http_faults import before_work
from mystar.sandbox.pages import FAULTS, nothing_here, page, read_form
from mystar.sandbox.yookassa.destinations import card_token
from mystar.sandbox.yookassa.keys import STORE, YOOKASSA
from mystar.sandbox.yookassa.records import PENDING, Payment, Refused, Unknown

SHOWN_ON_PAGE = 100

#: Cards that a buyer can choose, and why the bank refuses them (the provider's reasons); None pays.
TEST_CARDS: Mapping[str, str | None] = {
    "2200 0000 0000 0053": None,
    "2200 0000 0000 0103": "insufficient_funds",
    "2200 0000 0000 0202": "card_expired",
    "2200 0000 0000 0301": "3d_secure_failed",
    "2200 0000 0000 0400": "fraud_suspected",
    "2200 0000 0000 0509": "call_issuer",
    "2200 0000 0000 0608": "issuer_unavailable",
    "2200 0000 0000 0707": "general_decline",
}


async def show_payment(request: web.Request) -> web.StreamResponse:
    if failure := await before_work(request, request.app[FAULTS]):
        return failure
    try:
        payment = request.app[YOOKASSA].payments.get(request.match_info["id"])
    except Unknown:
        return nothing_here(request)
    return _payment_page(request, payment)


async def settle_payment(request: web.Request) -> web.StreamResponse:
    """The buyer pressed a button; back to the shop, as the real page does in both cases."""
    if failure := await before_work(request, request.app[FAULTS]):
        return failure
    payments, form = request.app[YOOKASSA].payments, await read_form(request)
    reason = TEST_CARDS.get(str(form.get("card")))
    actions: dict[Any, Callable[[str], Payment]] = {
        "pay": (lambda id_: payments.decline(id_, reason)) if reason else payments.pay,
        "decline": payments.decline,
        "expire": payments.expire,
    }
    try:
        payment = payments.get(request.match_info["id"])
        if form.get("action") not in actions:
            return _payment_page(request, payment, status=400)
        payment = actions[form.get("action")](payment.id)
    except Unknown:
        return nothing_here(request)
    except Refused:
        # Pressed twice, or too late: the page says how the payment ended.
        return _payment_page(request, payments.get(request.match_info["id"]), status=409)
    if not payment.return_url:
        return _payment_page(request, payment)
    return web.Response(status=302, headers={"Location": payment.return_url})


def _payment_page(request: web.Request, payment: Payment, status: int = 200) -> web.Response:
    return page(request, "payment.html", status=status, payment=payment, pending=PENDING, cards=TEST_CARDS)


async def list_payments(request: web.Request) -> web.Response:
    newest = list(request.app[STORE].payments.values())[: -SHOWN_ON_PAGE - 1 : -1]
    return page(
        request,
        "payments.html",
        payments=newest,
        cards=TEST_CARDS,
        presets=PRESETS,
        back="/payments/",
    )


async def list_payouts(request: web.Request) -> web.Response:
    newest = list(request.app[STORE].payouts.values())[: -SHOWN_ON_PAGE - 1 : -1]
    balance = request.app[YOOKASSA].payouts.gateway.balance
    return page(request, "payouts.html", payouts=newest, balance=balance)


async def show_card_form(request: web.Request) -> web.Response:
    return page(request, "payout_card.html", token=None, mask=None, wrong=False)


async def make_card_token(request: web.Request) -> web.Response:
    """What the provider's widget does in the browser: a card's number in, a token and a mask out."""
    form = await read_form(request)
    number = str(form.get("number", "")).replace(" ", "")
    token = card_token(number)
    mask = f"{number[:6]}******{number[-4:]}" if token else None
    status = 200 if token else 400
    return page(request, "payout_card.html", status=status, token=token, mask=mask, wrong=token is None)


ROUTES = (
    web.get("/pay/{id}", show_payment),
    web.post("/pay/{id}", settle_payment),
    web.get("/payments/", list_payments),
    web.get("/payouts/", list_payouts),
    web.get("/payouts/card/", show_card_form),
    web.post("/payouts/card/", make_card_token),
)
