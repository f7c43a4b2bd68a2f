"""Applying a transition: the order's row, its events, its payment's goal, its deadline and the published events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from mystar.accounts.model import Actor
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Tx
from mystar.orders.capacity.service import CapacityService
from mystar.orders.model import (
    MONEY_FACTS,
    STATUS_FACTS,
    ActionForbidden,
    ActionNotAllowedNow,
    Goal,
    Money,
    Order,
    OrderMoneyDecided,
    OrderPartlyRefunded,
    OrderUnknown,
    Role,
    Status,
)
from mystar.orders.repository import OrderRepository
from mystar.orders.state_machine import Action, Terms, Transition, decide, next_deadline
from mystar.payments.model import Goal as PaymentGoal
from mystar.payments.model import (
    HoldExpiring,
    Payment,
    PaymentCaptured,
    PaymentFailed,
    PaymentHeld,
    PaymentPartlyRefunded,
    PaymentRefunded,
    PaymentReleased,
    SettlementBegins,
)
from mystar.payments.service import PaymentService

_NEWS = {
    PaymentHeld: Action.MONEY_HELD,
    PaymentCaptured: Action.MONEY_CAPTURED,
    PaymentReleased: Action.MONEY_RELEASED,
    PaymentRefunded: Action.MONEY_REFUNDED,
    PaymentFailed: Action.MONEY_FAILED,
}
_MOVING = (Money.PENDING, Money.HELD, Money.CAPTURED)
_CALLED_OFF = (Status.CANCELLED, Status.REJECTED)


class Transitions:
    """Decides and applies transitions in the caller's transaction.

    :param terms: how long the parties have time.
    :param patience: seconds that a request waits, after its commit, for the provider to capture the money.
    """

    def __init__(
        self,
        clock: Clock,
        terms: Terms,
        *,
        creators: CreatorService,
        files: FileService,
        payments: PaymentService,
        capacity: CapacityService,
        patience: float,
    ) -> None:
        self._clock, self._terms, self._patience = clock, terms, patience
        self._creators, self._files, self._payments = creators, files, payments
        self._capacity = capacity

    def listen(self, events: Events) -> None:
        """Follow the events of payments in their own transactions, so that order and payment never differ."""
        events.on(SettlementBegins, self._queue_before_payment)
        for news in _NEWS:
            events.on(news, self._follow_payment)
        events.on(PaymentPartlyRefunded, self._follow_partial_refund)
        events.on(HoldExpiring, self._save_hold)

    async def decide(self, tx: Tx, actor: Actor, order_id: int, action: Action) -> tuple[Order, Transition]:
        """Lock the order and decide.

        :raises OrderUnknown: :raises ActionForbidden: :raises ActionNotAllowedNow:
        """
        order = await OrderRepository(tx).lock(order_id)
        return order, decide(order, action, acting_role(order, actor))

    async def apply(
        self,
        tx: Tx,
        order: Order,
        transition: Transition,
        actor_id: int | None = None,
        *,
        refunded: int | None = None,
        details: Mapping[str, str | int] = MappingProxyType({}),
    ) -> Order:
        """Update the row, add an event, set the payment's goal, and publish.

        :param refunded: kopecks refunded in all, when that is what has changed.
        :param details: kept with the event; a ``reason`` also on a cancelled or rejected order.
        """
        if not transition.changes(order) and refunded is None:
            return order
        now, orders = self._clock.now(), OrderRepository(tx)
        called_off = transition.status in _CALLED_OFF and transition.status is not order.status
        moved = await orders.move(
            order,
            transition,
            now,
            reason=str(details.get("reason", "")) if called_off else None,
            refunded=refunded,
            deadline_at=next_deadline(order, transition.taken(order), self._terms, now),
        )
        await orders.add_event(
            moved.id,
            action=str(transition.action),
            role=transition.role,
            actor_id=actor_id,
            before=(order.status, order.money),
            after=(moved.status, moved.money),
            now=now,
            details=dict(details),
        )
        await self._set_goal(tx, order, moved, transition)
        if moved.is_open_to_buyer and not order.is_open_to_buyer:
            await self._open_deliveries(tx, moved)
        if moved.status is not order.status:
            if moved.status is Status.COMPLETED and moved.creator_id:
                await self._creators.count_completed(tx, moved.creator_id)
            await self._capacity.follow(tx, order, moved)
            await tx.publish(STATUS_FACTS[moved.status](moved, transition.role, order.status))
        elif moved.money_goal is not order.money_goal and transition.role is Role.STAFF:
            await tx.publish(OrderMoneyDecided(moved, transition.role, order.status, str(transition.action)))
        if moved.money is not order.money and moved.money in MONEY_FACTS:
            await tx.publish(MONEY_FACTS[moved.money](moved, transition.role, order.status))
        return moved

    async def record(self, tx: Tx, order: Order, transition: Transition, actor_id: int, **details: str | int) -> None:
        """Add an event of an action that changes neither status nor money."""
        state = (order.status, order.money)
        await OrderRepository(tx).add_event(
            order.id,
            action=str(transition.action),
            role=transition.role,
            actor_id=actor_id,
            before=state,
            after=state,
            now=self._clock.now(),
            details=details,
        )

    async def begin_payment(
        self,
        tx: Tx,
        order: Order,
        transition: Transition,
        method: str | None = None,
        *,
        may_choose: bool = False,
    ) -> Payment:
        """Get the order's open payment, or start one with the order's goal.

        :param method: of a new payment; None = that of the one before, or else the default.
        :param may_choose: the buyer may still choose on the pay page.
        """
        payment = await self._payments.start(
            tx,
            order_id=order.id,
            payer_id=order.buyer_id,
            amount=order.total_price,
            description=f"Заказ №{order.id}",
            method=method or self._earlier_method(order),
            may_choose=may_choose,
        )
        if payment.chosen_method != order.payment_method:
            order = await OrderRepository(tx).set_payment_method(order, payment.chosen_method, self._clock.now())
        if order.money_goal is not Goal.HOLD:
            await self._payments.set_goal(tx, order.id, _goal(order))
        await self.apply(tx, order, transition, order.buyer_id)
        return payment

    def _earlier_method(self, order: Order) -> str | None:
        offered = self._payments.methods.offered(is_deal=False)
        return order.payment_method if order.payment_method in offered else None

    async def _set_goal(self, tx: Tx, before: Order, order: Order, transition: Transition) -> None:
        if order.money_goal is before.money_goal or order.money not in _MOVING:
            return
        await self._payments.set_goal(tx, order.id, _goal(order))
        if order.money_goal is Goal.CAPTURE and order.money is Money.HELD and transition.role is not Role.SYSTEM:
            # So that the client's next read shows the money as captured, unless the provider is slow.
            tx.after_commit(partial(self._payments.wait_for, order.id, self._patience))

    async def _open_deliveries(self, tx: Tx, order: Order) -> None:
        for file_id in await OrderRepository(tx).delivered_files(order.id):
            await self._files.let_read(tx, file_id, [order.buyer_id] if order.buyer_id else [])

    # Listeners to payments, in the transactions of payments.

    async def _queue_before_payment(self, tx: Tx, event: SettlementBegins) -> None:
        await OrderRepository(tx).lock(event.order_id)

    async def _follow_payment(
        self, tx: Tx, event: PaymentHeld | PaymentCaptured | PaymentReleased | PaymentRefunded | PaymentFailed
    ) -> None:
        order = await OrderRepository(tx).lock(event.payment.order_id)
        if event.payment.refusal is not None:
            order = await OrderRepository(tx).set_payment_refusal(order, event.payment.refusal, self._clock.now())
        transition = decide(order, _NEWS[type(event)], Role.SYSTEM)
        refunded = event.payment.refunded if isinstance(event, PaymentRefunded) else None
        await self.apply(tx, order, transition, refunded=refunded, details={"payment": event.payment.id})

    async def _follow_partial_refund(self, tx: Tx, event: PaymentPartlyRefunded) -> None:
        payment, amount = event.payment, event.amount
        order = await OrderRepository(tx).lock(payment.order_id)
        transition = decide(order, Action.MONEY_PARTLY_REFUNDED, Role.SYSTEM)
        order = await self.apply(
            tx, order, transition, refunded=payment.refunded, details={"payment": payment.id, "amount": amount}
        )
        await tx.publish(OrderPartlyRefunded(order, Role.SYSTEM, order.status, amount))

    async def _save_hold(self, tx: Tx, event: HoldExpiring) -> None:
        order = await OrderRepository(tx).lock(event.payment.order_id)
        try:
            transition = decide(order, Action.HOLD_RUNS_OUT, Role.SYSTEM)
        except ActionNotAllowedNow:
            return  # Nothing was delivered, so the hold is voided.
        await self.apply(tx, order, transition, details={"payment": event.payment.id})


def acting_role(order: Order, actor: Actor) -> Role:
    """The role in which the actor acts on the order. :raises OrderUnknown: :raises ActionForbidden:"""
    role = order.role_of(actor)
    if role is None:
        raise OrderUnknown
    if role is Role.STAFF and not actor.may_operate:
        raise ActionForbidden
    return role


def _goal(order: Order) -> PaymentGoal:
    """The order's goal in the type of payments; the values are the same."""
    return order.money_goal.value
