"""The verbs of payments. Money is asked for in a transaction of the caller, moved by the outbox, and believed only when
the provider itself says so."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from urllib.parse import urlencode

from mystar.errors import Forbidden, NotFound, Unavailable
from mystar.kit.clock import Clock
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.http import Networks, inside
from mystar.payments.model import GivingBack, Goal, Payment, PaymentOpen, PaymentOver, PaymentSettled
from mystar.payments.process import PAY_WITHIN, claimed_payment, disbelief, next_check
from mystar.payments.provider import Gateway, Missing, ProviderPayment, ProviderTrouble
from mystar.payments.reconciliation import Difference, Reconciliation
from mystar.payments.repository import PaymentRepository
from mystar.payments.settlement import Settlement

log = logging.getLogger(__name__)

_RETURN = "payment-return"
#: What `poll` takes at once, how many times the usual pause it may keep it, and how many calls it makes at a time.
_BATCH, _CLAIM, _AT_ONCE = 40, 4, 4
#: Questions to the provider that strangers may cause at a time, and the seconds one waits for its turn.
_QUESTIONS, _PATIENCE = 8, 5.0
#: Seconds that a person looking at a page waits for the provider.
_GLANCE = 3.0


class PaymentService:
    """Payments of orders.

    :param public_url: where our own return page lives; no slash at the end.
    :param return_url: where the provider sends people instead, if not empty.
    :param webhook_networks: where notifications may come from; empty = anywhere.
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
    ) -> None:
        self._db, self._outbox, self._gateway, self._settlement = db, outbox, gateway, settlement
        self._signer, self._clock = signer, clock
        self.public_url, self._return_url = public_url, return_url
        self._poll_seconds, self._webhook_networks = poll_seconds, webhook_networks
        self._payments = PaymentRepository(db)
        self._questions = asyncio.Semaphore(_QUESTIONS)

    # For whoever keeps the orders; the order is locked already, for locks are taken in the order order, payment.

    async def start(self, tx: Tx, *, order_id: int, payer_id: int | None, amount: int, description: str) -> Payment:
        """The order's open payment, made now if there is none; the provider is asked after the commit.

        :param amount: kopecks, more than none.
        :raises PaymentSettled: it is paid and taken. :raises GivingBack: the money is on its way back.
        :raises PaymentOpen: a payment of another amount is open.
        """
        payments = PaymentRepository(tx)
        payment = await payments.lock_latest(order_id)
        if payment is not None and not payment.is_over:
            return _still_good(payment, amount)
        payment = await payments.add(
            order_id=order_id,
            payer_id=payer_id,
            amount=amount,
            description=description,
            return_url=self._return_url or self._return_link(order_id),
            now=self._clock.now(),
        )
        return await self._settlement.pursue(tx, payment)

    async def aim(self, tx: Tx, order_id: int, goal: Goal) -> Payment | None:
        """Say what becomes of the order's money: "capture" or "give_back", now or as soon as it is held.

        :returns: the order's latest payment, None when there is none.
        :raises GivingBack: a capture is wanted of money that is on its way back.
        """
        return await self._settlement.aim(tx, order_id, goal)

    async def refund_part(self, tx: Tx, order_id: int, amount: int) -> Payment:
        """Give back a part of what was taken; "give_back" as an aim gives back all that is left.

        :param amount: kopecks.
        :raises PaymentNotTaken: :raises GivingBack: :raises RefundUnderWay: :raises RefundTooMuch:
        """
        return await self._settlement.refund_part(tx, order_id, amount)

    async def all_of_order(self, order_id: int) -> list[Payment]:
        """Every try to pay for it, newest first, a hundred at most."""
        return await self._payments.of_order(order_id)

    async def of_order(self, order_id: int) -> Payment | None:
        """The latest payment of the order."""
        return await self._payments.latest(order_id)

    async def wait_for(self, order_id: int, timeout: float) -> None:
        """Give the provider a moment for what was asked of the order's payment. Too slow is no error: it comes later.

        :param timeout: seconds at most.
        """
        payment = await self._payments.latest(order_id)
        if payment is not None:
            await self._wait(payment, timeout)

    # For people who pay

    async def confirmation_url(self, payment_id: int, timeout: float = 5.0) -> str:
        """The provider's page where the payment is confirmed.

        :param timeout: seconds to wait for the provider's answer to a payment that was just started.
        :raises Unavailable: it did not come in time; the same again later continues the same payment.
        :raises PaymentSettled: there is nothing left to pay. :raises PaymentOver: it needs a new payment.
        """
        payment = await self._payments.get(payment_id)
        if payment.status == "pending" and payment.provider_id is None:
            payment = await self._wait(payment, timeout)
        elif payment.status == "pending" and self._clock.now() - payment.created_at > PAY_WITHIN:
            payment = await self._glance(payment)
        if payment.status in ("held", "captured"):
            raise PaymentSettled
        if payment.is_over:
            raise PaymentOver
        if payment.confirmation_url is None:
            raise Unavailable(retry_after=5)
        return payment.confirmation_url

    async def returned(self, order_id: int, signature: str) -> Payment:
        """How the payment stands for a person who comes back from the provider's page.

        :raises NotFound: the link is not ours, or the order has no payment.
        """
        if not self._signer.verify(signature, _RETURN, order_id):
            raise NotFound
        payment = await self._payments.latest(order_id)
        if payment is None:
            raise NotFound
        return await self._glance(payment) if payment.status == "pending" else payment

    # The provider's word

    async def refresh(self, payment_id: int, *, within: float | None = None) -> Payment:
        """Ask the provider and settle by its answer.

        :param within: seconds to wait at most, when less than usual.
        :raises NotFound: no such payment. :raises Unavailable: the provider could not be asked.
        """
        payment = await self._payments.get(payment_id)
        if payment.provider_id is None or payment.is_over:
            return payment
        try:
            word = await self._ask(payment.provider_id, within)
        except Missing:
            await self._settlement.missing(payment)
            return payment
        return await self._settlement.settle(payment.id, word)

    async def notified(self, provider_id: str, metadata: Mapping[str, str], sender: str) -> None:
        """Somebody says that something happened to a payment. It may be the provider; nothing of it is believed, but
        it is a reason to ask.

        :param metadata: what the notification says about itself; a hint where to look, no more.
        :param sender: the address that it came from.
        :raises Forbidden: from where the provider does not live. :raises Unavailable: the provider could not be asked.
        """
        if self._webhook_networks and not inside(sender, self._webhook_networks):
            raise Forbidden
        payment = (await self._payments.of_provider([provider_id])).get(provider_id)
        if payment is not None:
            await self._in_turn(payment.id)
        else:
            await self._notified_of_unknown(provider_id, metadata)

    async def poll(self) -> int:
        """Ask about every payment whose time it is, in case nobody told us; answers how many were asked about.

        Any number of processes may poll at once: each asks about payments of its own.
        """
        asked = 0
        while True:
            until = self._clock.now() + timedelta(seconds=_CLAIM * self._poll_seconds)
            claimed = await self._payments.claim_due(now=self._clock.now(), until=until, batch=_BATCH)
            places = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._look_after(payment, places) for payment in claimed))
            asked += len(claimed)
            if len(claimed) < _BATCH:
                return asked

    async def reconcile(self) -> list[Difference]:
        """Compare the provider's book, the payments and the ledger; changes nothing.

        :raises Unavailable: the provider could not be asked to the end.
        """
        try:
            return await Reconciliation(self._db, self._gateway).run()
        except ProviderTrouble as trouble:
            raise _unavailable(trouble) from trouble

    async def _look_after(self, claimed: Payment, places: asyncio.Semaphore) -> None:
        """Whoever fails over it, or dies, leaves the claim, and the payment comes back when that ends."""
        assert claimed.check_at is not None
        async with places:
            try:
                again = await self._look(claimed)
                await self._payments.schedule(claimed.id, check_at=again, claimed_until=claimed.check_at)
            except Exception:
                log.exception("payment %s could not be looked after", claimed.id)

    async def _look(self, payment: Payment) -> datetime | None:
        """Ask about it, and answer when to ask again."""
        try:
            payment = await self.refresh(payment.id)
        except Unavailable as trouble:
            log.info("payment %s could not be asked about: %s", payment.id, trouble.__cause__)
            return self._clock.now() + timedelta(seconds=trouble.details["retry_after"])
        return next_check(payment, self._clock.now(), self._poll_seconds)

    async def _notified_of_unknown(self, provider_id: str, metadata: Mapping[str, str]) -> None:
        """The answer that would have told us this id may have been lost. Only then is it worth a question, so that
        invented notifications cost the provider nothing."""
        claimed = claimed_payment(metadata)
        payment = await self._payments.unanswered(claimed) if claimed else None
        if payment is None:
            log.warning("a notification about a payment that is not ours")
            return
        try:
            async with self._turn():
                word = await self._ask(provider_id, None)
        except Missing:
            log.warning("a notification about a payment that the provider does not know")
            return
        if claimed_payment(word.metadata) != payment.id or disbelief(payment, word):
            if await self._payments.note("unknown_here", provider_id, None, word):
                log.error("the provider has a payment %s that is not ours: %s", provider_id, word.amount)
            return
        await self._settlement.settle(payment.id, word)

    async def _in_turn(self, payment_id: int) -> Payment:
        async with self._turn():
            return await self.refresh(payment_id)

    async def _wait(self, payment: Payment, timeout: float) -> Payment:
        """The payment once its next call is made, or as it is when the patience is over."""
        async with self._db.transaction() as tx:
            message_id = await self._settlement.send(tx, payment)
        if message_id is None:
            return payment
        await self._outbox.wait(message_id, timeout)
        return await self._payments.get(payment.id)

    async def _glance(self, payment: Payment) -> Payment:
        """The payment as fresh as can be had while somebody waits for a page."""
        with suppress(Unavailable):
            async with self._turn():
                return await self.refresh(payment.id, within=_GLANCE)
        return payment

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the places for questions that strangers cause. :raises Unavailable: too many wait already."""
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
        except Missing:
            raise
        except ProviderTrouble as trouble:
            raise _unavailable(trouble) from trouble

    def _return_link(self, order_id: int) -> str:
        query = urlencode({"order_id": order_id, "sig": self._signer.sign(_RETURN, order_id)})
        return f"{self.public_url}/payments/return/?{query}"


def _still_good(payment: Payment, amount: int) -> Payment:
    if payment.goal == "give_back":
        raise GivingBack
    if payment.status == "captured":
        raise PaymentSettled
    if payment.amount != amount:
        raise PaymentOpen
    return payment


def _unavailable(trouble: ProviderTrouble) -> Unavailable:
    return Unavailable(retry_after=math.ceil(trouble.retry_after))
