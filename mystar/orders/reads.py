"""Reading orders for the market dialect: a page of an account's orders, and one order with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.catalog.service import CatalogService
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import DeliveryCard, Order, OrderEvent, OrderUnknown, Person, Role
from mystar.orders.repository import OrderRepository
from mystar.payments.model import Payment
from mystar.payments.service import PaymentService

#: Deliveries shown with their order; more are in a list of their own.
_MAX_DELIVERIES = 100


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """An order with what a list shows. None: a guest's order, or one to the studio."""

    order: Order
    service: Service | None
    buyer: Person | None
    creator: Person | None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order with everything. ``deliveries`` and ``payments`` newest first, ``timeline`` oldest first."""

    entry: OrderEntry
    deliveries: Sequence[DeliveryCard]
    payments: Sequence[Payment]
    timeline: Sequence[OrderEvent]


class OrderReads:
    """Each method is a constant number of queries. An order of others is reported as unknown."""

    def __init__(self, db: Database, catalog: CatalogService, payments: PaymentService) -> None:
        self._orders, self._catalog, self._payments = OrderRepository(db), catalog, payments

    async def page(self, actor: Actor, page: PageRequest, *, role: Role | None, status: str | None) -> Page[OrderEntry]:
        """The actor's orders, bought and sold, newest first.

        :param role: BUYER or CREATOR; None = both. :param status: as shown, "paid" included.
        """
        whose: dict[str, Any] = {
            "buyer_id": actor.id if role is not Role.CREATOR else None,
            "seller_id": actor.id if role is not Role.BUYER else None,
            "status": status,
        }
        entries = await self._entries(**whose, offset=page.offset, limit=page.size)
        # Only a full page, or one behind the last, needs a count; otherwise this page is the last one.
        known = len(entries) < page.size and (entries or page.number == 1)
        return Page(entries, page.offset + len(entries) if known else await self._orders.count(**whose))

    async def entry(self, actor: Actor, order_id: int) -> OrderEntry:
        """:raises OrderUnknown: there is none, or the actor is not a party to it."""
        entries = await self._entries(order_id=order_id)
        if not entries or entries[0].order.role_of(actor) is None:
            raise OrderUnknown
        return entries[0]

    async def detail(self, actor: Actor, order_id: int) -> OrderDetail:
        """:raises OrderUnknown:"""
        return OrderDetail(
            await self.entry(actor, order_id),
            await self._orders.deliveries(order_id, PageRequest(size=_MAX_DELIVERIES)),
            await self._payments.all_of_order(order_id),
            await self._orders.timeline(order_id),
        )

    async def deliveries(self, actor: Actor, order_id: int, page: PageRequest) -> tuple[Order, list[DeliveryCard], int]:
        """The order, a page of its deliveries, newest first, and their number. :raises OrderUnknown:"""
        order = await self._orders.find(order_id)
        if order.role_of(actor) is None:
            raise OrderUnknown
        found = await self._orders.deliveries(order_id, page)
        return order, found, await self._orders.count_deliveries(order_id)

    async def delivery(self, order_id: int) -> DeliveryCard:
        """The newest delivery."""
        (card,) = await self._orders.deliveries(order_id, PageRequest(size=1))
        return card

    async def _entries(self, **which: Any) -> list[OrderEntry]:
        rows = await self._orders.entries(**which)
        ids = {order.service_id for order, _, _ in rows if order.service_id is not None}
        services = await self._catalog.services_by_id(ids) if ids else {}
        return [
            OrderEntry(order, services.get(order.service_id or 0), buyer, creator) for order, buyer, creator in rows
        ]
