"""How an order moves: a step of the process made true, with its payment, its deadline and everybody who listens."""

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
from mystar.orders.model import (
    MONEY_FACTS,
    STATUS_FACTS,
    Goal,
    Money,
    NotYours,
    Order,
    OrderMoneyDecided,
    OrderPartlyRefunded,
    OrderUnknown,
    Role,
    Status,
    WrongTime,
)
from mystar.orders.repository import OrderRepository
from mystar.orders.state_machine import Action, Step, Terms, decide, next_deadline
from mystar.payments.model import Goal as PaymentGoal
from mystar.payments.model import (
    HoldRunsOut,
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


class Steps:
    """Decides and takes steps in the caller's transaction.

    :param terms: how long people are waited for.
    :param patience: seconds that a person's request waits, after its commit, for the provider to take the money.
    """

    def __init__(
        self,
        clock: Clock,
        terms: Terms,
        *,
        creators: CreatorService,
        files: FileService,
        payments: PaymentService,
        patience: float,
    ) -> None:
        self._clock, self._terms, self._patience = clock, terms, patience
        self._creators, self._files, self._payments = creators, files, payments

    def listen(self, events: Events) -> None:
        """Follow the money: what the provider says of a payment is true of its order in the same transaction."""
        events.on(SettlementBegins, self._queue_before_payment)
        for news in _NEWS:
            events.on(news, self._follow_payment)
        events.on(PaymentPartlyRefunded, self._follow_partial_refund)
        events.on(HoldRunsOut, self._save_hold)

    async def decide(self, tx: Tx, actor: Actor, order_id: int, action: Action) -> tuple[Order, Step]:
        """Lock the order and ask the process. :raises OrderUnknown: :raises NotYours: :raises WrongTime:"""
        order = await OrderRepository(tx).lock(order_id)
        return order, decide(order, action, acting_role(order, actor))

    async def take(
        self,
        tx: Tx,
        order: Order,
        step: Step,
        actor_id: int | None = None,
        *,
        refunded: int | None = None,
        details: Mapping[str, str | int] = MappingProxyType({}),
    ) -> Order:
        """Make the step true: the row, its history, its payment's aim, and everybody who listens.

        :param refunded: kopecks that have gone back in all, if that is the news.
        :param details: kept in the history; a ``reason`` also on an order that is called off.
        """
        if not step.changes(order) and refunded is None:
            return order
        now, orders = self._clock.now(), OrderRepository(tx)
        called_off = step.status in _CALLED_OFF and step.status is not order.status
        moved = await orders.move(
            order,
            step,
            now,
            reason=str(details.get("reason", "")) if called_off else None,
            refunded=refunded,
            deadline_at=next_deadline(order, step.taken(order), self._terms, now),
        )
        await orders.remember(
            moved, order, action=str(step.action), role=step.role, actor_id=actor_id, now=now, details=dict(details)
        )
        await self._aim(tx, order, moved, step)
        if moved.is_open_to_buyer and not order.is_open_to_buyer:
            await self._open_deliveries(tx, moved)
        if moved.status is not order.status:
            if moved.status is Status.COMPLETED and moved.creator_id:
                await self._creators.count_completed(tx, moved.creator_id)
            await tx.publish(STATUS_FACTS[moved.status](moved, step.role, order.status))
        elif moved.money_goal is not order.money_goal and step.role is Role.STAFF:
            await tx.publish(OrderMoneyDecided(moved, step.role, order.status, str(step.action)))
        if moved.money is not order.money and moved.money in MONEY_FACTS:
            await tx.publish(MONEY_FACTS[moved.money](moved, step.role, order.status))
        return moved

    async def note(self, tx: Tx, order: Order, step: Step, actor_id: int, **details: str | int) -> None:
        """Something was done that moves neither work nor money: only the history knows."""
        await OrderRepository(tx).remember(
            order,
            order,
            action=str(step.action),
            role=step.role,
            actor_id=actor_id,
            now=self._clock.now(),
            details=details,
        )

    async def begin_payment(self, tx: Tx, order: Order, step: Step) -> Payment:
        """The order's open payment, or a new one, aimed at what the order wants."""
        payment = await self._payments.start(
            tx,
            order_id=order.id,
            payer_id=order.buyer_id,
            amount=order.total_price,
            description=f"Заказ №{order.id}",
        )
        if order.money_goal is not Goal.HOLD:
            await self._payments.aim(tx, order.id, _goal(order))
        await self.take(tx, order, step, order.buyer_id)
        return payment

    async def _aim(self, tx: Tx, before: Order, order: Order, step: Step) -> None:
        if order.money_goal is before.money_goal or order.money not in _MOVING:
            return
        await self._payments.aim(tx, order.id, _goal(order))
        if order.money_goal is Goal.CAPTURE and order.money is Money.HELD and step.role is not Role.SYSTEM:
            # What the client reads next then shows the money captured, unless the provider is slow.
            tx.after_commit(partial(self._payments.wait_for, order.id, self._patience))

    async def _open_deliveries(self, tx: Tx, order: Order) -> None:
        for file_id in await OrderRepository(tx).delivered_files(order.id):
            await self._files.let_read(tx, file_id, [order.buyer_id] if order.buyer_id else [])

    # What payments tell, in their own transactions.

    async def _queue_before_payment(self, tx: Tx, event: SettlementBegins) -> None:
        await OrderRepository(tx).lock(event.order_id)

    async def _follow_payment(
        self, tx: Tx, event: PaymentHeld | PaymentCaptured | PaymentReleased | PaymentRefunded | PaymentFailed
    ) -> None:
        order = await OrderRepository(tx).lock(event.payment.order_id)
        step = decide(order, _NEWS[type(event)], Role.SYSTEM)
        refunded = event.payment.refunded if isinstance(event, PaymentRefunded) else None
        await self.take(tx, order, step, refunded=refunded, details={"payment": event.payment.id})

    async def _follow_partial_refund(self, tx: Tx, event: PaymentPartlyRefunded) -> None:
        payment, amount = event.payment, event.amount
        order = await OrderRepository(tx).lock(payment.order_id)
        step = decide(order, Action.MONEY_PARTLY_REFUNDED, Role.SYSTEM)
        order = await self.take(
            tx, order, step, refunded=payment.refunded, details={"payment": payment.id, "amount": amount}
        )
        await tx.publish(OrderPartlyRefunded(order, Role.SYSTEM, order.status, amount))

    async def _save_hold(self, tx: Tx, event: HoldRunsOut) -> None:
        order = await OrderRepository(tx).lock(event.payment.order_id)
        try:
            step = decide(order, Action.HOLD_RUNS_OUT, Role.SYSTEM)
        except WrongTime:
            return  # nothing was delivered, so the payment may give it back
        await self.take(tx, order, step, details={"payment": event.payment.id})


def acting_role(order: Order, actor: Actor) -> Role:
    """What the actor is to the order when he wants to do something. :raises OrderUnknown: :raises NotYours:"""
    role = order.role_of(actor)
    if role is None:
        raise OrderUnknown
    if role is Role.STAFF and not actor.may_operate:
        raise NotYours
    return role


def _goal(order: Order) -> PaymentGoal:
    """The order's goal as payments call it; the words are the same."""
    return order.money_goal.value
