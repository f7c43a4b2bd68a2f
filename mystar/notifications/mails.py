"""Mails about orders, sent at once: one listener per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mystar.errors import Text
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.moments import day_text, zone_of
from mystar.kit.outbox.mail import Mailer, unlinked
from mystar.kit.postgres.database import Tx
from mystar.kit.web.site import Site
from mystar.notifications.listeners import kind_of
from mystar.notifications.mail_content import (
    DUE,
    FOR_WHOM,
    REASON,
    SUM,
    WISH,
    MailContent,
    Reading,
    rubles,
    sentence,
    written,
)
from mystar.notifications.model import OrderReader
from mystar.notifications.repository import NotificationRepository
from mystar.orders.model import (
    PAID,
    Goal,
    Kind,
    Money,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderDisputed,
    OrderFact,
    OrderMoneyReturned,
    OrderPaid,
    OrderPartlyRefunded,
    OrderPaymentFailed,
    OrderPlaced,
    OrderRejected,
    OrderReopened,
    Role,
    Status,
)
from mystar.orders.service import OrderService
from mystar.payments.model import refusal_reason

_BOTH = (Role.BUYER, Role.CREATOR)
_DONE = (Status.DELIVERED, Status.COMPLETED)
_CALLED_OFF = (Status.CANCELLED, Status.REJECTED)
#: What is ready, by whether it is a greeting.
_READY = {True: "greeting_is_ready", False: "work_is_ready"}
#: Mails whose deadline is that of the creator's answer; later the order has another one.
_UNTIL_ANSWERED = ("order_paid", "payment_received")
_LATE = {Role.BUYER: "late_for_buyer", Role.CREATOR: "late_for_creator"}


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
        events.on(OrderReopened, self._reopened)
        events.on(OrderDisputed, self._disputed)
        events.on(OrderCompleted, self._completed)
        events.on(OrderPartlyRefunded, self._partly_refunded)
        events.on(OrderMoneyReturned, self._money_returned)

    async def _placed(self, tx: Tx, fact: OrderPlaced) -> None:
        parties, order = fact.parties, fact.order
        # Acceptances of offers, of which the creator has made each, are another kind.
        is_flood = order.offer_id is None and parties.recent_orders >= self._mails_per_hour
        if parties.buyer is None or parties.creator is None or not parties.email or is_flood:
            return
        people = {
            one.id: OrderReader(
                one.id,
                one.username,
                one.full_name,
                parties.email,
                parties.language,
                parties.time_zone,
                parties.title,
                is_confirmed=parties.is_confirmed,
            )
            for one in (parties.buyer, parties.creator)
        }
        name = "order_placed" if order.offer_id is None else "offer_accepted"
        draft = MailContent({}, [(FOR_WHOM, order.for_whom), (WISH, order.requirements)])
        await self._mail_to(tx, name, order, Role.CREATOR, people, draft)

    async def _accepted(self, tx: Tx, fact: OrderAccepted) -> None:
        if fact.order.money in PAID:
            await self._mail(tx, "order_accepted", fact, Role.BUYER)
        else:
            link = self._orders.link_to_pay(fact.order.id)
            await self._mail(tx, "order_accepted_unpaid", fact, Role.BUYER, link=link)

    async def _rejected(self, tx: Tx, fact: OrderRejected) -> None:
        again = "other_star" if fact.order.kind is Kind.GREETING else "other_creator"
        sentences = [*_money_back(fact.order, Role.BUYER), again]
        await self._mail(tx, "order_rejected", fact, Role.BUYER, sentences=sentences)

    async def _cancelled(self, tx: Tx, fact: OrderCancelled) -> None:
        """Mails the parties except the one that cancelled."""
        late = fact.by is Role.SYSTEM
        for role in _others(fact):
            sentences = [*([_LATE[role]] if late else ()), *_money_back(fact.order, role)]
            await self._mail(tx, "order_expired" if late else "order_cancelled", fact, role, sentences=sentences)

    async def _paid(self, tx: Tx, fact: OrderPaid) -> None:
        order = fact.order
        if order.money_goal is Goal.REVERSE:
            return  # too late: the money goes back at once
        sentences = ["decide"] if order.status is Status.PENDING else []
        if order.status in (Status.ACCEPTED, Status.IN_PROGRESS):
            sentences = ["work"]
        await self._mail(tx, "order_paid", fact, Role.CREATOR, sentences=sentences)
        if order.kind is Kind.GREETING and order.status in _DONE:
            await self._mail_delivery(tx, fact)
        else:
            await self._mail(tx, "payment_received", fact, Role.BUYER, sentences=_until_charged(order))

    async def _payment_failed(self, tx: Tx, fact: OrderPaymentFailed) -> None:
        order = fact.order
        if order.payment_refusal is not None:
            await self._mail(tx, "payment_refused", fact, Role.BUYER, why=refusal_reason(order.payment_refusal))
        elif order.money_goal is not Goal.REVERSE:
            await self._mail(tx, "payment_failed", fact, Role.BUYER, link=self._orders.link_to_pay(order.id))

    async def _delivered(self, tx: Tx, fact: OrderDelivered) -> None:
        await self._mail_delivery(tx, fact)

    async def _mail_delivery(self, tx: Tx, fact: OrderFact) -> None:
        order = fact.order
        is_greeting = order.kind is Kind.GREETING
        sentences = [] if order.is_open_to_buyer else ["opens_after_payment"]
        link, button = "", ""
        if is_greeting:
            make = self._orders.link_to_watch if order.is_open_to_buyer else self._orders.link_to_pay
            link, button = make(order.id), "watch" if order.is_open_to_buyer else "pay"
        thing = self._sentence(_READY[is_greeting])
        await self._mail(
            tx, "order_delivered", fact, Role.BUYER, sentences=sentences, link=link, button=button, thing=thing
        )

    async def _reopened(self, tx: Tx, fact: OrderReopened) -> None:
        await self._mail(tx, "revision_requested", fact, Role.CREATOR)

    async def _disputed(self, tx: Tx, fact: OrderDisputed) -> None:
        name = "revision_late" if fact.by is Role.SYSTEM else "dispute"
        for role in _others(fact):
            await self._mail(tx, name, fact, role)

    async def _completed(self, tx: Tx, fact: OrderCompleted) -> None:
        name = "order_auto_completed" if fact.by is Role.SYSTEM else "order_completed"
        name = "dispute_settled" if fact.was is Status.DISPUTED else name
        for role in _others(fact):
            await self._mail(tx, name, fact, role)

    async def _partly_refunded(self, tx: Tx, fact: OrderPartlyRefunded) -> None:
        for role in _others(fact):
            await self._mail(tx, "money_partly_returned", fact, role, part=rubles(fact.amount))

    async def _money_returned(self, tx: Tx, fact: OrderMoneyReturned) -> None:
        """A cancelled or rejected order had a mail that says so already."""
        order = fact.order
        if order.money is Money.RELEASED and order.money_goal is not Goal.REVERSE:
            await self._mail(tx, "hold_ended", fact, Role.BUYER, link=self._orders.link_to_pay(order.id), button="pay")
            await self._mail(tx, "hold_ended", fact, Role.CREATOR)
        elif order.status not in _CALLED_OFF:
            await self._mail(tx, "money_returned", fact, Role.BUYER)

    async def _mail(
        self,
        tx: Tx,
        name: str,
        fact: OrderFact,
        role: Role,
        *,
        sentences: list[str] | None = None,
        link: str = "",
        button: str = "",
        **values: Any,
    ) -> None:
        """Queue the mail, unless the account has no address, or so many of the kind that a digest has this one."""
        order, (kind, roles) = fact.order, kind_of(fact)
        people = await NotificationRepository(tx).order_readers(order, kind or "", self._clock.now())
        reader = people.get((order.buyer_id if role is Role.BUYER else order.creator_account_id) or 0)
        # What has no notification of its own would be in no digest.
        if reader is None or role not in roles or reader.recent < self._mails_per_hour:
            draft = MailContent(values, [(REASON, order.cancellation_reason)], sentences or [], link, button)
            await self._mail_to(tx, name, order, role, people, draft)

    async def _mail_to(
        self, tx: Tx, name: str, order: Order, role: Role, people: Mapping[int, OrderReader], draft: MailContent
    ) -> None:
        ids = {Role.BUYER: order.buyer_id, Role.CREATOR: order.creator_account_id}
        reader = people.get(ids[role] or 0)
        if reader is None or not reader.email:
            return
        dialect = "greetings" if order.kind is Kind.GREETING else "market"
        draft.values |= _values(order, people)
        # An address that is not confirmed may be a stranger's: its mails contain no text of others.
        words = draft.facts if reader.is_confirmed else []
        due = (DUE, day_text(order.due_date, reader.language) if order.due_date else "")
        draft.facts = [(SUM, rubles(order.total_price)), *words, due]
        is_answered = name in _UNTIL_ANSWERED and order.status is not Status.PENDING
        draft.deadline = None if is_answered else order.deadline_at
        draft.link = draft.link or _page(self._site, dialect, order.id)
        reading = Reading(reader.username, reader.language, zone_of(reader.time_zone, self._clock.zone))
        await self._mailer.queue(
            tx,
            written(name, draft, reading, self._mailer.texts),
            reader.email,
            reader.language,
            dialect=dialect,
        )

    def _sentence(self, name: str) -> Text:
        return Text(*(sentence(name, language, {}, self._mailer.texts) for language in ("ru", "en")))


def _page(site: Site, dialect: str, order_id: int) -> str:
    """The order's page, else the first page of the site; "" = there is no site."""
    return site.link(dialect, "order", id=order_id) or site.link(dialect, "home")


def _others(fact: OrderFact) -> list[Role]:
    """The parties except the one that acted."""
    return [role for role in _BOTH if role is not fact.by]


def _money_back(order: Order, role: Role) -> list[str]:
    """The names of sentences."""
    if order.money not in PAID:
        return []
    if role is Role.CREATOR:
        return ["back_to_buyer"]
    return ["back_by_sbp" if order.is_charged_at_once else "back_to_card"]


def _until_charged(order: Order) -> list[str]:
    """The names of sentences: what becomes of a payment that has just arrived."""
    if order.is_charged_at_once:
        return [] if order.status is Status.COMPLETED else ["charged_at_once"]
    if order.money_goal is Goal.CAPTURE:
        return []
    return ["held_until_confirmed" if order.kind is Kind.GREETING else "held_until_approved"]


def _values(order: Order, people: Mapping[int, OrderReader]) -> dict[str, Any]:
    buyer, creator = people.get(order.buyer_id or 0), people.get(order.creator_account_id or 0)
    star = unlinked(creator.username) if creator else ""
    title = next((one.title for one in people.values() if one.title), "")
    if order.kind is Kind.GREETING or not title:
        shown = unlinked(creator.full_name if creator else "") or star
        what = Text(f"поздравление ({shown})", f"a greeting from {shown}")
    else:
        what = Text(unlinked(title), unlinked(title))
    return {
        "number": order.id,
        "what": what,
        "star": star,
        "customer": unlinked(buyer.username) if buyer else "",
        "amount": rubles(order.total_price),
    }
