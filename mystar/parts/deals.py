"""Orders, the money that is paid for them, and what is said of them."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.catalog.handlers import CATALOG
from mystar.creators.handlers import CREATORS
from mystar.files.handlers import FILES
from mystar.infrastructure import Ground
from mystar.kit.background import every
from mystar.kit.web.http import networks
from mystar.kit.web.routes import Route
from mystar.orders.handlers import ORDER_BOOK, ORDERS, STUDIO
from mystar.orders.handlers import ROUTES as ORDER_ROUTES
from mystar.orders.reads import OrderBook
from mystar.orders.service import OrderService
from mystar.orders.state_machine import Terms
from mystar.orders.studio.service import TOPIC as STUDIO_WORK
from mystar.orders.studio.service import StudioOrders
from mystar.orders.tasks import Deadlines
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.handlers import PAYMENTS
from mystar.payments.repository import CONSTRAINTS as PAYMENT_CONSTRAINTS
from mystar.payments.service import PaymentService
from mystar.payments.settlement import TOPIC as PROVIDER_CALLS
from mystar.payments.settlement import Settlement
from mystar.payments.tasks import LONGEST_PAUSE, ProviderCalls
from mystar.reviews.handlers import REVIEWS
from mystar.reviews.handlers import ROUTES as REVIEW_ROUTES
from mystar.reviews.repository import CONSTRAINTS as REVIEW_CONSTRAINTS
from mystar.reviews.service import ReviewService

ROUTES: tuple[Route, ...] = (*ORDER_ROUTES, *REVIEW_ROUTES)
CONSTRAINTS = {**PAYMENT_CONSTRAINTS, **REVIEW_CONSTRAINTS}


def add(app: web.Application, ground: Ground) -> None:
    _add_money(app, ground)
    _add_orders(app, ground)
    _add_studio(app, ground)
    app[REVIEWS] = ReviewService(ground.db, app[ORDERS], app[CREATORS], ground.clock)


def _add_money(app: web.Application, ground: Ground) -> None:
    settings, public_url = ground.settings.payments, ground.settings.http.public_url
    yookassa = YooKassa(
        url=settings.yookassa.url,
        shop_id=settings.yookassa.shop_id,
        secret_key=settings.yookassa.secret_key,
        timeout=settings.yookassa.timeout_seconds,
        registry=ground.metrics.registry,
    )
    settlement = Settlement(ground.db, ground.outbox, ground.clock, poll_seconds=settings.poll_seconds)
    calls = ProviderCalls(ground.db, yookassa, settlement, ground.clock)
    ground.outbox.handle(PROVIDER_CALLS, calls.send, concurrency=4, longest_pause=LONGEST_PAUSE)
    payments = PaymentService(
        ground.db,
        ground.outbox,
        yookassa,
        settlement,
        ground.signer,
        ground.clock,
        public_url=public_url,
        return_url=settings.return_url,
        poll_seconds=settings.poll_seconds,
        webhook_networks=networks(settings.yookassa.webhook_networks),
    )
    app[PAYMENTS] = payments
    app.cleanup_ctx.append(every(settings.poll_seconds, payments.poll, name="payments poll"))

    async def close(_app: web.Application) -> None:
        await yookassa.close()

    app.on_cleanup.append(close)


def _add_orders(app: web.Application, ground: Ground) -> None:
    terms = ground.settings.orders
    orders = OrderService(
        ground.db,
        ground.clock,
        creators=app[CREATORS],
        catalog=app[CATALOG],
        files=app[FILES],
        payments=app[PAYMENTS],
        signer=ground.signer,
        public_url=ground.settings.http.public_url,
        terms=Terms(*(timedelta(days=days) for days in (terms.accept_days, terms.approve_days, terms.revise_days))),
    )
    orders.listen(ground.events)
    app[ORDERS] = orders
    app[ORDER_BOOK] = OrderBook(ground.db, app[CATALOG], app[PAYMENTS])
    app.cleanup_ctx.append(every(terms.check_seconds, Deadlines(orders).pass_by, name="order deadlines"))


def _add_studio(app: web.Application, ground: Ground) -> None:
    app[STUDIO] = studio = StudioOrders(
        ground.db,
        ground.outbox,
        app[FILES],
        ground.limits,
        ground.clock,
        process_after=timedelta(seconds=ground.settings.studio.process_seconds),
    )
    ground.outbox.handle(STUDIO_WORK, studio.take_up, concurrency=4)
