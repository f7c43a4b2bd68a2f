"""Reading orders: pages of an account's orders, and one order with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mystar.accounts.model import Actor
from mystar.catalog.service import CatalogService
from mystar.catalog.subjects import orders_subject, person_subject, service_subject
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import DeliveryCard, Order, OrderEntry, OrderEvent, OrderUnknown, Role
from mystar.orders.repository import OrderRepository
from mystar.orders.shares import ShareReader
from mystar.payments.model import Payment
from mystar.payments.service import PaymentService

#: Deliveries shown with their order; more are in a list of their own.
_MAX_DELIVERIES = 100


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
        self._shares: ShareReader | None = None

    def show_shares(self, reader: ShareReader) -> None:
        """From now on creators see what their orders bring. For the domain that computes it, which lies above."""
        self._shares = reader

    async def page(
        self, actor: Actor, page: PageRequest, *, role: Role | None = None, status: str | None = None
    ) -> Page[OrderEntry]:
        """The actor's orders with their services, bought and sold, newest first.

        :param role: BUYER or CREATOR; None = both. :param status: as shown, "paid" included.
        """
        found = await self._page(actor, page, role, status=status)
        return Page(await self._with_shares(actor, await self._with_services(found.rows)), found.count)

    def subjects(self, actor: Actor, entries: Sequence[OrderEntry]) -> set[str]:
        """What a page of the actor's orders shows, in the words of the log of changes (D81)."""
        people = [party.id for one in entries for party in (one.buyer, one.creator) if party]
        services = [one.order.service_id for one in entries if one.order.service_id is not None]
        return {orders_subject(actor.id), *map(person_subject, people), *map(service_subject, services)}

    async def greetings(self, actor: Actor, role: Role, page: PageRequest) -> Page[OrderEntry]:
        """The actor's orders as the greetings dialect shows them, bought or sold, newest first."""
        return await self._page(actor, page, role, greetings=True)

    async def entry(self, actor: Actor, order_id: int) -> OrderEntry:
        """The order with its service. :raises OrderUnknown: there is none, or the actor is not a party to it."""
        (entry,) = await self._with_shares(actor, await self._with_services([await self._entry(actor, order_id)]))
        return entry

    async def greeting(self, actor: Actor, order_id: int) -> OrderEntry:
        """The order as the greetings dialect shows it. :raises OrderUnknown:"""
        return await self._entry(actor, order_id, greetings=True)

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

    async def timeline(self, actor: Actor, order_id: int) -> list[OrderEvent]:
        """The events of the order, oldest first. :raises OrderUnknown:"""
        await self._entry(actor, order_id)
        return await self._orders.timeline(order_id)

    async def _entry(self, actor: Actor, order_id: int, *, greetings: bool = False) -> OrderEntry:
        entries = await self._orders.entries(order_id=order_id, greetings=greetings)
        if not entries or entries[0].order.role_of(actor) is None:
            raise OrderUnknown
        return entries[0]

    async def _page(
        self,
        actor: Actor,
        page: PageRequest,
        role: Role | None,
        *,
        status: str | None = None,
        greetings: bool = False,
    ) -> Page[OrderEntry]:
        buyer_id = actor.id if role is not Role.CREATOR else None
        seller_id = actor.id if role is not Role.BUYER else None
        entries = await self._orders.entries(
            buyer_id=buyer_id, seller_id=seller_id, status=status, page=page, greetings=greetings
        )
        # Only a full page, or one behind the last, needs a count; otherwise this page is the last one.
        if len(entries) < page.size and (entries or not page.offset):
            return Page(entries, page.offset + len(entries))
        count = await self._orders.count_entries(
            buyer_id=buyer_id, seller_id=seller_id, status=status, studio=not greetings
        )
        return Page(entries, count)

    async def _with_services(self, entries: Sequence[OrderEntry]) -> list[OrderEntry]:
        ids = {entry.order.service_id for entry in entries if entry.order.service_id is not None}
        services = await self._catalog.services_by_id(ids) if ids else {}
        return [entry._replace(service=services.get(entry.order.service_id or 0)) for entry in entries]

    async def _with_shares(self, actor: Actor, entries: Sequence[OrderEntry]) -> Sequence[OrderEntry]:
        """Each with its share, where the actor is its creator."""
        sold = [entry.order.id for entry in entries if entry.order.role_of(actor) is Role.CREATOR]
        if not sold or self._shares is None:
            return entries
        shares = await self._shares(actor.id, sold)
        return [entry._replace(share=shares.get(entry.order.id)) for entry in entries]
