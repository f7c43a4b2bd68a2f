"""Settlement: applies a snapshot of the provider's payment (status, ledger, events, next call) in one transaction."""

from __future__ import annotations

import logging
from dataclasses import replace

from mystar.errors import Conflict
from mystar.kit.clock import Clock
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.payments.model import (
    EVENTS,
    METHOD_REFUSED,
    Goal,
    HoldExpiring,
    MoneyMoved,
    Payment,
    PaymentFailed,
    PaymentPartlyRefunded,
    RefundFailed,
    SettlementBegins,
)
from mystar.payments.provider import ProviderPayment, ProviderRefund
from mystar.payments.repository import PaymentRepository
from mystar.payments.state_machine import (
    Call,
    PaymentTransition,
    apply,
    begin_partial_refund,
    charge_back,
    is_expiring,
    merge,
    mismatch,
    next_call,
    next_check,
    refund_failed,
    restart_refund,
    transitions,
    with_goal,
)

log = logging.getLogger(__name__)

#: The outbox topic of calls to the provider.
TOPIC = "payments"


class Settlement:
    """Changes payments. It never calls the provider; calls are queued in the outbox."""

    def __init__(self, db: Database, outbox: Outbox, clock: Clock, *, poll_seconds: float) -> None:
        self._db, self._outbox, self._clock, self._poll_seconds = db, outbox, clock, poll_seconds

    async def settle(self, payment_id: int, snapshot: ProviderPayment, done: Call | None = None) -> Payment:
        """Apply what the provider reports. A repeated or late snapshot changes nothing.

        :param snapshot: from an answer of the provider itself, never from a notification.
        :param done: the call that this is the answer to, if any.
        :raises NotFound: there is no such payment.
        """
        payment = await PaymentRepository(self._db).get(payment_id)
        if not self._is_news(payment, snapshot) and _without_partial_refund(payment, done) == payment:
            return payment

        async def work(tx: Tx) -> Payment:
            return await self._settle(tx, payment.order_id, payment_id, snapshot, done)

        return await self._db.retrying(work)

    async def fail(
        self, payment_id: int, reason: str, refusal: str | None = None, *, if_unchosen: bool = False
    ) -> Payment:
        """Fail a payment that was not created at the provider. One that was created is left unchanged.

        :param refusal: the provider's answer, if it would give the same again.
        :param if_unchosen: only while its method has not been chosen.
        """
        order_id = (await PaymentRepository(self._db).get(payment_id)).order_id

        async def work(tx: Tx) -> Payment:
            await tx.publish(SettlementBegins(order_id))
            payments = PaymentRepository(tx)
            payment = await payments.lock(payment_id)
            if payment.status != "pending" or payment.provider_id is not None:
                return payment
            if if_unchosen and not payment.is_method_open:
                return payment
            failed = replace(
                payment,
                status="failed",
                settled_at=self._clock.now(),
                cancellation_party="provider",
                cancellation_reason=reason,
                refusal=refusal,
            )
            failed = await payments.save(failed)
            if refusal is not None:
                await payments.record_discrepancy("refused", f"refused-{failed.id}", failed, None, refusal)
            await tx.publish(PaymentFailed(failed))
            return failed

        return await self._db.retrying(work)

    async def method_refused(self, payment: Payment, refusal: str) -> None:
        """The provider does not take the method: the payment fails, and the order can be paid in another way."""
        log.error("payment %s: the provider does not take %s: %s", payment.id, payment.chosen_method, refusal)
        await PaymentRepository(self._db).record_discrepancy("refused", f"refused-{payment.id}", payment, None, refusal)
        await self.fail(payment.id, METHOD_REFUSED)

    async def remember_deal(self, payment_id: int, deal_id: str) -> None:
        """Keep the deal that was opened for a payment."""
        async with self._db.transaction() as tx:
            payments = PaymentRepository(tx)
            payment = await payments.lock(payment_id)
            await payments.save(replace(payment, deal_id=deal_id))

    async def remember_refund(self, payment_id: int, call: Call, refund_id: str) -> None:
        """Keep the id of a pending refund, so that it is looked at and never made again."""
        async with self._db.transaction() as tx:
            payments = PaymentRepository(tx)
            payment = await payments.lock(payment_id)
            if next_call(payment) == call:
                await payments.save(replace(payment, refund_id=refund_id))

    async def refund_failed(self, payment_id: int, call: Call, refund: ProviderRefund) -> None:
        """The provider has canceled the refund: a person decides what comes next."""
        order_id = (await PaymentRepository(self._db).get(payment_id)).order_id
        reason = refund.cancellation_reason or "canceled"

        async def work(tx: Tx) -> None:
            await tx.publish(SettlementBegins(order_id))
            payments = PaymentRepository(tx)
            payment = await payments.lock(payment_id)
            if next_call(payment) != call:
                return
            failed = await payments.save(refund_failed(payment, call, reason))
            await payments.record_discrepancy("refund_canceled", refund.id, failed, None, reason)
            await tx.publish(RefundFailed(failed, call.amount, reason))

        await self._db.retrying(work)

    async def refund_again(self, tx: Tx, order_id: int) -> Payment:
        """Begin a failed refund of all the rest anew. :raises RefundNotFailed:"""
        payment = restart_refund(await PaymentRepository(tx).lock_latest(order_id))
        return await self.save_and_continue(tx, payment)

    async def set_goal(self, tx: Tx, order_id: int, goal: Goal) -> Payment | None:
        """Set the goal of the order's latest payment and queue the next call; None when there is no payment.

        :raises ReversalInProgress: a capture is asked for while the money is being given back.
        """
        payments = PaymentRepository(tx)
        payment = await payments.lock_latest(order_id)
        if payment is None or payment.is_over:
            return payment
        changed = with_goal(payment, goal)
        return payment if changed == payment else await self.save_and_continue(tx, changed)

    async def refund_part(self, tx: Tx, order_id: int, amount: int, seen: int | None) -> Payment:
        """Begin a partial refund of ``amount`` kopecks.

        :param seen: how many refunds of the order had been asked for when the amount was chosen; None = any number.
        :raises Conflict: another one was asked for since. :raises: see `begin_partial_refund`.
        """
        payments = PaymentRepository(tx)
        latest = await payments.lock_latest(order_id)
        if seen is not None and seen != sum(one.refunds_asked for one in await payments.of_order(order_id)):
            raise Conflict
        return await self.save_and_continue(tx, begin_partial_refund(latest, amount))

    async def charge_back(self, tx: Tx, order_id: int, amount: int) -> None:
        """A bank took ``amount`` kopecks back. :raises RefundUnderWay:"""
        payments = PaymentRepository(tx)
        if await payments.latest(order_id) is None:
            return
        await tx.publish(SettlementBegins(order_id))
        payment = await payments.lock_latest(order_id)
        assert payment is not None
        await payments.save(charge_back(payment, amount))

    async def save_and_continue(self, tx: Tx, payment: Payment) -> Payment:
        """Save the payment with the time of its next poll, and queue its next call."""
        check_at = next_check(payment, self._clock.now(), self._poll_seconds)
        payment = await PaymentRepository(tx).save(replace(payment, check_at=check_at))
        await self.send(tx, payment)
        return payment

    async def send(self, tx: Tx, payment: Payment) -> int | None:
        """Queue the next call unless it is queued; the outbox row's id, None when there is no call to make."""
        call = next_call(payment)
        if call is None:
            return None
        payload = {"payment_id": payment.id, "call": call.call, "asked_at": self._clock.now().isoformat()}
        return await self._outbox.put(tx, TOPIC, payload, name=call.name)

    async def missing(self, payment: Payment) -> None:
        """The provider does not know a payment that it created."""
        assert payment.provider_id is not None
        if await PaymentRepository(self._db).record_discrepancy("missing", payment.provider_id, payment, None):
            log.error("payment %s: unknown to the provider as %s", payment.id, payment.provider_id)

    def _is_news(self, payment: Payment, snapshot: ProviderPayment) -> bool:
        """Most snapshots change nothing and need no locks. A change meanwhile can only make the snapshot older."""
        return bool(
            mismatch(payment, snapshot)
            or any(transitions(payment, snapshot))
            or merge(payment, snapshot) != payment
            or is_expiring(payment, self._clock.now())
        )

    async def _settle(
        self, tx: Tx, order_id: int, payment_id: int, snapshot: ProviderPayment, done: Call | None
    ) -> Payment:
        await tx.publish(SettlementBegins(order_id))
        payments = PaymentRepository(tx)
        payment = await payments.lock(payment_id)
        if reason := mismatch(payment, snapshot):
            if await payments.record_discrepancy(reason, snapshot.id, payment, snapshot):
                log.error(
                    "payment %s: snapshot refused (%s): %s %s", payment.id, reason, snapshot.status, snapshot.amount
                )
            return payment
        payment = merge(payment, snapshot)
        for transition in list(transitions(payment, snapshot)):
            payment = await self._apply(tx, payment, transition)
        payment = _without_partial_refund(payment, done)
        if is_expiring(payment, self._clock.now()):
            payment = await self._void_expiring(tx, payment)
        return await self.save_and_continue(tx, payment)

    async def _apply(self, tx: Tx, before: Payment, transition: PaymentTransition) -> Payment:
        payments = PaymentRepository(tx)
        payment = await payments.save(apply(before, transition, self._clock.now()))
        for move in transition.moves:
            await payments.move(payment, move)
            await tx.publish(MoneyMoved(payment, move.reason, move.amount))
        if payment.status == before.status:
            await tx.publish(PaymentPartlyRefunded(payment, payment.refunded - before.refunded))
            return await payments.get(payment.id)
        log.info("payment %s of order %s: %s", payment.id, payment.order_id, payment.status)
        await tx.publish(EVENTS[payment.status](payment))
        # A listener may have set another goal.
        return await payments.get(payment.id)

    async def _void_expiring(self, tx: Tx, payment: Payment) -> Payment:
        log.warning("payment %s of order %s: the hold expires at %s", payment.id, payment.order_id, payment.expires_at)
        payment = await PaymentRepository(tx).save(payment)
        await tx.publish(HoldExpiring(payment))
        payment = await PaymentRepository(tx).get(payment.id)
        return replace(payment, goal="give_back") if payment.goal == "hold" else payment


def _without_partial_refund(payment: Payment, done: Call | None) -> Payment:
    """The payment after this call: a partial refund is no longer in progress."""
    made = done is not None and done.number == payment.refunds and done.number > 0
    return replace(payment, refunding=0, refund_id=None) if made else payment
