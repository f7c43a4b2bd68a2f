"""The controls that only a sandbox has: JSON endpoints that do what buyers, banks and time would do."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from mystar.sandbox.mail import MAILBOX
from mystar.sandbox.pages import json, json_error, read_json
from mystar.sandbox.yookassa.api import YooKassa
from mystar.sandbox.yookassa.fields import is_web_address
from mystar.sandbox.yookassa.keys import JOURNAL, MERCHANT, STORE, WEBHOOK_JOURNAL, WEBHOOKS, YOOKASSA
from mystar.sandbox.yookassa.records import Json, Payment, Record, Refused, Unknown
from mystar.sandbox.yookassa.views import confirmation_url, money

Control = Callable[[YooKassa, str, dict[str, Any]], Record]
Handler = Callable[[web.Request], Any]

LARGEST_BALANCE = 10**13


def _handler(pull: Control) -> Handler:
    """A JSON endpoint of one control: 200 with the record after it, 404, 409 with what forbids it."""

    async def handle(request: web.Request) -> web.Response:
        body = await read_json(request)
        if not isinstance(body, dict):
            return json_error(400, "the body is not an object")
        try:
            return json(_state(request, pull(request.app[YOOKASSA], request.match_info["id"], body)))
        except Unknown as error:
            return json_error(404, f"no such {error.parameter.removesuffix('_id')}")
        except Refused as error:
            return json_error(409, error.description, status=_status(request))

    return handle


def _status(request: web.Request) -> str | None:
    record_id, store = request.match_info["id"], request.app[STORE]
    for table in (store.payments, store.refunds, store.payouts, store.deals, store.receipts):
        if record := table.get(record_id):
            return record.status
    return None


def _state(request: web.Request, record: Record) -> Json:
    """All amounts are kopecks; of a payment authorized = held + captured + released, refunded is a part of captured."""
    if not isinstance(record, Payment):
        return asdict(record)
    url = confirmation_url(record, request.app[MERCHANT])
    return asdict(record) | {"held": record.held, "released": record.released, "confirmation_url": url}


def _reason(body: dict[str, Any], default: str = "general_decline") -> str:
    return str(body.get("reason") or default)


def _amount(body: dict[str, Any]) -> int | None:
    amount = body.get("amount")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int)):
        raise Refused("amount must be kopecks", "amount")
    return amount


async def charge_back(request: web.Request) -> web.Response:
    """The buyer's bank takes money back: a journal line and a letter to the merchant, as at the provider."""
    pull = _handler(lambda yookassa, id_, body: yookassa.payments.charge_back(id_, _amount(body)))
    answer: web.Response = await pull(request)
    if answer.status == 200:
        payment = request.app[STORE].payments[request.match_info["id"]]
        sum_ = money(payment.charged_back)["value"]
        text = f"Payment {payment.id}: the buyer's bank disputes it and has taken back {sum_} RUB in all."
        request.app[MAILBOX].deliver("provider@sandbox.example", "merchant@sandbox.example", "Disputed payment", text)
    return answer


async def list_payments(request: web.Request) -> web.Response:
    request.app[YOOKASSA].payments.expire_due()
    return json([_state(request, payment) for payment in request.app[STORE].payments.values()])


async def list_payouts(request: web.Request) -> web.Response:
    request.app[YOOKASSA].payouts.settle_due()
    return json([_state(request, payout) for payout in request.app[STORE].payouts.values()])


async def list_others(request: web.Request) -> web.Response:
    """Deals, receipts and refunds, by the last part of the address."""
    store = request.app[STORE]
    tables: dict[str, dict[str, Any]] = {
        "deals": store.deals,
        "receipts": store.receipts,
        "refunds": store.refunds,
    }
    return json([asdict(record) for record in tables[request.match_info["kind"]].values()])


async def show_balance(request: web.Request) -> web.Response:
    return json({"balance": request.app[YOOKASSA].payouts.gateway.balance})


async def set_balance(request: web.Request) -> web.Response:
    body = await read_json(request)
    balance = body.get("balance") if isinstance(body, dict) else None
    if isinstance(balance, bool) or not isinstance(balance, int) or abs(balance) > LARGEST_BALANCE:
        return json_error(400, "balance must be kopecks")
    request.app[YOOKASSA].payouts.set_balance(balance)
    return await show_balance(request)


async def show_journal(request: web.Request) -> web.Response:
    return web.Response(body=request.app[JOURNAL].as_json_array(), content_type="application/json", charset="utf-8")


async def show_webhooks(request: web.Request) -> web.Response:
    body = request.app[WEBHOOK_JOURNAL].as_json_array()
    return web.Response(body=body, content_type="application/json", charset="utf-8")


async def show_webhook(request: web.Request) -> web.Response:
    return json({"url": request.app[WEBHOOKS].url})


async def set_webhook(request: web.Request) -> web.Response:
    body = await read_json(request)
    if not isinstance(body, dict) or body.keys() != {"url"}:
        return json_error(400, 'the body must be {"url": text or null}')
    if body["url"] is not None and not (isinstance(body["url"], str) and is_web_address(body["url"])):
        return json_error(400, "url must be a web address or null")
    request.app[WEBHOOKS].url = body["url"]
    return json(body)


CONTROLS: dict[str, Control] = {
    "payments/{id}/pay": lambda yookassa, id_, _: yookassa.payments.pay(id_),
    "payments/{id}/decline": lambda yookassa, id_, body: yookassa.payments.decline(id_, _reason(body)),
    "payments/{id}/expire": lambda yookassa, id_, _: yookassa.payments.expire(id_),
    "refunds/{id}/succeed": lambda yookassa, id_, _: yookassa.payments.succeed_refund(id_),
    "refunds/{id}/cancel": lambda yookassa, id_, body: yookassa.payments.cancel_refund(id_, _reason(body)),
    "payouts/{id}/succeed": lambda yookassa, id_, _: yookassa.payouts.succeed(id_),
    "payouts/{id}/cancel": lambda yookassa, id_, body: yookassa.payouts.cancel(id_, _reason(body)),
    "payouts/{id}/return": lambda yookassa, id_, _: yookassa.payouts.give_back(id_),
    "deals/{id}/expire": lambda yookassa, id_, _: yookassa.deals.expire(yookassa.deals.opened(id_).id),
    "receipts/{id}/register": lambda yookassa, id_, _: yookassa.receipts.register(id_),
    "receipts/{id}/cancel": lambda yookassa, id_, _: yookassa.receipts.cancel(id_),
}

ROUTES = (
    *(web.post(f"/sandbox/{path}", _handler(control)) for path, control in CONTROLS.items()),
    web.post("/sandbox/payments/{id}/chargeback", charge_back),
    web.get("/sandbox/payments.json", list_payments),
    web.get("/sandbox/payouts.json", list_payouts),
    web.get("/sandbox/{kind:deals|receipts|refunds}.json", list_others),
    web.get("/sandbox/payout-balance", show_balance),
    web.put("/sandbox/payout-balance", set_balance),
    web.get("/sandbox/journal.json", show_journal),
    web.get("/sandbox/webhooks.json", show_webhooks),
    web.get("/sandbox/webhook", show_webhook),
    web.put("/sandbox/webhook", set_webhook),
)
