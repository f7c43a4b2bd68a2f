"""The rules of payments and refunds: which call is allowed in which status, and how much money it moves."""

from dataclasses import dataclass, replace
from datetime import timedelta

from mystar.sandbox.faults import Faults
from mystar.sandbox.yookassa.deals import DealSimulator
from mystar.sandbox.yookassa.records import (
    CANCELED,
    HELD,
    PENDING,
    SUCCEEDED,
    Deal,
    IdempotentCall,
    Payment,
    Refund,
    Refused,
    Unknown,
    as_text,
    half_up,
    new_id,
)
from mystar.sandbox.yookassa.store import RecordStore

PAY_WITHIN = timedelta(hours=1)
#: How long each method holds money. SBP cannot hold.
HOLDS = {"bank_card": timedelta(days=7), "sberbank": timedelta(days=5)}
#: Kopecks: the least and the most of one payment.
LIMITS = {"bank_card": (100, 35_000_000), "sberbank": (100, 35_000_000), "sbp": (100, 70_000_000)}
#: The provider's fee in basis points of the captured amount, and the tax on the fee in percent.
FEES = {"bank_card": 350, "sberbank": 350, "sbp": 100}
FEE_TAX = 22


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """What a new payment is asked with."""

    amount: int
    two_stage: bool
    description: str | None
    metadata: dict[str, str]
    return_url: str
    method: str = "bank_card"
    confirmation: str = "redirect"
    deal_id: str | None = None
    settlement: int = 0
    has_receipt: bool = False


class PaymentSimulator:
    """Payments and refunds of the merchant."""

    def __init__(self, store: RecordStore, deals: DealSimulator, faults: Faults) -> None:
        self._store, self._deals, self._faults = store, deals, faults
        deals.return_money = self._return_money

    def get(self, payment_id: str) -> Payment:
        if payment_id not in self._store.payments:
            raise Unknown("Payment")
        self._expire_if_due(self._store.payments[payment_id])
        return self._store.payments[payment_id]

    def get_refund(self, refund_id: str) -> Refund:
        if refund_id not in self._store.refunds:
            raise Unknown("Refund")
        return self._store.refunds[refund_id]

    def create(self, call: IdempotentCall, draft: PaymentDraft) -> Payment:
        self._check(draft)
        now = self._store.now()
        payment = Payment(
            id=new_id(now),
            status=PENDING,
            amount=draft.amount,
            two_stage=draft.two_stage,
            description=draft.description,
            metadata=draft.metadata,
            return_url=draft.return_url,
            created_at=as_text(now),
            expires_at=as_text(now + PAY_WITHIN),
            method=draft.method,
            confirmation=draft.confirmation,
            deal_id=draft.deal_id,
            settlement=draft.settlement,
            receipt_registration=PENDING if draft.has_receipt else None,
        )
        return self._write("payment.created", payment, draft.amount, call=call)

    def _check(self, draft: PaymentDraft) -> None:
        parameter = self._faults["refuse_payments"]
        if parameter and not (parameter.startswith("payment_method") and draft.method == "bank_card"):
            raise Refused("The sandbox is told to refuse payments", parameter)
        least, most = LIMITS[draft.method]
        if draft.amount < least:
            raise Refused("Amount is less than minimum", "amount.value")
        if draft.amount > most:
            raise Refused("Amount is more than maximum", "amount.value")
        if draft.two_stage and draft.method not in HOLDS:
            raise Refused("The payment method cannot hold money", "capture")
        if draft.deal_id:
            self._deals.check_payment(draft.deal_id, draft.method, draft.amount, draft.settlement, fee_of(draft))

    def pay(self, payment_id: str) -> Payment:
        """The buyer pays: a hold in two stages, the money itself in one."""
        payment = self._in_status(payment_id, PENDING)
        if payment.two_stage:
            expires_at = as_text(self._store.now() + HOLDS[payment.method])
            held = replace(payment, status=HELD, authorized=payment.amount, expires_at=expires_at)
            return self._write("payment.held", held, held.amount, event="payment.waiting_for_capture")
        return self._take(replace(payment, authorized=payment.amount), payment.amount, payment.settlement)

    def decline(self, payment_id: str, reason: str = "general_decline") -> Payment:
        """The buyer or the bank refuses."""
        payment = self._in_status(payment_id, PENDING)
        return self._cancel(payment, "payment_network", reason)

    def capture(
        self, call: IdempotentCall, payment_id: str, amount: int | None, settlement: int | None = None
    ) -> Payment:
        """Take the held money, or a part of it; the rest goes back to the buyer at once."""
        payment = self._in_status(payment_id, HELD)
        taken = payment.amount if amount is None else amount
        if taken > payment.authorized:
            raise Refused("Amount exceeds the amount held", "amount.value")
        if payment.deal_id and taken < payment.amount and settlement is None:
            raise Refused("Is required with a partial capture", "deal.settlements")
        return self._take(payment, taken, payment.settlement if settlement is None else settlement, call)

    def _take(self, payment: Payment, amount: int, settlement: int, call: IdempotentCall | None = None) -> Payment:
        fee = fee_of(payment, amount)
        taken = replace(
            payment,
            status=SUCCEEDED,
            captured=amount,
            captured_at=as_text(self._store.now()),
            expires_at=None,
            fee=fee,
            settlement=settlement,
            receipt_registration=payment.receipt_registration and SUCCEEDED,
        )
        deal = self._deals.credited(payment.deal_id, amount, settlement, fee) if payment.deal_id else None
        return self._write("payment.captured", taken, amount, call=call, event="payment.succeeded", deal=deal)

    def cancel(self, call: IdempotentCall, payment_id: str) -> Payment:
        """Release the hold."""
        payment = self._in_status(payment_id, HELD)
        return self._cancel(payment, "merchant", "canceled_by_merchant", call)

    def left_to_refund(self, payment: Payment) -> int:
        """Pending refunds count, chargebacks too."""
        open_refunds: list[Refund] = self._store.open_records(Refund)
        pending = sum(refund.amount for refund in open_refunds if refund.payment_id == payment.id)
        return payment.captured - payment.refunded - payment.charged_back - pending

    def refund(
        self, call: IdempotentCall, payment_id: str, amount: int, description: str | None, settlement: int | None = None
    ) -> Refund:
        payment = self._in_status(payment_id, SUCCEEDED)
        if amount > self.left_to_refund(payment):
            raise Refused("Amount exceeds the amount left to refund", "amount.value")
        if payment.deal_id:
            self._deals.check_refund(payment.deal_id, amount, settlement)
        now = self._store.now()
        refund = Refund(new_id(now), payment_id, amount, description, as_text(now), settlement=settlement or 0)
        if self._faults.strikes("refunds.insufficient_funds"):
            return self._cancel_refund(refund, payment, "insufficient_funds", call)
        if self._faults.strikes("refunds.pending"):
            waiting = replace(refund, status=PENDING)
            self._store.write("refund.created", waiting, payment, amount=amount, metadata=payment.metadata, call=call)
            return waiting
        return self._complete_refund(refund, payment, call)

    def succeed_refund(self, refund_id: str) -> Refund:
        """A pending refund reaches the buyer."""
        refund = self._pending_refund(refund_id)
        return self._complete_refund(refund, self._store.payments[refund.payment_id])

    def cancel_refund(self, refund_id: str, reason: str) -> Refund:
        """A pending refund fails. The provider sends no notification of it."""
        refund = self._pending_refund(refund_id)
        return self._cancel_refund(refund, self._store.payments[refund.payment_id], reason)

    def _pending_refund(self, refund_id: str) -> Refund:
        refund = self.get_refund(refund_id)
        if refund.status != PENDING:
            raise Refused(f"Refund is {refund.status}", "refund_id")
        return refund

    def _complete_refund(self, refund: Refund, payment: Payment, call: IdempotentCall | None = None) -> Refund:
        done = replace(refund, status=SUCCEEDED)
        changed = replace(payment, refunded=payment.refunded + refund.amount)
        deal = self._deals.debited(payment.deal_id, refund.amount, refund.settlement) if payment.deal_id else None
        self._store.write(
            "payment.refunded",
            done,
            changed,
            *([deal] if deal else []),
            amount=refund.amount,
            metadata=payment.metadata,
            call=call,
            event="refund.succeeded",
        )
        if deal:
            self._deals.close_if_empty(deal.id)
        return done

    def _cancel_refund(
        self, refund: Refund, payment: Payment, reason: str, call: IdempotentCall | None = None
    ) -> Refund:
        failed = replace(refund, status=CANCELED, cancellation={"party": "yoo_money", "reason": reason})
        self._store.write(
            "refund.canceled", failed, payment, amount=refund.amount, metadata=payment.metadata, call=call
        )
        return failed

    def charge_back(self, payment_id: str, amount: int | None) -> Payment:
        """The buyer's bank takes the money back. The provider sends a letter and no notification."""
        payment = self._in_status(payment_id, SUCCEEDED)
        taken = self.left_to_refund(payment) if amount is None else amount
        if not 0 < taken <= self.left_to_refund(payment):
            raise Refused("Amount exceeds the amount left", "amount")
        changed = replace(payment, charged_back=payment.charged_back + taken)
        return self._write("payment.charged_back", changed, taken)

    def expire(self, payment_id: str) -> Payment:
        """End the time of an open payment now."""
        payment = self.get(payment_id)
        if payment.status not in (PENDING, HELD):
            raise Refused(f"Payment is {payment.status}, it does not expire", "payment_id")
        return self._expire(payment)

    def expire_due(self) -> None:
        for payment in self._store.open_records(Payment):
            self._expire_if_due(payment)

    def _return_money(self, payment: Payment, deal: Deal) -> None:
        if payment.status in (PENDING, HELD):
            self._cancel(payment, "yoo_money", "deal_expired")
        elif left := min(self.left_to_refund(payment), deal.balance):
            now, settlement = self._store.now(), min(left, deal.payout_balance)
            refund = Refund(new_id(now), payment.id, left, "deal_expired", as_text(now), settlement=settlement)
            self._complete_refund(refund, payment)

    def _in_status(self, payment_id: str, status: str) -> Payment:
        payment = self.get(payment_id)
        if payment.status != status:
            raise Refused(f"Payment must be in status {status}, but it is {payment.status}", "payment_id")
        return payment

    def _expire_if_due(self, payment: Payment) -> None:
        if payment.status in (PENDING, HELD) and (payment.expires_at or "") <= as_text(self._store.now()):
            self._expire(payment)

    def _expire(self, payment: Payment) -> Payment:
        reason = "expired_on_confirmation" if payment.status == PENDING else "expired_on_capture"
        return self._cancel(payment, "yoo_money", reason)

    def _cancel(self, payment: Payment, party: str, reason: str, call: IdempotentCall | None = None) -> Payment:
        canceled = replace(payment, status=CANCELED, expires_at=None, cancellation={"party": party, "reason": reason})
        return self._write("payment.canceled", canceled, payment.held, call=call, event="payment.canceled")

    def _write(
        self,
        kind: str,
        payment: Payment,
        amount: int,
        *,
        call: IdempotentCall | None = None,
        event: str | None = None,
        deal: Deal | None = None,
    ) -> Payment:
        changed = [deal] if deal else []
        self._store.write(kind, payment, *changed, amount=amount, metadata=payment.metadata, call=call, event=event)
        return payment


def fee_of(payment: Payment | PaymentDraft, amount: int | None = None) -> int:
    """Kopecks that the provider keeps: its fee and the tax on it, each rounded half up."""
    fee = half_up((payment.amount if amount is None else amount) * FEES[payment.method], 10_000)
    return fee + half_up(fee * FEE_TAX, 100)
