"""The rules of 54-FZ receipts: what a receipt must hold, and how its registration ends."""

from dataclasses import dataclass, replace

from mystar.sandbox.faults import Faults
from mystar.sandbox.yookassa.records import (
    CANCELED,
    PENDING,
    SUCCEEDED,
    IdempotentCall,
    Json,
    Receipt,
    Refused,
    Unknown,
    as_text,
    new_id,
)
from mystar.sandbox.yookassa.store import RecordStore


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """What a new receipt is asked with; exactly one of the two ids is given."""

    type: str
    payment_id: str | None
    refund_id: str | None
    items: list[Json]
    settlements: list[Json]


class ReceiptSimulator:
    """Receipts sent apart from payments and refunds."""

    def __init__(self, store: RecordStore, faults: Faults) -> None:
        self._store, self._faults = store, faults

    def get(self, receipt_id: str) -> Receipt:
        if receipt_id not in self._store.receipts:
            raise Unknown("Receipt")
        return self._store.receipts[receipt_id]

    def create(self, call: IdempotentCall, draft: ReceiptDraft) -> Receipt:
        if draft.payment_id and draft.payment_id not in self._store.payments:
            raise Refused("No such payment", "payment_id")
        if draft.refund_id and draft.refund_id not in self._store.refunds:
            raise Refused("No such refund", "refund_id")
        now = self._store.now()
        receipt = Receipt(
            id=f"rt-{new_id(now)}",
            type=draft.type,
            status=self._first_status(),
            payment_id=draft.payment_id,
            refund_id=draft.refund_id,
            items=draft.items,
            settlements=draft.settlements,
            created_at=as_text(now),
            registered_at=None,
        )
        self._store.write("receipt.created", receipt, amount=0, call=call)
        return receipt

    def _first_status(self) -> str:
        if self._faults.strikes("receipts.canceled"):
            return CANCELED
        return PENDING if self._faults.strikes("receipts.pending") else SUCCEEDED

    def register(self, receipt_id: str) -> Receipt:
        return self._end(receipt_id, SUCCEEDED)

    def cancel(self, receipt_id: str) -> Receipt:
        return self._end(receipt_id, CANCELED)

    def _end(self, receipt_id: str, status: str) -> Receipt:
        receipt = self.get(receipt_id)
        if receipt.status != PENDING:
            raise Refused(f"Receipt is {receipt.status}", "receipt_id")
        ended = replace(receipt, status=status, registered_at=as_text(self._store.now()))
        self._store.write(f"receipt.{status}", ended, amount=0)
        return ended
