"""Build orders, their deadlines, and orders to the studio."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.accounts.keys import STEP_UP
from mystar.catalog.keys import CATALOG
from mystar.creators.keys import AVAILABILITY, CREATORS
from mystar.files.keys import FILES
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.web.routes import Route
from mystar.orders import handlers
from mystar.orders.capacity import handlers as capacity_handlers
from mystar.orders.capacity.service import CapacityService
from mystar.orders.keys import CAPACITY, ORDER_READS, ORDERS, STUDIO_ORDERS
from mystar.orders.reads import OrderReads
from mystar.orders.repository import PERSONAL_DATA, OrderRepository
from mystar.orders.service import OrderService
from mystar.orders.state_machine import Terms
from mystar.orders.studio.service import TOPIC as STUDIO_WORK
from mystar.orders.studio.service import StudioOrders
from mystar.orders.tasks import Deadlines
from mystar.payments.keys import PAYMENTS

CONSTRAINTS: Constraints = {}
ROUTES: tuple[Route, ...] = (*handlers.ROUTES, *capacity_handlers.ROUTES)
#: Seconds between two recounts of creators whose places are all taken.
_CAPACITY_SECONDS = 60.0


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    _add_orders(app, infra)
    _add_studio(app, infra)


def _add_orders(app: web.Application, infra: Infrastructure) -> None:
    terms = infra.settings.orders
    app[CAPACITY] = capacity = CapacityService(infra.db, app[AVAILABILITY])
    app.cleanup_ctx.append(every(_CAPACITY_SECONDS, capacity.recount_full, name="creators' capacity"))
    orders = OrderService(
        infra.db,
        infra.clock,
        creators=app[CREATORS],
        catalog=app[CATALOG],
        files=app[FILES],
        payments=app[PAYMENTS],
        step_up=app[STEP_UP],
        signer=infra.signer,
        limits=infra.limits,
        public_url=infra.settings.http.public_url,
        capacity=capacity,
        terms=Terms(*(timedelta(days=days) for days in (terms.accept_days, terms.approve_days, terms.revise_days))),
    )
    orders.listen(infra.events)
    app[ORDERS] = orders
    app[ORDER_READS] = OrderReads(infra.db, app[CATALOG], app[PAYMENTS])
    infra.metrics.watch(OrderRepository(infra.db).count_open, "status", orders_open="Orders that are not over")
    app.cleanup_ctx.append(every(terms.check_seconds, Deadlines(orders).run_due, name="order deadlines"))


def _add_studio(app: web.Application, infra: Infrastructure) -> None:
    app[STUDIO_ORDERS] = studio = StudioOrders(
        infra.db,
        infra.outbox,
        app[FILES],
        infra.limits,
        infra.clock,
        process_after=timedelta(seconds=infra.settings.studio.process_seconds),
    )
    infra.outbox.handle(STUDIO_WORK, studio.start_processing, concurrency=4)
