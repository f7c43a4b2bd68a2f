"""Sends the queued calls to the provider: create, capture, cancel, refund."""

from __future__ import annotations

import logging
from datetime import datetime

from mystar.kit.clock import Clock
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.postgres.database import Database
from mystar.payments.methods import OfferedMethods
from mystar.payments.model import DealTerms, Payment
from mystar.payments.provider import (
    CANCELED,
    CLOCK_MARGIN,
    CircuitOpen,
    DealShare,
    Gateway,
    PaymentNotFound,
    ProviderPayment,
    ProviderRefund,
    RateLimited,
    Refused,
    Unauthorized,
    listed_refunds,
)
from mystar.payments.repository import PaymentRepository
from mystar.payments.settlement import Settlement
from mystar.payments.state_machine import CREATE_WITHIN, Call, next_call

log = logging.getLogger(__name__)

#: Longest pause between attempts of one call, in seconds: a payer waits for the page or the refund, and the circuit
#: breaker spares a provider that is down.
MAX_PAUSE = 30.0
#: Seconds before a refused call is retried, while it still leads to the goal.
_AFTER_REFUSAL = 600.0
_REFUND_PENDING = 60.0
_NEVER_CREATED = "never_created"


class _RefundCanceled(Exception):
    def __init__(self, refund: ProviderRefund) -> None:
        super().__init__(refund.cancellation_reason or "canceled")
        self.refund = refund


class ProviderCalls:
    """The handler of the outbox topic. Every call ends by settling from the provider's answer, as a webhook would."""

    def __init__(
        self, db: Database, gateway: Gateway, settlement: Settlement, methods: OfferedMethods, clock: Clock
    ) -> None:
        self._db, self._gateway, self._settlement, self._clock = db, gateway, settlement, clock
        self._methods = methods
        self._deals: DealTerms | None = None

    def use_deals(self, terms: DealTerms) -> None:
        """Ask for the creator's part of refunds inside deals."""
        self._deals = terms

    async def send(self, message: OutboxMessage) -> None:
        """:raises Postpone: later. :raises GiveUp: the payment cannot be created."""
        payment = await PaymentRepository(self._db).get(message.payload["payment_id"])
        call = next_call(payment)
        if call is None or call.name != message.name:
            # Superseded: the goal is reached or has changed, and goals never go back.
            return
        try:
            snapshot = await self._ask(call, payment, message)
        except Refused as refusal:
            await self._refused(call, payment, refusal)
        except _RefundCanceled as canceled:
            log.error("payment %s: the provider canceled a refund: %s", payment.id, canceled)
            await self._settlement.refund_failed(payment.id, call, canceled.refund)
        except Unauthorized as trouble:
            log.error("the payment provider refuses the shop's credentials: %s", trouble)
            raise Postpone(trouble.retry_after, str(trouble)) from trouble
        except (RateLimited, CircuitOpen) as trouble:
            raise Postpone(trouble.retry_after, str(trouble)) from trouble
        else:
            await self._settlement.settle(payment.id, snapshot, call)

    async def _ask(self, call: Call, payment: Payment, message: OutboxMessage) -> ProviderPayment:
        key = str(message.idempotency_key)
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
                refund_id = payment.refund_id or await self._made_before(call, payment, message)
                return await self._refund(call, payment, provider_id, key, refund_id)

    async def _create(self, payment: Payment, key: str) -> ProviderPayment:
        if self._clock.now() - payment.created_at > CREATE_WITHIN:
            raise Refused(_NEVER_CREATED, "the provider could not be reached in time")
        return await self._gateway.create_payment(
            key,
            amount=payment.amount,
            description=payment.description,
            return_url=payment.return_url,
            metadata={"order_id": str(payment.order_id), "payment_id": str(payment.id)},
            method=payment.chosen_method,
            deal=await self._deal(payment, key),
        )

    async def _deal(self, payment: Payment, key: str) -> DealShare | None:
        """The deal of the payment, opened now if there is none."""
        if payment.deal_share is None:
            return None
        deal_id = payment.deal_id
        if deal_id is None:
            metadata = {"order_id": str(payment.order_id), "payment_id": str(payment.id)}
            deal_id = await self._gateway.create_deal(
                f"deal-{key}",
                fee_moment=payment.deal_fee_moment or "deal_closed",
                description=payment.description,
                metadata=metadata,
            )
            await self._settlement.remember_deal(payment.id, deal_id)
        return DealShare(deal_id, payment.deal_share)

    async def _deal_refund(self, payment: Payment, amount: int) -> DealShare | None:
        if payment.deal_id is None or self._deals is None:
            return None
        return DealShare(payment.deal_id, await self._deals.deal_refund_share(payment.order_id, amount))

    async def _made_before(self, call: Call, payment: Payment, message: OutboxMessage) -> str | None:
        """The refund that an attempt without an answer made, once the provider may have forgotten its key.

        One of all that was captured needs no such look: it cannot be made twice.
        """
        asked_at = message.payload.get("asked_at")
        if asked_at is None or not (call.number or payment.refundable < payment.captured - payment.refunded):
            return None
        moment = datetime.fromisoformat(asked_at)
        if self._clock.now() - moment < CREATE_WITHIN:
            return None
        made = await listed_refunds(self._gateway, since=moment - CLOCK_MARGIN, payment_id=payment.provider_id)
        own = [one for one in made if one.amount == call.amount]
        # One that was not canceled decides.
        return next((one.id for one in sorted(own, key=lambda one: one.status == CANCELED)), None)

    async def _refund(
        self, call: Call, payment: Payment, provider_id: str, key: str, refund_id: str | None
    ) -> ProviderPayment:
        """:param refund_id: of one that was made already."""
        if refund_id is None:
            deal = await self._deal_refund(payment, call.amount)
            refund = await self._gateway.refund(
                key, provider_id, amount=call.amount, description=payment.description, deal=deal
            )
        if refund_id or refund.status == "pending":
            # A repeated call answers what it answered first; the refund itself is up to date.
            refund = await self._gateway.get_refund(refund_id or refund.id)
        if refund.status == "pending":
            # Its key is forgotten after a day, its id is not.
            await self._settlement.remember_refund(payment.id, call, refund.id)
            raise Postpone(_REFUND_PENDING, "the refund is pending")
        if refund.status == "canceled":
            raise _RefundCanceled(refund)
        return await self._gateway.get(provider_id)

    async def _refused(self, call: Call, payment: Payment, refusal: Refused) -> None:
        """A payment whose creation is refused has failed. Any other call is refused because of the payment's state, so
        refresh it; if the call still leads to the goal, it is retried later."""
        if call.call == "create":
            is_deal = payment.deal_share is not None
            if _is_of_method(refusal) and self._methods.refuse(payment.chosen_method, is_deal=is_deal):
                await self._settlement.method_refused(payment, str(refusal))
            else:
                await self._settlement.fail(payment.id, refusal.code, _lasting(refusal))
            raise GiveUp(str(refusal)) from refusal
        assert payment.provider_id is not None
        try:
            snapshot = await self._gateway.get(payment.provider_id)
        except PaymentNotFound as missing:
            await self._settlement.missing(payment)
            raise Postpone(_AFTER_REFUSAL, str(missing)) from missing
        if next_call(await self._settlement.settle(payment.id, snapshot)) == call:
            log.error("payment %s: %s refused by the provider: %s", payment.id, call.call, refusal)
            raise Postpone(_AFTER_REFUSAL, str(refusal)) from refusal


def _is_of_method(refusal: Refused) -> bool:
    return refusal.parameter.startswith("payment_method")


def _lasting(refusal: Refused) -> str | None:
    """What the provider would say again to the same payment; None when it was never asked."""
    return None if refusal.code == _NEVER_CREATED else f"{refusal.parameter or refusal.code}: {refusal.description}"
