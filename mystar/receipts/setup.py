"""Build receipts: the scheme, the listeners, and the gateway where receipts are made at all."""

from __future__ import annotations

from aiohttp import web

from mystar.earnings.keys import EARNINGS
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.web.routes import Route
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.receipts.gateways.yookassa import YooKassaReceipts
from mystar.receipts.keys import RECEIPTS
from mystar.receipts.listeners import Listeners
from mystar.receipts.model import Policy
from mystar.receipts.repository import PERSONAL_DATA
from mystar.receipts.service import TOPIC, ReceiptService
from mystar.receipts.tasks import ReceiptCalls

ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}
#: Seconds between two tries of a receipt that cannot be sent.
_MAX_PAUSE = 300.0


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    settings = infra.settings.receipts
    policy = Policy(settings.scheme, settings.vat_code, settings.tax_system, settings.email_fallback)
    app[RECEIPTS] = receipts = ReceiptService(infra.db, infra.outbox, app[EARNINGS], infra.clock, policy)
    if policy.scheme == "none":
        return
    shop = infra.settings.payments.yookassa
    gateway = YooKassaReceipts(
        url=shop.url,
        shop_id=shop.shop_id,
        secret_key=shop.secret_key,
        timeout=shop.timeout_seconds,
        registry=infra.metrics.registry,
    )
    infra.health.watch_trouble("provider_away", "receipts", lambda: gateway.trouble)
    calls = ReceiptCalls(infra.db, gateway, receipts, infra.clock)
    infra.outbox.handle(TOPIC, calls.send, max_pause=_MAX_PAUSE)
    Listeners(receipts, app[ORDERS], app[PAYMENTS]).listen(infra.events)

    async def close(_app: web.Application) -> None:
        await gateway.close()

    app.on_cleanup.append(close)
