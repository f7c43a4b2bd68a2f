"""The rules of safe deals: the money that waits in a deal, the seller's part of it, and how a deal closes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from mystar.sandbox.yookassa.records import (
    CLOSED,
    OPENED,
    Deal,
    IdempotentCall,
    Payment,
    Refused,
    Unknown,
    as_text,
    new_id,
)
from mystar.sandbox.yookassa.store import RecordStore

LIFETIME = timedelta(days=90)
FEE_MOMENTS = ("payment_succeeded", "deal_closed")


class DealSimulator:
    """Deals of the merchant. A deal closes by a payout, by a full refund, or by time, which refunds its payments."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        #: Returns the money of a payment when its deal expires; set by the simulator of payments.
        self.return_money: Callable[[Payment, Deal], None] = lambda _payment, _deal: None

    def get(self, deal_id: str) -> Deal:
        if deal_id not in self._store.deals:
            raise Unknown("Deal")
        self._expire_if_due(self._store.deals[deal_id])
        return self._store.deals[deal_id]

    def create(self, call: IdempotentCall, fee_moment: str, description: str | None, metadata: dict[str, str]) -> Deal:
        if fee_moment not in FEE_MOMENTS:
            raise Refused("Must be payment_succeeded or deal_closed", "fee_moment")
        now = self._store.now()
        times = as_text(now), as_text(now + LIFETIME)
        deal = Deal(f"dl-{new_id(now)}", OPENED, fee_moment, description, metadata, *times)
        self._store.write("deal.created", deal, amount=0, metadata=metadata, call=call)
        return deal

    def opened(self, deal_id: str) -> Deal:
        deal = self.get(deal_id)
        if deal.status != OPENED:
            raise Refused("The deal is closed", "deal.id")
        return deal

    def check_payment(self, deal_id: str, method: str, amount: int, settlement: int, fee: int) -> None:
        """Raises Refused: no such open deal, a method without deals, a seller's part that leaves too little."""
        self.opened(deal_id)
        if method == "sbp":
            raise Refused("The payment method is not available in deals", "payment_method_data.type")
        if settlement <= 0 or amount - settlement <= fee:
            raise Refused("The platform's part must exceed the provider's fee", "deal.settlements")

    def check_refund(self, deal_id: str, amount: int, settlement: int | None) -> None:
        deal = self.opened(deal_id)
        if settlement is None or not 0 <= settlement <= min(amount, deal.payout_balance):
            raise Refused("Must not exceed the refund and the seller's part", "deal.refund_settlements")
        # With the fee at the close, a refund may return the platform's part, too.
        if deal.fee_moment == "payment_succeeded" and amount > settlement:
            raise Refused("Amount exceeds the balance of the deal", "amount.value")

    def credited(self, deal_id: str, amount: int, settlement: int, fee: int) -> Deal:
        """The deal after a payment in it has succeeded."""
        deal = self._store.deals[deal_id]
        added = settlement if deal.fee_moment == "payment_succeeded" else amount - fee
        return replace(deal, balance=deal.balance + added, payout_balance=deal.payout_balance + settlement)

    def debited(self, deal_id: str, amount: int, settlement: int) -> Deal:
        """The deal after a refund in it."""
        deal = self._store.deals[deal_id]
        return replace(deal, balance=deal.balance - amount, payout_balance=deal.payout_balance - settlement)

    def check_payout(self, deal_id: str, amount: int) -> None:
        deal = self.opened(deal_id)
        if amount > deal.payout_balance:
            raise Refused("Amount exceeds the seller's part", "amount.value")

    def close(self, deal_id: str) -> Deal:
        closed = replace(self._store.deals[deal_id], status=CLOSED, balance=0, payout_balance=0)
        self._store.write("deal.closed", closed, amount=0, metadata=closed.metadata, event="deal.closed")
        return closed

    def close_if_empty(self, deal_id: str) -> None:
        deal = self._store.deals[deal_id]
        if deal.status == OPENED and deal.payout_balance <= 0:
            self.close(deal_id)

    def expire(self, deal_id: str) -> Deal:
        """End the deal's time now: the money goes back to the buyer and the deal closes."""
        for payment in [payment for payment in self._store.payments.values() if payment.deal_id == deal_id]:
            self.return_money(payment, self._store.deals[deal_id])
        deal = self._store.deals[deal_id]
        return deal if deal.status == CLOSED else self.close(deal_id)

    def expire_due(self) -> None:
        for deal in self._store.open_records(Deal):
            self._expire_if_due(deal)

    def _expire_if_due(self, deal: Deal) -> None:
        if deal.status == OPENED and deal.expires_at <= as_text(self._store.now()):
            self.expire(deal.id)
