"""Which receipts captures, completions and refunds bring, and what staff do about refused ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from mystar.accounts.model import Actor
from mystar.earnings.service import EarningService
from mystar.kit.clock import Clock
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.recount import Difference
from mystar.payments.model import Payment
from mystar.receipts.model import Kind, Policy, Receipt, ReceiptNotRefused, ReceiptRefused
from mystar.receipts.repository import ReceiptRepository

TOPIC = "receipts"
#: A receipt that is not registered after this time is a broken invariant.
_REGISTERED_WITHIN = timedelta(hours=24)


class ReceiptService:
    """Adds receipts in the transactions of their causes; the outbox sends them."""

    def __init__(self, db: Database, outbox: Outbox, earnings: EarningService, clock: Clock, policy: Policy) -> None:
        self._db, self._outbox, self._earnings, self._clock = db, outbox, earnings, clock
        self.policy = policy

    async def captured(self, tx: Tx, payment: Payment, amount: int, *, is_completed: bool) -> None:
        """A prepayment receipt; of a completed order it is offset at once."""
        if self.policy.scheme == "fee_only":
            amount = await self._earnings.commission(tx, payment.order_id)
        await self._add(tx, payment.order_id, payment.id, "prepayment", amount)
        if is_completed:
            await self.completed(tx, payment.order_id, payment.id)

    async def completed(self, tx: Tx, order_id: int, payment_id: int) -> None:
        """The receipt that offsets what is left of the prepayment."""
        made = await ReceiptRepository(tx).of_payment(payment_id)
        if not any(receipt.kind == "offset" for receipt in made):
            await self._add(tx, order_id, payment_id, "offset", _left(made))

    async def refunded(self, tx: Tx, payment: Payment, amount: int) -> None:
        """A refund receipt; where only the commission is sold, of its part that is returned.

        None for a payment that was captured without a receipt, before there was a scheme.
        """
        made = await ReceiptRepository(tx).of_payment(payment.id)
        if not made:
            return
        if self.policy.scheme == "fee_only":
            amount = _left(made) - await self._earnings.commission(tx, payment.order_id)
        await self._add(tx, payment.order_id, payment.id, "refund", amount)

    async def send_again(self, by: Actor | None, receipt_id: int) -> Receipt:
        """Send a refused receipt under another key. ``by`` None: the operator at the command line.

        :raises ReceiptUnknown: :raises ReceiptNotRefused: :raises Forbidden:
        """
        if by is not None:
            by.require_operator()
        async with self._db.transaction() as tx:
            receipts = ReceiptRepository(tx)
            receipt = await receipts.lock(receipt_id)
            if receipt.status != "refused":
                raise ReceiptNotRefused
            again = replace(receipt, status="waiting", reason=None, provider_id=None, attempt=receipt.attempt + 1)
            receipt = await receipts.save(again, self._clock.now())
            await self._send(tx, receipt)
        return receipt

    async def sent(self, receipt: Receipt, provider_id: str) -> Receipt:
        """The provider has the receipt and registers it."""
        return await ReceiptRepository(self._db).save(
            replace(receipt, status="pending", provider_id=provider_id), self._clock.now()
        )

    async def registered(self, receipt: Receipt, fiscal: Mapping[str, str]) -> None:
        await ReceiptRepository(self._db).save(replace(receipt, status="registered"), self._clock.now(), fiscal)

    async def refused(self, receipt: Receipt, reason: str) -> None:
        """Nothing repeats it by itself: staff are told."""
        async with self._db.transaction() as tx:
            refused = replace(receipt, status="refused", reason=reason)
            refused = await ReceiptRepository(tx).save(refused, self._clock.now())
            await tx.publish(ReceiptRefused(refused, reason))

    async def recount(self) -> list[Difference]:
        """Captures and refunds without receipts, and receipts that were not registered within a day."""
        if self.policy.scheme == "none":
            return []
        return await ReceiptRepository(self._db).differences(self._clock.now() - _REGISTERED_WITHIN)

    async def _add(self, tx: Tx, order_id: int, payment_id: int, kind: Kind, amount: int) -> None:
        if self.policy.scheme == "none" or amount <= 0:
            return
        receipt = await ReceiptRepository(tx).add(
            order_id=order_id,
            payment_id=payment_id,
            kind=kind,
            amount=amount,
            scheme=self.policy.scheme,
            now=self._clock.now(),
        )
        await self._send(tx, receipt)

    async def _send(self, tx: Tx, receipt: Receipt) -> None:
        name = f"{receipt.id}:{receipt.attempt}"
        await self._outbox.put(tx, TOPIC, {"receipt_id": receipt.id}, name=name)


def _left(made: list[Receipt]) -> int:
    """Kopecks of the prepayment that have not gone back."""
    signs = {"prepayment": 1, "refund": -1, "offset": 0}
    return sum(signs[receipt.kind] * receipt.amount for receipt in made)
