"""Asks the provider for what the outbox says: to create, capture, cancel, refund."""

from __future__ import annotations

import logging

from mystar.kit.clock import Clock
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.postgres.database import Database
from mystar.payments.model import Payment
from mystar.payments.process import CREATE_WITHIN, Call, pursue
from mystar.payments.provider import Gateway, LockedOut, Missing, NotAsked, ProviderPayment, RateLimited, Refused
from mystar.payments.repository import PaymentRepository
from mystar.payments.settlement import Settlement

log = logging.getLogger(__name__)

#: Seconds between the attempts for one call, at most: somebody waits for his payment page or his money, and a provider
#: that is down is spared by the breaker, not by patience.
LONGEST_PAUSE = 30.0
#: Seconds before a call that the provider refused is tried again, as long as it is still the way to the goal.
_AFTER_REFUSAL = 600.0
_REFUND_PENDING = 60.0


class ProviderCalls:
    """The handler of the outbox topic. Every call ends by settling from the provider's answer, as a webhook would."""

    def __init__(self, db: Database, gateway: Gateway, settlement: Settlement, clock: Clock) -> None:
        self._db, self._gateway, self._settlement, self._clock = db, gateway, settlement, clock

    async def send(self, letter: OutboxMessage) -> None:
        """:raises Postpone: later. :raises GiveUp: the payment cannot be created."""
        payment = await PaymentRepository(self._db).get(letter.payload["payment_id"])
        call = pursue(payment)
        if call is None or call.name != letter.name:
            # Overtaken: the payment has got there, or has another goal, and goals never go back.
            return
        try:
            word = await self._ask(call, payment, str(letter.idempotency_key))
        except Refused as refusal:
            await self._refused(call, payment, refusal)
        except LockedOut as trouble:
            log.error("the payment provider refuses our credentials: %s", trouble)
            raise Postpone(trouble.retry_after, str(trouble)) from trouble
        except (RateLimited, NotAsked) as trouble:
            raise Postpone(trouble.retry_after, str(trouble)) from trouble
        else:
            await self._settlement.settle(payment.id, word, call)

    async def _ask(self, call: Call, payment: Payment, key: str) -> ProviderPayment:
        if call.call == "create":
            return await self._create(payment, key)
        provider_id = payment.provider_id
        assert provider_id is not None
        match call.call:
            case "capture":
                return await self._gateway.capture(key, provider_id, amount=call.amount)
            case "cancel":
                return await self._gateway.cancel(key, provider_id)
            case "refund":
                return await self._refund(call, payment, provider_id, key)

    async def _create(self, payment: Payment, key: str) -> ProviderPayment:
        if self._clock.now() - payment.created_at > CREATE_WITHIN:
            raise Refused("never_created", "the provider could not be reached in time")
        return await self._gateway.create_payment(
            key,
            amount=payment.amount,
            description=payment.description,
            return_url=payment.return_url,
            metadata={"order_id": str(payment.order_id), "payment_id": str(payment.id)},
        )

    async def _refund(self, call: Call, payment: Payment, provider_id: str, key: str) -> ProviderPayment:
        refund = await self._gateway.refund(key, provider_id, amount=call.amount, description=payment.description)
        if refund.status == "pending":
            # The repeated call answers what it answered first; the refund itself knows better.
            refund = await self._gateway.get_refund(refund.id)
        if refund.status == "pending":
            raise Postpone(_REFUND_PENDING, "the refund is under way")
        if refund.status == "canceled":
            raise Refused("refund_canceled")
        return await self._gateway.get(provider_id)

    async def _refused(self, call: Call, payment: Payment, refusal: Refused) -> None:
        """A payment that cannot be created has failed. Any other call was refused because of the payment's state, so
        look at that; and what is still to be done is tried again, since money waits at the end of it."""
        if call.call == "create":
            await self._settlement.fail(payment.id, refusal.code)
            raise GiveUp(str(refusal)) from refusal
        assert payment.provider_id is not None
        try:
            word = await self._gateway.get(payment.provider_id)
        except Missing as missing:
            await self._settlement.missing(payment)
            raise Postpone(_AFTER_REFUSAL, str(missing)) from missing
        if pursue(await self._settlement.settle(payment.id, word)) == call:
            log.error("payment %s: the provider refuses to %s: %s", payment.id, call.call, refusal)
            raise Postpone(_AFTER_REFUSAL, str(refusal)) from refusal
