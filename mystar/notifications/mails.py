"""Mails about orders, sent at once: one listener per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mystar.errors import Text
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.money import format_rubles
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Tx
from mystar.kit.web.site import Site
from mystar.notifications.listeners import kind_of
from mystar.notifications.model import Recipient, format_date
from mystar.notifications.repository import NotificationRepository
from mystar.orders.model import (
    PAID,
    Goal,
    Kind,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderDelivered,
    OrderFact,
    OrderPaid,
    OrderPaymentFailed,
    OrderPlaced,
    OrderRejected,
    Role,
    Status,
)
from mystar.orders.service import OrderService
from mystar.payments.model import refusal_reason

_DONE = (Status.DELIVERED, Status.COMPLETED)


class OrderMails:
    """Queues mails in the transaction of their cause.

    :param mails_per_hour: mails about one kind of event to one account; the digest has the others, see
        `NotificationService`.
    """

    def __init__(self, mailer: Mailer, orders: OrderService, site: Site, clock: Clock, *, mails_per_hour: int) -> None:
        self._mailer, self._orders, self._site = mailer, orders, site
        self._clock, self._mails_per_hour = clock, mails_per_hour

    def listen(self, events: Events) -> None:
        events.on(OrderPlaced, self._placed)
        events.on(OrderAccepted, self._accepted)
        events.on(OrderRejected, self._rejected)
        events.on(OrderCancelled, self._cancelled)
        events.on(OrderPaid, self._paid)
        events.on(OrderPaymentFailed, self._payment_failed)
        events.on(OrderDelivered, self._delivered)

    async def _placed(self, tx: Tx, fact: OrderPlaced) -> None:
        parties = fact.parties
        # Acceptances of offers, of which the creator has made each, are another kind.
        is_flood = fact.order.offer_id is None and parties.recent_orders >= self._mails_per_hour
        if parties.buyer is not None and parties.creator is not None and parties.email and not is_flood:
            people = {
                one.id: Recipient(
                    one.id, one.username, parties.email, parties.language, is_confirmed=parties.is_confirmed
                )
                for one in (parties.buyer, parties.creator)
            }
            await self._mail_to(tx, "order_placed", fact.order, Role.CREATOR, people)

    async def _accepted(self, tx: Tx, fact: OrderAccepted) -> None:
        if fact.order.money in PAID:
            await self._mail(tx, "order_accepted", fact, Role.BUYER)
        else:
            link = self._orders.link_to_pay(fact.order.id)
            await self._mail(tx, "order_accepted_unpaid", fact, Role.BUYER, link=link)

    async def _rejected(self, tx: Tx, fact: OrderRejected) -> None:
        await self._mail(tx, "order_rejected", fact, Role.BUYER)

    async def _cancelled(self, tx: Tx, fact: OrderCancelled) -> None:
        """Mails the parties except the one that cancelled."""
        late = fact.by is Role.SYSTEM
        for role in (Role.BUYER, Role.CREATOR):
            if role is not fact.by:
                await self._mail(tx, "order_cancelled", fact, role, to_star=role is Role.CREATOR, is_late=late)

    async def _paid(self, tx: Tx, fact: OrderPaid) -> None:
        if fact.order.money_goal is Goal.REVERSE:
            return  # too late: the money goes back at once
        await self._mail(tx, "order_paid", fact, Role.CREATOR)
        if fact.order.kind is Kind.GREETING and fact.order.status in _DONE:
            await self._mail_delivery(tx, fact)

    async def _payment_failed(self, tx: Tx, fact: OrderPaymentFailed) -> None:
        if fact.order.payment_refusal is not None:
            await self._mail_refusal(tx, fact, fact.order.payment_refusal)
        elif fact.order.money_goal is not Goal.REVERSE:
            link = self._orders.link_to_pay(fact.order.id)
            await self._mail(tx, "payment_failed", fact, Role.BUYER, link=link)

    async def _mail_refusal(self, tx: Tx, fact: OrderFact, refusal: str) -> None:
        reason = refusal_reason(refusal)
        await self._mail(tx, "payment_refused", fact, Role.BUYER, why=reason)

    async def _delivered(self, tx: Tx, fact: OrderDelivered) -> None:
        await self._mail_delivery(tx, fact)

    async def _mail_delivery(self, tx: Tx, fact: OrderFact) -> None:
        link, order = "", fact.order
        if order.kind is Kind.GREETING:
            make = self._orders.link_to_watch if order.is_open_to_buyer else self._orders.link_to_pay
            link = make(order.id)
        await self._mail(tx, "order_delivered", fact, Role.BUYER, link=link)

    async def _mail(self, tx: Tx, template: str, fact: OrderFact, role: Role, **values: Any) -> None:
        """Queue the mail, unless the account has no address, or so many of the kind that a digest has this one."""
        order, (kind, roles) = fact.order, kind_of(fact)
        ids = {Role.BUYER: order.buyer_id, Role.CREATOR: order.creator_account_id}
        people = await NotificationRepository(tx).recipients(
            (id_ for id_ in ids.values() if id_), kind or "", self._clock.now()
        )
        recipient = people.get(ids[role] or 0)
        # Of what has no notification of its own, no digest would tell.
        if recipient is None or role not in roles or recipient.recent < self._mails_per_hour:
            await self._mail_to(tx, template, order, role, people, **values)

    async def _mail_to(
        self, tx: Tx, template: str, order: Order, role: Role, people: Mapping[int, Recipient], **values: Any
    ) -> None:
        ids = {Role.BUYER: order.buyer_id, Role.CREATOR: order.creator_account_id}
        recipient = people.get(ids[role] or 0)
        if recipient is None or not recipient.email:
            return
        names = {one: people[id_].username if id_ and id_ in people else "" for one, id_ in ids.items()}
        texts = {name: value.in_(recipient.language) for name, value in values.items() if isinstance(value, Text)}
        words = {} if recipient.is_confirmed else {"for_whom": "", "wish": "", "reason": ""}
        values |= (
            texts | _values(order, recipient) | words | {"star": names[Role.CREATOR], "customer": names[Role.BUYER]}
        )
        dialect = "greetings" if order.kind is Kind.GREETING else "market"
        values |= {
            "order_link": self._site.link(dialect, "order", id=order.id),
            "site_link": self._site.link(dialect, "home"),
        }
        await self._mailer.queue(tx, template, recipient.email, recipient.language, dialect=dialect, **values)


def _values(order: Order, recipient: Recipient) -> dict[str, Any]:
    return {
        "username": recipient.username,
        "number": order.id,
        "amount": format_rubles(order.total_price, recipient.language),
        "for_whom": order.for_whom,
        "wish": order.requirements,
        "by_date": format_date(order.due_date, recipient.language),
        "reason": order.cancellation_reason,
        "is_greeting": order.kind is Kind.GREETING,
        "is_paid": order.money in PAID,
        "is_charged": order.is_charged_at_once,
        "is_open": order.is_open_to_buyer,
        "is_pending": order.status is Status.PENDING,
        "is_accepted": order.status is Status.ACCEPTED or order.status is Status.IN_PROGRESS,
    }
