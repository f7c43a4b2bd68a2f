"""The provider as a whole: its API, the page where a buyer pays, and the levers that only a sandbox has."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from mystar.sandbox.journal import Journal
from mystar.sandbox.pages import CONTENTS, FAULTS, json, json_error, nothing_here, page, read_form, read_json
from mystar.sandbox.yookassa.api import Shop, YooKassa, before_work, confirmation_url, is_web_address, money
from mystar.sandbox.yookassa.payments import PENDING, Bank, Clock, Payment, Refused, Unknown
from mystar.sandbox.yookassa.webhooks import Webhooks

BANK = web.AppKey("bank", Bank)
SHOP = web.AppKey("shop", Shop)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
JOURNAL = web.AppKey("journal", Journal)
WEBHOOK_JOURNAL = web.AppKey("webhook_journal", Journal)

LOOK_FOR_EXPIRED_EVERY = 1.0
SHOWN_ON_PAGE = 100


def add_to(app: web.Application, *, data_dir: Path, shop: Shop, webhook_url: str | None, clock: Clock) -> None:
    """Raises JournalBusy when another sandbox works in this directory."""
    journal = app[JOURNAL] = Journal(data_dir / "money.jsonl")
    webhook_journal = app[WEBHOOK_JOURNAL] = Journal(data_dir / "webhooks.jsonl", durable=False)
    bank = app[BANK] = Bank(journal, clock)
    yookassa = YooKassa(bank, shop, app[FAULTS])
    webhooks = app[WEBHOOKS] = Webhooks(webhook_journal, app[FAULTS], yookassa.notification, webhook_url)
    app[SHOP] = shop
    bank.listen(webhooks.tell)
    app.add_routes(yookassa.routes())
    app.add_routes(ROUTES)
    app.cleanup_ctx.append(_background)
    app[CONTENTS].extend(
        [
            ("/payments/", "Платежи", "Payments"),
            ("/sandbox/journal.json", "Журнал денег", "The journal of money"),
            ("/sandbox/webhooks.json", "Чем кончились уведомления", "How the notifications ended"),
        ]
    )


async def _background(app: web.Application) -> AsyncIterator[None]:
    await app[WEBHOOKS].start(app[BANK].past)
    app[BANK].past.clear()
    task = asyncio.create_task(_watch_the_clock(app[BANK]), name="expiry")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await app[WEBHOOKS].stop()
    app[JOURNAL].close()
    app[WEBHOOK_JOURNAL].close()


async def _watch_the_clock(bank: Bank) -> None:
    while True:
        await asyncio.sleep(LOOK_FOR_EXPIRED_EVERY)
        bank.expire_due()


# the buyer's page


async def show_payment(request: web.Request) -> web.StreamResponse:
    if trouble := await before_work(request, request.app[FAULTS]):
        return trouble
    try:
        payment = request.app[BANK].payment(request.match_info["id"])
    except Unknown:
        return nothing_here(request)
    return _payment_page(request, payment)


async def settle_payment(request: web.Request) -> web.StreamResponse:
    """The buyer pressed a button; back to the shop, as the real page does in both cases."""
    if trouble := await before_work(request, request.app[FAULTS]):
        return trouble
    bank, form = request.app[BANK], await read_form(request)
    deeds: dict[Any, Callable[[str], Payment]] = {"pay": bank.pay, "decline": bank.decline}
    try:
        payment = bank.payment(request.match_info["id"])
        if form.get("deed") not in deeds:
            return _payment_page(request, payment, status=400)
        payment = deeds[form.get("deed")](payment.id)
    except Unknown:
        return nothing_here(request)
    except Refused:
        # Pressed twice, or too late: the page says how the payment ended.
        return _payment_page(request, bank.payment(request.match_info["id"]), status=409)
    return web.Response(status=302, headers={"Location": payment.return_url})


def _payment_page(request: web.Request, payment: Payment, status: int = 200) -> web.Response:
    rubles = money(payment.amount)["value"]
    return page(request, "payment.html", status=status, payment=payment, rubles=rubles, pending=PENDING)


async def list_on_page(request: web.Request) -> web.Response:
    newest = list(request.app[BANK].payments.values())[: -SHOWN_ON_PAGE - 1 : -1]
    return page(request, "payments.html", payments=newest, money=money)


# levers


def _lever(deed: Callable[[Bank, str, dict[str, Any]], Payment]) -> Any:
    """A JSON door to one deed: 200 with the payment, 404, 409 with the status that forbids it."""

    async def pull(request: web.Request) -> web.Response:
        bank, payment_id = request.app[BANK], request.match_info["id"]
        body = await read_json(request)
        if not isinstance(body, dict):
            return json_error(400, "the body is not an object")
        try:
            return json(_state(request, deed(bank, payment_id, body)))
        except Unknown:
            return json_error(404, "no such payment")
        except Refused as error:
            return json_error(409, error.description, status=bank.payment(payment_id).status)

    return pull


def _decline(bank: Bank, payment_id: str, body: dict[str, Any]) -> Payment:
    return bank.decline(payment_id, str(body.get("reason") or "general_decline"))


async def list_states(request: web.Request) -> web.Response:
    bank = request.app[BANK]
    bank.expire_due()
    return json([_state(request, payment) for payment in bank.payments.values()])


def _state(request: web.Request, payment: Payment) -> dict[str, Any]:
    """All amounts are kopecks; authorized = held + captured + released, and refunded is a part of captured."""
    amounts = {"held": payment.held, "released": payment.released}
    return asdict(payment) | amounts | {"confirmation_url": confirmation_url(payment, request.app[SHOP])}


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


ROUTES = (
    web.get("/pay/{id}", show_payment),
    web.post("/pay/{id}", settle_payment),
    web.get("/payments/", list_on_page),
    web.post("/sandbox/payments/{id}/pay", _lever(lambda bank, payment_id, _: bank.pay(payment_id))),
    web.post("/sandbox/payments/{id}/decline", _lever(_decline)),
    web.post("/sandbox/payments/{id}/expire", _lever(lambda bank, payment_id, _: bank.expire(payment_id))),
    web.get("/sandbox/payments.json", list_states),
    web.get("/sandbox/journal.json", show_journal),
    web.get("/sandbox/webhooks.json", show_webhooks),
    web.get("/sandbox/webhook", show_webhook),
    web.put("/sandbox/webhook", set_webhook),
)
