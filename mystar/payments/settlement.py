"""Where the provider's word becomes fact: statuses, ledger, events and the next call, all in one transaction."""

from __future__ import annotations

import logging
from dataclasses import replace

from mystar.kit.clock import Clock
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.payments.model import (
    EVENTS,
    Goal,
    HoldRunsOut,
    MoneyMoved,
    Payment,
    PaymentFailed,
    PaymentPartlyRefunded,
    SettlementBegins,
)
from mystar.payments.process import (
    Call,
    Step,
    after,
    aimed,
    asked_back,
    disbelief,
    informed,
    next_check,
    pursue,
    runs_out,
    steps,
)
from mystar.payments.provider import ProviderPayment
from mystar.payments.repository import PaymentRepository

log = logging.getLogger(__name__)

#: The outbox topic of everything we ask the provider to do.
TOPIC = "payments"


class Settlement:
    """Moves payments on. Nothing here speaks to the provider; calls leave through the outbox."""

    def __init__(self, db: Database, outbox: Outbox, clock: Clock, *, poll_seconds: float) -> None:
        self._db, self._outbox, self._clock, self._poll_seconds = db, outbox, clock, poll_seconds

    async def settle(self, payment_id: int, word: ProviderPayment, done: Call | None = None) -> Payment:
        """Make what the provider says our truth. The same word again, or a late one, changes nothing.

        :param word: the provider's own answer, never what somebody says it is.
        :param done: the call of ours that was made, if there was one.
        :raises NotFound: there is no such payment.
        """
        payment = await PaymentRepository(self._db).get(payment_id)
        if not self._is_news(payment, word) and _without(payment, done) == payment:
            return payment

        async def work(tx: Tx) -> Payment:
            return await self._settle(tx, payment.order_id, payment_id, word, done)

        return await self._db.retrying(work)

    async def fail(self, payment_id: int, reason: str) -> Payment:
        """The provider will never know this payment. One that it knows already is left alone."""
        order_id = (await PaymentRepository(self._db).get(payment_id)).order_id

        async def work(tx: Tx) -> Payment:
            await tx.publish(SettlementBegins(order_id))
            payments = PaymentRepository(tx)
            payment = await payments.lock(payment_id)
            if payment.status != "pending" or payment.provider_id is not None:
                return payment
            failed = replace(
                payment,
                status="failed",
                settled_at=self._clock.now(),
                cancellation_party="provider",
                cancellation_reason=reason,
            )
            failed = await payments.save(failed)
            await tx.publish(PaymentFailed(failed))
            return failed

        return await self._db.retrying(work)

    async def aim(self, tx: Tx, order_id: int, goal: Goal) -> Payment | None:
        """Say what we want of the order's latest payment, and ask for it. None when there is none.

        :raises GivingBack: a capture is wanted of money that is on its way back.
        """
        payments = PaymentRepository(tx)
        payment = await payments.lock_latest(order_id)
        if payment is None or payment.is_over:
            return payment
        changed = aimed(payment, goal)
        return payment if changed == payment else await self.pursue(tx, changed)

    async def refund_part(self, tx: Tx, order_id: int, amount: int) -> Payment:
        """Give back so many kopecks of what was taken for the order. :raises: as ``asked_back`` does."""
        payment = asked_back(await PaymentRepository(tx).lock_latest(order_id), amount)
        return await self.pursue(tx, payment)

    async def pursue(self, tx: Tx, payment: Payment) -> Payment:
        """Write the payment down with its next look, and its next call into the outbox."""
        check_at = next_check(payment, self._clock.now(), self._poll_seconds)
        payment = await PaymentRepository(tx).save(replace(payment, check_at=check_at))
        await self.send(tx, payment)
        return payment

    async def send(self, tx: Tx, payment: Payment) -> int | None:
        """Put the next call into the outbox, unless it is there; the row's id, None when there is nothing to ask."""
        call = pursue(payment)
        if call is None:
            return None
        return await self._outbox.put(tx, TOPIC, {"payment_id": payment.id, "call": call.call}, name=call.name)

    async def missing(self, payment: Payment) -> None:
        """The provider says that it does not know a payment of its own."""
        assert payment.provider_id is not None
        if await PaymentRepository(self._db).note("missing", payment.provider_id, payment, None):
            log.error("payment %s: the provider does not know its %s", payment.id, payment.provider_id)

    def _is_news(self, payment: Payment, word: ProviderPayment) -> bool:
        """Most words tell nothing new, and need no locks. What changes meanwhile can only make the word older."""
        return bool(
            disbelief(payment, word)
            or any(steps(payment, word))
            or informed(payment, word) != payment
            or runs_out(payment, self._clock.now())
        )

    async def _settle(
        self, tx: Tx, order_id: int, payment_id: int, word: ProviderPayment, done: Call | None
    ) -> Payment:
        await tx.publish(SettlementBegins(order_id))
        payments = PaymentRepository(tx)
        payment = await payments.lock(payment_id)
        if reason := disbelief(payment, word):
            if await payments.note(reason, word.id, payment, word):
                log.error("payment %s: not believed (%s): %s %s", payment.id, reason, word.status, word.amount)
            return payment
        payment = informed(payment, word)
        for step in list(steps(payment, word)):
            payment = await self._make(tx, payment, step)
        payment = _without(payment, done)
        if runs_out(payment, self._clock.now()):
            payment = await self._let_go(tx, payment)
        return await self.pursue(tx, payment)

    async def _make(self, tx: Tx, before: Payment, step: Step) -> Payment:
        payments = PaymentRepository(tx)
        payment = await payments.save(after(before, step, self._clock.now()))
        for move in step.moves:
            await payments.move(payment, move)
            await tx.publish(MoneyMoved(payment, move.reason, move.amount))
        if payment.status == before.status:
            await tx.publish(PaymentPartlyRefunded(payment, payment.refunded - before.refunded))
            return await payments.get(payment.id)
        log.info("payment %s of order %s: %s", payment.id, payment.order_id, payment.status)
        await tx.publish(EVENTS[payment.status](payment))
        # A listener may have aimed it elsewhere.
        return await payments.get(payment.id)

    async def _let_go(self, tx: Tx, payment: Payment) -> Payment:
        log.warning("payment %s of order %s: the hold ends at %s", payment.id, payment.order_id, payment.expires_at)
        payment = await PaymentRepository(tx).save(payment)
        await tx.publish(HoldRunsOut(payment))
        payment = await PaymentRepository(tx).get(payment.id)
        return replace(payment, goal="give_back") if payment.goal == "hold" else payment


def _without(payment: Payment, done: Call | None) -> Payment:
    """The payment once this call is made: its partial refund is under way no more."""
    made = done is not None and done.number == payment.refunds and done.number > 0
    return replace(payment, refunding=0) if made else payment
