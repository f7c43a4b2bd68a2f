"""Sends receipts from the outbox and follows their registration."""

from __future__ import annotations

import logging
from datetime import timedelta

from mystar.kit.clock import Clock
from mystar.kit.outbox.model import OutboxMessage, Postpone
from mystar.kit.postgres.database import Database
from mystar.payments.provider import CircuitOpen, ProviderError, RateLimited, Refused, Unauthorized
from mystar.receipts.model import Policy, Receipt, Subject, vat_code_of
from mystar.receipts.provider import ProviderReceipt, ReceiptDraft, ReceiptProvider, Supplier
from mystar.receipts.repository import ReceiptRepository
from mystar.receipts.service import ReceiptService

log = logging.getLogger(__name__)

#: Seconds between two looks at a receipt that is being registered, and before another try without an answer.
_LOOK_SECONDS, _RETRY_SECONDS = 60.0, 30.0
#: The provider forgets a key after a day; a receipt without a clear answer is then for staff.
_SEND_WITHIN = timedelta(hours=20)
_NAMES = {"greeting": "Видеопоздравление", "service": "Услуга"}


class ReceiptCalls:
    """The handler of the outbox topic."""

    def __init__(self, db: Database, provider: ReceiptProvider, receipts: ReceiptService, clock: Clock) -> None:
        self._db, self._provider, self._receipts, self._clock = db, provider, receipts, clock

    async def send(self, message: OutboxMessage) -> None:
        """:raises Postpone: it is being registered, or the provider does not answer."""
        receipt = await ReceiptRepository(self._db).get(message.payload["receipt_id"])
        if receipt.status not in ("waiting", "pending") or message.name != f"{receipt.id}:{receipt.attempt}":
            return
        try:
            await self._follow(receipt, str(message.idempotency_key))
        except Refused as refusal:
            log.error("receipt %s was refused: %s", receipt.id, refusal)
            await self._receipts.refused(receipt, str(refusal))
        except Unauthorized as error:
            log.error("the provider refuses the shop's credentials: %s", error)
            raise Postpone(error.retry_after, str(error)) from error
        except (RateLimited, CircuitOpen) as error:
            raise Postpone(error.retry_after, str(error)) from error
        except ProviderError as error:
            await self._unknown(receipt, error)

    async def _follow(self, receipt: Receipt, key: str) -> None:
        found = await self._sent(receipt, key)
        if found.status == "pending":
            raise Postpone(_LOOK_SECONDS, "the receipt is being registered")
        receipt = await ReceiptRepository(self._db).get(receipt.id)
        if found.status == "succeeded":
            await self._receipts.registered(receipt, found.fiscal)
        else:
            await self._receipts.refused(receipt, "canceled")

    async def _sent(self, receipt: Receipt, key: str) -> ProviderReceipt:
        if receipt.provider_id is not None:
            return await self._provider.get_receipt(receipt.provider_id)
        draft = await self._draft(receipt)
        found = await self._provider.create_receipt(key, draft)
        await self._receipts.sent(receipt, found.id)
        return found

    async def _unknown(self, receipt: Receipt, error: ProviderError) -> None:
        """Repeat with the same key while the provider remembers it."""
        if self._clock.now() - receipt.updated_at < _SEND_WITHIN:
            raise Postpone(max(error.retry_after, _RETRY_SECONDS), str(error)) from error
        await self._receipts.refused(receipt, f"unknown outcome: {error}")

    async def _draft(self, receipt: Receipt) -> ReceiptDraft:
        subject = await ReceiptRepository(self._db).subject(receipt.id)
        if subject.provider_payment_id is None:
            raise Refused("no_payment", "the payment is not known at the provider")
        policy, is_refund = self._receipts.policy, receipt.kind == "refund"
        refund_id = await self._refund_id(receipt, subject.provider_payment_id, subject.place) if is_refund else None
        is_done = receipt.kind == "offset" or (is_refund and subject.is_offset)
        return ReceiptDraft(
            payment_id=None if is_refund else subject.provider_payment_id,
            refund_id=refund_id,
            customer=_customer(subject, policy),
            description=_description(receipt, subject),
            amount=receipt.amount,
            vat_code=vat_code_of(policy.vat_code, receipt.kind, is_offset=subject.is_offset),
            tax_system=policy.tax_system,
            mode="full_payment" if is_done else "full_prepayment",
            settlement="prepayment" if receipt.kind == "offset" else "cashless",
            supplier=_supplier(receipt, subject),
        )

    async def _refund_id(self, receipt: Receipt, payment_id: str, place: int) -> str:
        """The provider's refund that the receipt is about: refunds and their receipts follow the same order.

        :raises Refused: there is no such refund, or it is of another amount.
        """
        refunds = await self._provider.refunds_of(payment_id)
        if len(refunds) < place:
            raise Refused("refund_not_found", "the provider lists fewer refunds")
        refund = refunds[place - 1]
        if receipt.scheme != "fee_only" and refund.amount != receipt.amount:
            raise Refused("refund_not_found", "the provider's refund is of another amount")
        return refund.id


def _customer(subject: Subject, policy: Policy) -> dict[str, str]:
    """:raises Refused: there is nowhere to send it."""
    if subject.buyer_email:
        return {"email": subject.buyer_email}
    if subject.buyer_phone:
        return {"phone": subject.buyer_phone.removeprefix("+")}
    if policy.email_fallback:
        return {"email": policy.email_fallback}
    raise Refused("no_customer", "the buyer has neither e-mail nor phone")


def _description(receipt: Receipt, subject: Subject) -> str:
    if receipt.scheme == "fee_only":
        return f"Вознаграждение платформы, заказ №{receipt.order_id}"
    return f"{_NAMES.get(subject.order_kind, 'Услуга')}, заказ №{receipt.order_id}"


def _supplier(receipt: Receipt, subject: Subject) -> Supplier | None:
    if receipt.scheme != "agent" or subject.creator_name is None:
        return None
    return Supplier(subject.creator_name, (subject.creator_phone or "").removeprefix("+"))
