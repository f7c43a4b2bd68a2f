"""Placing an order: its price is computed from the catalogue and frozen on the order (D24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from mystar.accounts.model import Actor
from mystar.catalog.model import Greeting
from mystar.catalog.service import CatalogService
from mystar.errors import Forbidden, Invalid, Text
from mystar.kit.clock import Clock
from mystar.kit.money import told_rubles
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.orders.capacity.service import CapacityService
from mystar.orders.model import (
    ChosenOption,
    Goal,
    Kind,
    Money,
    NoInvitations,
    NoModifications,
    NotForSale,
    Order,
    OrderEntry,
    OrderPlaced,
    OwnService,
    PriceChanged,
    Role,
    Status,
)
from mystar.orders.parties import Parties
from mystar.orders.repository import OrderRepository
from mystar.orders.state_machine import Terms, next_deadline

_ALL_DAY = time(23, 59)
_MODIFICATIONS = "Доработки"
DATE_PASSED = Text("Эта дата уже прошла.", "This date has passed.")


@dataclass(frozen=True, slots=True)
class OfferedTerms:
    """What a custom offer says of its order (D71). Money in kopecks.

    :param modifications_price: the whole price of the version with modifications; None = none are offered.
    """

    offer_id: int
    service_id: int
    creator_account_id: int
    title: str
    text: str
    price: int
    modifications_price: int | None
    delivery_days: int


class Placing:
    """Orders are limited by buyer, and by buyer and creator, since every one is mailed to its creator.

    :param terms: how long a new order waits for the creator's acceptance.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        catalog: CatalogService,
        limits: RateLimits,
        terms: Terms,
        capacity: CapacityService,
    ) -> None:
        self._db, self._clock, self._catalog, self._limits, self._terms = db, clock, catalog, limits, terms
        self._capacity = capacity

    async def greeting(
        self,
        actor: Actor,
        *,
        star_id: int,
        for_whom: str,
        requirements: str,
        price: int | None = None,
        due_date: date | None = None,
        due_time: time | None = None,
        occasion: str = "video",
        customer_id: int | None = None,
    ) -> Order:
        """Order a greeting from the star with the account ``star_id``.

        :param price: kopecks that the customer saw; None = the current price.
        :param occasion: "video" or "invitation", each with its own price.
        :param customer_id: if given, must be the actor (D1).
        :raises Forbidden: ``customer_id`` is another account. :raises NotForSale: no such star, or without a price.
        :raises OwnService: :raises NoInvitations: :raises PriceChanged: :raises Invalid: ``due_date`` has passed.
        :raises TooMany: :raises BuyerBlocked: :raises CreatorBlocked:
        """
        if customer_id not in (None, actor.id):
            raise Forbidden
        await self._limits.hit("order", actor.id)
        greeting = await self._catalog.greeting_of(star_id)
        if greeting.account_id == actor.id:
            raise OwnService
        amount = _agreed_price(greeting, occasion, price)
        await self._limits.hit("order_again", f"{actor.id} {greeting.account_id}")
        now = self._clock.now()
        require_future(due_date, now, "by_date")
        order, _ = await self._place(
            actor,
            Kind.GREETING,
            now,
            service_id=greeting.service_id,
            creator_id=greeting.creator_id,
            price=amount,
            for_whom=for_whom,
            wish=requirements,
            occasion=occasion,
            # Without a due date the star's own delivery time applies.
            by_date=due_date or (now + timedelta(days=greeting.lead_days + greeting.delivery_days)).date(),
            by_time=due_time or _ALL_DAY,
            is_limited=greeting.is_limited,
        )
        return order

    async def service(
        self,
        actor: Actor,
        *,
        service_id: int,
        requirements: str = "",
        delivery_date: date | None = None,
        option_ids: Sequence[int] = (),
        modifications: str | None = None,
    ) -> OrderEntry:
        """Order a service with some of its options, each once. A greeting service makes a greeting order.

        :param modifications: description of the modifications, where the service sells them; None = without.
        :raises NotFound: no such service, or it is not for sale. :raises Invalid: an option of another service, or the
            ``delivery_date`` has passed. :raises NoModifications: :raises OwnService: :raises TooMany:
        :raises BuyerBlocked: :raises CreatorBlocked:
        """
        await self._limits.hit("order", actor.id)
        quote = await self._catalog.quote(service_id, list(dict.fromkeys(option_ids)))
        if quote.account_id == actor.id:
            raise OwnService
        now = self._clock.now()
        require_future(delivery_date, now, "delivery_date")
        options = [ChosenOption(one.id, one.name, one.description, one.price) for one in quote.options]
        if modifications is not None:
            options.append(_modifications(quote.modifications_price, quote.base_price, modifications))
        await self._limits.hit("order_again", f"{actor.id} {quote.account_id}")
        order, parties = await self._place(
            actor,
            Kind.GREETING if quote.is_greeting else Kind.SERVICE,
            now,
            service_id=quote.service_id,
            creator_id=quote.creator_id,
            price=quote.base_price,
            options=options,
            wish=requirements,
            by_date=delivery_date or (now + timedelta(days=quote.service.lead_days + quote.delivery_days)).date(),
            by_time=_ALL_DAY,
            is_limited=quote.service.is_limited,
        )
        return OrderEntry(order, parties.buyer, parties.creator, *(None,) * 5, service=quote.service)

    async def limit_offered(self, actor: Actor, creator_account_id: int) -> None:
        """Count the order of an offer, before the transaction of `place_offered`. :raises TooMany:"""
        await self._limits.hit("order", actor.id)
        await self._limits.hit("order_again", f"{actor.id} {creator_account_id}")

    async def offered(
        self,
        tx: Tx,
        actor: Actor,
        terms: OfferedTerms,
        *,
        requirements: str = "",
        delivery_date: date | None = None,
        modifications: str | None = None,
    ) -> Order:
        """Order what was offered to the actor, at the price and within the term of the offer (D71).

        :param requirements: of the buyer; empty = the text of the offer.
        :raises NotFound: the service was removed or withheld. :raises NoModifications: none are offered.
        :raises Invalid: the ``delivery_date`` has passed.
        """
        service, now = await self._catalog.offerable(terms.service_id, tx), self._clock.now()
        require_future(delivery_date, now, "delivery_date")
        options = []
        if modifications is not None:
            options.append(_modifications(terms.modifications_price, terms.price, modifications))
        order, _ = await self._place_in(
            tx,
            actor,
            Kind.GREETING if service.kind == "greeting" else Kind.SERVICE,
            now,
            service_id=service.id,
            creator_id=service.creator_id,
            price=terms.price,
            options=options,
            wish=requirements or terms.text or terms.title,
            by_date=delivery_date or (now + timedelta(days=terms.delivery_days)).date(),
            by_time=_ALL_DAY,
            offer_id=terms.offer_id,
            title=terms.title,
            is_limited=service.is_limited,
        )
        return order

    async def _place(self, actor: Actor, kind: Kind, now: datetime, **columns: Any) -> tuple[Order, Parties]:
        async with self._db.transaction() as tx:
            return await self._place_in(tx, actor, kind, now, **columns)

    async def _place_in(
        self,
        tx: Tx,
        actor: Actor,
        kind: Kind,
        now: datetime,
        *,
        price: int,
        options: Sequence[ChosenOption] = (),
        for_whom: str = "",
        occasion: str = "video",
        offer_id: int | None = None,
        title: str = "",
        is_limited: bool = False,
        **columns: Any,
    ) -> tuple[Order, Parties]:
        """The one place where orders of all dialects begin.

        :param is_limited: the creator may be absent, or takes so many orders at once.
        :raises CreatorAway: :raises CreatorAtCapacity:
        """
        orders = OrderRepository(tx)
        if is_limited:
            await self._capacity.take_place(tx, columns["creator_id"])
        order, parties = await orders.place(
            kind=kind,
            buyer_id=actor.id,
            price=price,
            total_price=total_price(price, options),
            options=options,
            for_whom=for_whom,
            occasion=occasion,
            deadline_at=next_deadline(None, new_order(kind), self._terms, now),
            offer_id=offer_id,
            now=now,
            **columns,
        )
        await orders.add_event(
            order.id,
            action="place",
            role=Role.BUYER,
            actor_id=actor.id,
            before=None,
            after=(order.status, order.money),
            now=now,
            details={"price": order.total_price} | ({"offer": offer_id} if offer_id else {}),
        )
        told = replace(parties, title=title) if title else parties
        await tx.publish(OrderPlaced(order, Role.BUYER, parties=told))
        return order, parties


def total_price(price: int, options: Sequence[ChosenOption]) -> int:
    """Total in kopecks: the service and the chosen options."""
    return price + sum(option.price for option in options)


def _modifications(whole_price: int | None, price: int, description: str) -> ChosenOption:
    """What the version with modifications costs more. :raises NoModifications: there is none."""
    if whole_price is None:
        raise NoModifications
    return ChosenOption(None, _MODIFICATIONS, description, whole_price - price)


def require_future(day: date | None, now: datetime, field: str) -> None:
    """:raises Invalid: the day is over in every time zone, UTC-12 included."""
    if day is not None and day < (now - timedelta(hours=12)).date():
        raise Invalid(fields={field: [DATE_PASSED]})


def _agreed_price(greeting: Greeting, occasion: str, seen: int | None) -> int:
    """The price in kopecks. :raises PriceChanged: the customer saw another one."""
    price = _price(greeting, occasion)
    if seen not in (None, price):
        raise PriceChanged(price=told_rubles(price))
    return price


def _price(greeting: Greeting, occasion: str) -> int:
    """:raises NotForSale: :raises NoInvitations:"""
    if not greeting.is_for_sale or greeting.base_price is None:
        raise NotForSale
    if occasion != "invitation":
        return greeting.base_price
    if greeting.invitation_price is None:
        raise NoInvitations
    return greeting.invitation_price


def new_order(kind: Kind) -> Order:
    """A new order, not stored yet, for the state machine."""
    blank: dict[str, Any] = dict.fromkeys(Order._fields)
    fresh = {"status": Status.PENDING, "money": Money.NONE, "money_goal": Goal.HOLD, "refunded": 0, "options": ()}
    return Order(**blank | fresh | {"kind": kind})
