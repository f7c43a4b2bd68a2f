"""Build payments, the gateway to YooKassa and the calls that are made to it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from mystar.infrastructure import Infrastructure
from mystar.kit.background import every
from mystar.kit.health import Fact
from mystar.kit.web.http import networks
from mystar.kit.web.routes import Route
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.keys import PAYMENTS
from mystar.payments.methods import OfferedMethods
from mystar.payments.repository import CONSTRAINTS as CONSTRAINTS
from mystar.payments.repository import PERSONAL_DATA, PaymentRepository
from mystar.payments.service import PaymentService
from mystar.payments.settlement import TOPIC, Settlement
from mystar.payments.tasks import MAX_PAUSE, ProviderCalls

#: The dialects pay through orders; notifications of the provider have an address in a dialect.
ROUTES: tuple[Route, ...] = ()


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    settings, public_url = infra.settings.payments, infra.settings.http.public_url
    yookassa = YooKassa(
        url=settings.yookassa.url,
        shop_id=settings.yookassa.shop_id,
        secret_key=settings.yookassa.secret_key,
        timeout=settings.yookassa.timeout_seconds,
        registry=infra.metrics.registry,
    )
    settlement = Settlement(infra.db, infra.outbox, infra.clock, poll_seconds=settings.poll_seconds)
    methods = OfferedMethods(settings.methods, infra.clock)
    calls = ProviderCalls(infra.db, yookassa, settlement, methods, infra.clock)
    infra.outbox.handle(TOPIC, calls.send, concurrency=4, max_pause=MAX_PAUSE)
    payments = PaymentService(
        infra.db,
        infra.outbox,
        yookassa,
        settlement,
        infra.signer,
        infra.clock,
        public_url=public_url,
        return_url=settings.return_url,
        poll_seconds=settings.poll_seconds,
        webhook_networks=networks(settings.yookassa.webhook_networks),
        methods=methods,
    )
    payments.follow_deals(calls.use_deals)
    app[PAYMENTS] = payments
    _watch(infra, yookassa)
    app.cleanup_ctx.append(every(settings.poll_seconds, payments.poll, name="payments poll"))

    async def close(_app: web.Application) -> None:
        await yookassa.close()

    app.on_cleanup.append(close)


def _watch(infra: Infrastructure, yookassa: YooKassa) -> None:
    async def ending_holds() -> Sequence[Fact]:
        counted = await PaymentRepository(infra.db).count_open(infra.clock.now())
        ending = sum(row["payments_open"] for row in counted if row["hours_left"] == "6")
        return (Fact("holds_end", "", float(ending)),)

    infra.health.watch(ending_holds)
    infra.health.watch_trouble("provider_away", "payments", lambda: yookassa.trouble)
    infra.metrics.watch(
        lambda: PaymentRepository(infra.db).count_open(infra.clock.now()),
        "status",
        "hours_left",
        payments_open="Payments that are pending or held, by the hours until a hold ends by itself",
        payments_open_kopecks="What they amount to",
    )
