"""What callers can do with payments. The caller's transaction queues a call in the outbox; only an answer of the
provider itself changes a payment."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from mystar.errors import Forbidden, NotFound, Unavailable
from mystar.kit.clock import Clock, ClockSteps
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Queryable, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.http import Networks, inside
from mystar.payments.methods import OfferedMethods
from mystar.payments.model import (
    METHOD_REFUSED,
    DealTerms,
    Goal,
    Method,
    MethodRefused,
    Payment,
    PaymentOver,
    PaymentSettled,
    PaymentStopped,
)
from mystar.payments.provider import Gateway, PaymentNotFound, ProviderError, ProviderPayment
from mystar.payments.reconciliation import Difference, Reconciliation
from mystar.payments.refund_reconciliation import ComparedRefunds, RefundReconciliation
from mystar.payments.repository import PaymentRepository
from mystar.payments.settlement import Settlement
from mystar.payments.state_machine import PAY_WITHIN, claimed_payment, mismatch, next_check, still_good

log = logging.getLogger(__name__)

_RETURN = "payment-return"
#: Far longer than a payment can be pending.
_RETURN_WITHIN = timedelta(days=2)
#: Payments that `poll` claims at once, for how many polling periods, and how many calls it makes at a time.
_BATCH, _CLAIM, _AT_ONCE = 40, 4, 4
#: Concurrent calls to the provider on behalf of unauthenticated requests, and seconds that one waits for its turn.
_QUESTIONS, _PATIENCE = 8, 5.0
#: Seconds that a page waits for the provider.
_GLANCE = 3.0


class PaymentService:
    """Payments of orders.

    :param public_url: base of our own return page, without a trailing slash.
    :param return_url: where the provider sends payers instead; empty = our own page.
    :param webhook_networks: networks that notifications may come from; empty = any.
    """

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        gateway: Gateway,
        settlement: Settlement,
        signer: Signer,
        clock: Clock,
        *,
        public_url: str,
        return_url: str = "",
        poll_seconds: float,
        webhook_networks: Networks = (),
        methods: OfferedMethods,
    ) -> None:
        self._db, self._outbox, self._gateway, self._settlement = db, outbox, gateway, settlement
        self._signer, self._clock, self._clock_steps = signer, clock, ClockSteps(clock)
        self.public_url, self._return_url = public_url, return_url
        self._poll_seconds, self._webhook_networks, self.methods = poll_seconds, webhook_networks, methods
        self._deals: DealTerms | None = None
        self._deal_followers: list[Callable[[DealTerms], None]] = []
        self._payments = PaymentRepository(db)
        self._questions = asyncio.Semaphore(_QUESTIONS)

    # For orders. The caller has locked the order: locks are always taken in the order order, payment.

    def use_deals(self, terms: DealTerms) -> None:
        """Make payments of orders that are safe deals inside their deals."""
        self._deals = terms
        for follow in self._deal_followers:
            follow(terms)

    def follow_deals(self, follow: Callable[[DealTerms], None]) -> None:
        """Be told of the terms of deals, once they are known."""
        self._deal_followers.append(follow)

    async def start(
        self,
        tx: Tx,
        *,
        order_id: int,
        payer_id: int | None,
        amount: int,
        description: str,
        method: str | None = None,
        may_choose: bool = False,
    ) -> Payment:
        """Get the order's open payment, or create one; the provider is called after the commit.

        :param amount: kopecks, positive.
        :param method: one of the methods that are offered; None = the default. A payment that is open keeps its own
            once it was chosen.
        :param may_choose: where there is more than one, the payer chooses on the pay page, and ``method`` is what is
            used otherwise; the provider is not called before.
        :raises MethodNotOffered: any other method.
        :raises PaymentSettled: the money was captured. :raises ReversalInProgress: it is being given back.
        :raises PaymentOpen: a payment of another amount is open.
        """
        payments = PaymentRepository(tx)
        payment = await payments.lock_latest(order_id)
        if payment is not None and not payment.is_over:
            payment = still_good(payment, amount)
            return payment if may_choose or not payment.is_method_open else await self._choose(tx, payment, method)
        deal = await self._deals.deal_part(tx, order_id) if self._deals else None
        payment = await payments.add(
            order_id=order_id,
            payer_id=payer_id,
            amount=amount,
            description=description,
            return_url=self._return_url or self._return_link(order_id),
            chosen_method=self.methods.choose(method, is_deal=deal is not None),
            is_method_open=may_choose and len(self.methods.offered(is_deal=deal is not None)) > 1,
            deal=deal,
            now=self._clock.now(),
        )
        return await self._settlement.save_and_continue(tx, payment)

    async def offered(self, tx: Queryable, order_id: int) -> tuple[Method, ...]:
        """What the order can be paid with; the first is the default. Safe deals know no SBP."""
        is_deal = self._deals is not None and await self._deals.deal_part(tx, order_id) is not None
        return self.methods.offered(is_deal=is_deal)

    async def _choose(self, tx: Tx, payment: Payment, method: str | None) -> Payment:
        """:raises MethodNotOffered:"""
        chosen = self.methods.choose(method, is_deal=payment.deal_share is not None)
        return await self._settlement.save_and_continue(
            tx, replace(payment, chosen_method=chosen, is_method_open=False)
        )

    async def set_goal(self, tx: Tx, order_id: int, goal: Goal) -> Payment | None:
        """Set the goal of the order's latest payment: "capture" or "give_back", at once or as soon as it is held.

        :returns: the payment, None when there is none.
        :raises ReversalInProgress: a capture is asked for while the money is being given back.
        """
        if goal == "give_back" and self._deals:
            await self._deals.require_refundable(tx, order_id)
        return await self._settlement.set_goal(tx, order_id, goal)

    async def refund_again(self, tx: Tx, order_id: int) -> Payment:
        """Begin a failed refund of all the rest anew. :raises RefundNotFailed:"""
        return await self._settlement.refund_again(tx, order_id)

    async def refund_part(self, tx: Tx, order_id: int, amount: int, seen: int | None = None) -> Payment:
        """Refund a part of the captured amount. The goal "give_back" refunds all that is left.

        :param amount: kopecks. :param seen: how many refunds it was chosen after, else `Conflict`; None = any number.
        :raises PaymentNotTaken: :raises ReversalInProgress: :raises RefundUnderWay: :raises RefundTooMuch:
        """
        if self._deals:
            await self._deals.require_refundable(tx, order_id)
        return await self._settlement.refund_part(tx, order_id, amount, seen)

    async def charge_back(self, tx: Tx, order_id: int, amount: int) -> None:
        """A bank took ``amount`` kopecks back: so much less is refundable. Locks the order. :raises RefundUnderWay:"""
        await self._settlement.charge_back(tx, order_id, amount)

    async def all_of_order(self, order_id: int) -> list[Payment]:
        """All payments of the order, newest first, a hundred at most."""
        return await self._payments.of_order(order_id)

    async def of_order(self, order_id: int) -> Payment | None:
        """The latest payment of the order."""
        return await self._payments.latest(order_id)

    async def latest_in(self, tx: Tx, order_id: int) -> Payment | None:
        """The latest payment of the order, read in the caller's transaction."""
        return await PaymentRepository(tx).latest(order_id)

    async def wait_for(self, order_id: int, timeout: float) -> None:
        """Wait ``timeout`` seconds at most for the next call about the order's payment: later ones are no error."""
        payment = await self._payments.latest(order_id)
        if payment is not None:
            await self._wait(payment, timeout)

    # For payers

    async def confirmation_url(self, payment_id: int, timeout: float = 5.0) -> str:
        """The URL of the provider's payment page.

        :param timeout: seconds to wait for the provider to create the payment.
        :raises Unavailable: no answer in time; a retry continues the same payment.
        :raises PaymentSettled: it is paid. :raises PaymentOver: it has failed or expired; a new payment is needed.
        :raises PaymentStopped: the provider refuses the payment and would refuse another one.
        :raises MethodRefused: it does not take the method.
        """
        payment = await self._payments.get(payment_id)
        if payment.status == "pending" and payment.provider_id is None:
            payment = await self._wait(payment, timeout)
        elif payment.status == "pending" and self._clock.now() - payment.created_at > PAY_WITHIN:
            payment = await self._refresh_quickly(payment)
        if payment.status in ("held", "captured"):
            raise PaymentSettled
        if payment.refusal is not None:
            raise PaymentStopped(payment.refusal)
        if payment.cancellation_reason == METHOD_REFUSED:
            raise MethodRefused
        if payment.is_over:
            raise PaymentOver
        if payment.confirmation_url is None:
            raise Unavailable(retry_after=5)
        return payment.confirmation_url

    async def returned(self, order_id: int, signature: str) -> Payment:
        """The payment of an order, refreshed, for a payer who returns from the provider's page.

        :raises NotFound: the signature is wrong or too old, or the order has no payment.
        """
        if not self._signer.verify_until(signature, self._clock.now(), _RETURN, order_id):
            raise NotFound
        payment = await self._payments.latest(order_id)
        if payment is None:
            raise NotFound
        return await self._refresh_quickly(payment) if payment.status == "pending" else payment

    # Refreshing from the provider

    async def refresh(self, payment_id: int, *, within: float | None = None) -> Payment:
        """Read the payment from the provider and settle.

        :param within: seconds; None = the gateway's own limit.
        :raises NotFound: there is no such payment. :raises Unavailable: the provider did not answer.
        """
        payment = await self._payments.get(payment_id)
        if payment.is_method_open and self._clock.now() - payment.created_at >= PAY_WITHIN:
            return await self._settlement.fail(payment.id, "method_not_chosen", if_unchosen=True)
        if payment.provider_id is None or payment.is_over:
            return payment
        try:
            snapshot = await self._ask(payment.provider_id, within)
        except PaymentNotFound:
            await self._settlement.missing(payment)
            return payment
        return await self._settlement.settle(payment.id, snapshot)

    async def notified(self, provider_id: str, metadata: Mapping[str, str], sender: str) -> None:
        """Handle a notification. Its contents are not trusted; it only causes the payment to be read from the provider.

        :param metadata: as in the notification; a hint which payment of ours it is about.
        :param sender: the client address.
        :raises Forbidden: the sender is in none of the provider's networks.
        :raises Unavailable: the provider did not answer.
        """
        self.require_provider(sender)
        payment = (await self._payments.of_provider([provider_id])).get(provider_id)
        if payment is not None:
            await self._in_turn(payment.id)
        else:
            await self._notified_of_unknown(provider_id, metadata)

    def require_provider(self, sender: str) -> None:
        """:raises Forbidden: notifications may not come from this address."""
        if self._webhook_networks and not inside(sender, self._webhook_networks):
            raise Forbidden

    async def poll(self) -> int:
        """Refresh every payment whose ``check_at`` has come, in case notifications were lost; answer how many.

        Several processes may poll at once: each claims payments of its own.
        """
        asked = 0
        if self._clock_steps.set_back():
            await self._payments.hasten(self._clock.now())
        while True:
            until = self._clock.now() + timedelta(seconds=_CLAIM * self._poll_seconds)
            claimed = await self._payments.claim_due(now=self._clock.now(), until=until, batch=_BATCH)
            places = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._poll_claimed(payment, places) for payment in claimed))
            asked += len(claimed)
            if len(claimed) < _BATCH:
                return asked

    async def reconcile(self) -> list[Difference]:
        """Compare the provider's payments, ours and the ledger; changes nothing.

        :raises Unavailable: the provider's list could not be read to the end.
        """
        try:
            return await Reconciliation(self._db, self._gateway).run()
        except ProviderError as trouble:
            raise _unavailable(trouble) from trouble

    async def reconcile_refunds(self, back: timedelta) -> ComparedRefunds:
        """Compare the provider's refunds since so long ago with those of the ledger; changes nothing.

        :raises Unavailable: the provider's list could not be read to the end.
        """
        try:
            return await RefundReconciliation(self._db, self._gateway).run(self._clock.now() - back)
        except ProviderError as trouble:
            raise _unavailable(trouble) from trouble

    async def _poll_claimed(self, claimed: Payment, places: asyncio.Semaphore) -> None:
        """After an error or a crash the claim stays, and the payment is polled again when it ends."""
        assert claimed.check_at is not None
        async with places:
            try:
                again = await self._poll_one(claimed)
                await self._payments.schedule(claimed.id, check_at=again, claimed_until=claimed.check_at)
            except Unavailable as outage:
                log.warning("polling payment %s failed: %r", claimed.id, outage.__cause__ or outage)
            except Exception:
                log.exception("polling payment %s failed", claimed.id)

    async def _poll_one(self, payment: Payment) -> datetime | None:
        """Refresh the payment; answer when to poll it next."""
        try:
            payment = await self.refresh(payment.id)
        except Unavailable as trouble:
            log.info("payment %s could not be refreshed: %s", payment.id, trouble.__cause__)
            return self._clock.now() + timedelta(seconds=trouble.details["retry_after"])
        return next_check(payment, self._clock.now(), self._poll_seconds)

    async def _notified_of_unknown(self, provider_id: str, metadata: Mapping[str, str]) -> None:
        """A notification with an unknown id matters only if the answer that named it was lost; else invented
        notifications would cause calls to the provider."""
        claimed = claimed_payment(metadata)
        payment = await self._payments.unanswered(claimed) if claimed else None
        if payment is None:
            log.warning("notification about a payment that is not ours")
            return
        try:
            async with self._turn():
                snapshot = await self._ask(provider_id, None)
        except PaymentNotFound:
            log.warning("notification about a payment that the provider does not know")
            return
        if claimed_payment(snapshot.metadata) != payment.id or mismatch(payment, snapshot):
            if await self._payments.record_discrepancy("unknown_here", provider_id, None, snapshot):
                log.error("the provider's payment %s is not ours: %s", provider_id, snapshot.amount)
            return
        await self._settlement.settle(payment.id, snapshot)

    async def _in_turn(self, payment_id: int) -> Payment:
        async with self._turn():
            return await self.refresh(payment_id)

    async def _wait(self, payment: Payment, timeout: float) -> Payment:
        """The payment after its next call, or as it is after the timeout."""
        async with self._db.transaction() as tx:
            message_id = await self._settlement.send(tx, payment)
        if message_id is None:
            return payment
        await self._outbox.wait(message_id, timeout)
        return await self._payments.get(payment.id)

    async def _refresh_quickly(self, payment: Payment) -> Payment:
        """The payment, refreshed if the provider answers within a page's limit."""
        with suppress(Unavailable):
            async with self._turn():
                return await self.refresh(payment.id, within=_GLANCE)
        return payment

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Take one of the slots for unauthenticated requests. :raises Unavailable: too many are waiting."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._questions.acquire()
        except TimeoutError:
            raise Unavailable(retry_after=10) from None
        try:
            yield
        finally:
            self._questions.release()

    async def _ask(self, provider_id: str, within: float | None) -> ProviderPayment:
        try:
            return await self._gateway.get(provider_id, within=within)
        except PaymentNotFound:
            raise
        except ProviderError as trouble:
            raise _unavailable(trouble) from trouble

    def _return_link(self, order_id: int) -> str:
        signature = self._signer.sign_until(self._clock.now() + _RETURN_WITHIN, _RETURN, order_id)
        return f"{self.public_url}/payments/return/?order_id={order_id}&sig={signature}"


def _unavailable(trouble: ProviderError) -> Unavailable:
    return Unavailable(retry_after=math.ceil(trouble.retry_after))
