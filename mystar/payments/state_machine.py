"""The state machine of a payment: which status may follow which, which money moves, and which call comes next.

`transitions` compares a snapshot of the provider's payment with ours; `next_call` says what to ask for next. Repeated
and late snapshots yield no transition, so they may come from anywhere at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from mystar.payments import provider
from mystar.payments.model import (
    Goal,
    Payment,
    PaymentNotTaken,
    PaymentOpen,
    PaymentSettled,
    RefundNotFailed,
    RefundTooMuch,
    RefundUnderWay,
    ReversalInProgress,
    Status,
)
from mystar.payments.provider import ProviderPayment

Reason = Literal["hold", "capture", "release", "refund"]
CallName = Literal["create", "capture", "cancel", "refund"]

#: An undecided hold is voided this long before the provider drops it (promise M7 asks for 12 h; the rest is for a
#: provider that is down just then), but never before three quarters of its life.
HOLD_MARGIN = timedelta(hours=18)
#: A payment that could not be created within this time fails: the provider keeps idempotency keys for a day, and its
#: payment page expires earlier.
CREATE_WITHIN = timedelta(hours=20)
#: The provider lets people pay for an hour; then our link wants a new payment.
PAY_WITHIN = timedelta(minutes=50)

# From a snapshot to statuses


def claimed_payment(metadata: Mapping[str, str]) -> int | None:
    """Our payment's id in the metadata. Proof in an answer of the provider, only a hint in a notification."""
    claimed = metadata.get("payment_id", "")
    return int(claimed) if re.fullmatch("[0-9]{1,18}", claimed) else None


#: The path from one status to another, so that every event is published even when intermediate snapshots were missed.
#: A pair that is absent is either no change or a contradiction (`mismatch`).
STATUS_PATHS: Mapping[tuple[Status, Status], tuple[Status, ...]] = {
    ("pending", "held"): ("held",),
    ("pending", "captured"): ("held", "captured"),
    ("pending", "released"): ("held", "released"),
    ("pending", "refunded"): ("held", "captured", "refunded"),
    ("pending", "failed"): ("failed",),
    ("held", "captured"): ("captured",),
    ("held", "released"): ("released",),
    ("held", "refunded"): ("captured", "refunded"),
    ("captured", "refunded"): ("refunded",),
}
#: Pairs that cannot be late news of an earlier state: the provider denies what it reported before.
_CONTRADICTIONS = {
    ("captured", "released"),
    ("refunded", "released"),
    ("released", "captured"),
    ("released", "refunded"),
    ("failed", "captured"),
    ("failed", "refunded"),
}
#: Cancellation reasons that imply a hold, even if no snapshot showed it.
_HELD_BEFORE = {"canceled_by_merchant", "expired_on_capture"}

#: Debited and credited account of a ledger move: payer is money outside, held is on hold at the provider, creator is
#: captured for the creator.
ACCOUNTS: Mapping[Reason, tuple[str, str]] = {
    "hold": ("payer", "held"),
    "capture": ("held", "creator"),
    "release": ("held", "payer"),
    "refund": ("creator", "payer"),
}


@dataclass(frozen=True, slots=True)
class LedgerMove:
    """``amount`` in kopecks, positive."""

    reason: Reason
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentTransition:
    """The status reached (or kept, for a partial refund) and the ledger moves that belong to it."""

    status: Status
    moves: tuple[LedgerMove, ...]
    captured: int
    refunded: int


def map_status(payment: Payment, snapshot: ProviderPayment) -> Status | None:
    """Our status for the one that the provider reports; None when it is unknown."""
    match snapshot.status:
        case provider.PENDING:
            return "pending"
        case provider.WAITING:
            return "held"
        case provider.SUCCEEDED:
            return "refunded" if snapshot.refunded >= snapshot.captured else "captured"
        case provider.CANCELED:
            was_held = payment.held_at is not None or snapshot.cancellation_reason in _HELD_BEFORE
            return "released" if was_held else "failed"
    return None


def mismatch(payment: Payment, snapshot: ProviderPayment) -> str | None:
    """Why the snapshot cannot belong to this payment or contradicts it, as a kind of discrepancy; None when it fits."""
    if payment.provider_id not in (None, snapshot.id):
        return "another_payment"
    if snapshot.metadata.get("payment_id", str(payment.id)) != str(payment.id):
        return "another_payment"
    if snapshot.currency != payment.currency:
        return "currency"
    taken = snapshot.status == provider.SUCCEEDED
    if snapshot.amount > payment.amount or (snapshot.amount != payment.amount and not taken):
        return "amount"
    if snapshot.refunded > snapshot.captured:
        return "refunded"
    status = map_status(payment, snapshot)
    if status is None:
        return "status"
    return "contradiction" if (payment.status, status) in _CONTRADICTIONS else None


def transitions(payment: Payment, snapshot: ProviderPayment) -> Iterator[PaymentTransition]:
    """The transitions that lead to the snapshot, in order. None for repeated and late snapshots."""
    status = map_status(payment, snapshot)
    if status is None:
        return
    captured, refunded = payment.captured, payment.refunded
    for reached in STATUS_PATHS.get((payment.status, status), ()):
        before = captured, refunded
        if reached == "captured":
            captured = snapshot.captured
        if reached == "refunded":
            refunded = captured
        yield PaymentTransition(reached, _moves(payment, reached, captured, refunded - before[1]), captured, refunded)
    if status == "captured" and payment.status in ("pending", "held", "captured") and snapshot.refunded > refunded:
        yield PaymentTransition(
            "captured", (LedgerMove("refund", snapshot.refunded - refunded),), captured, snapshot.refunded
        )


def _moves(payment: Payment, reached: Status, captured: int, refund: int) -> tuple[LedgerMove, ...]:
    """Hold, capture and release cover the whole amount: the part that is not captured is released at once."""
    moves: tuple[LedgerMove, ...] = ()
    match reached:
        case "held":
            moves = (LedgerMove("hold", payment.amount),)
        case "captured":
            moves = (LedgerMove("capture", captured), LedgerMove("release", payment.amount - captured))
        case "released":
            moves = (LedgerMove("release", payment.amount),)
        case "refunded":
            moves = (LedgerMove("refund", refund),)
    return tuple(move for move in moves if move.amount > 0)


def apply(payment: Payment, transition: PaymentTransition, now: datetime) -> Payment:
    """The payment after the transition."""
    changed = replace(payment, status=transition.status, captured=transition.captured, refunded=transition.refunded)
    if changed.refunding > changed.captured - changed.refunded:
        # It is done, or refunds made elsewhere leave too little for it.
        changed = replace(changed, refunding=0)
    if changed.refunded > payment.refunded:
        # A partial refund ends by its own answer, and keeps its id until then: news of it may come first.
        refund_id = changed.refund_id if changed.refunding else None
        changed = replace(changed, refund_id=refund_id, refund_failure=None)
    if transition.status == "held":
        return replace(changed, held_at=now)
    return replace(changed, settled_at=now)


def merge(payment: Payment, snapshot: ProviderPayment) -> Payment:
    """The payment with the facts of the snapshot that do not depend on its status: id, page, method, expiry, reason."""
    return replace(
        payment,
        provider_id=payment.provider_id or snapshot.id,
        confirmation_url=payment.confirmation_url or snapshot.confirmation_url,
        method=snapshot.method or payment.method,
        expires_at=snapshot.expires_at or payment.expires_at,
        cancellation_party=snapshot.cancellation_party or payment.cancellation_party,
        cancellation_reason=snapshot.cancellation_reason or payment.cancellation_reason,
        income=payment.income if snapshot.income is None else snapshot.income,
    )


# From status and goal to the next call


@dataclass(frozen=True, slots=True)
class Call:
    """A call to the provider. ``name`` is unique in the outbox, so a call is queued once.

    :param amount: kopecks.
    :param part: kopecks refunded before a refund of the rest.
    :param number: number of a partial refund, from 1; 0 for other calls.
    :param attempt: refunds of the rest that have failed before.
    """

    payment_id: int
    call: CallName
    amount: int
    part: int = 0
    number: int = 0
    attempt: int = 0

    @property
    def name(self) -> str:
        base = f"{self.payment_id}:{self.call}"
        if self.number:
            return f"{base}:part-{self.number}"
        if self.attempt:
            return f"{base}:{self.part}:again-{self.attempt}"
        return f"{base}:{self.part}" if self.part else base


def next_call(payment: Payment) -> Call | None:
    """The next call towards the goal; None when it is reached or the provider has to move first.

    A full refund is of all that is left, so it cannot be made twice even when the provider has forgotten the key: it
    refunds no more than it captured. A partial refund is not safe in that way; its amount and name are fixed when it is
    requested, and nothing else is refunded until its own answer has come.
    """
    match payment.status, payment.goal:
        case "pending", _ if payment.provider_id is None and not payment.is_method_open:
            return Call(payment.id, "create", payment.amount)
        case "held", "capture":
            return Call(payment.id, "capture", payment.amount)
        case "held", "give_back":
            return Call(payment.id, "cancel", payment.amount)
        case "captured", _ if payment.refunding:
            return Call(payment.id, "refund", payment.refunding, number=payment.refunds)
        case "captured", "give_back" if payment.refund_failure is None and payment.refundable:
            rest = payment.refundable
            return Call(payment.id, "refund", rest, part=payment.refunded, attempt=payment.refund_attempt)
    return None


def with_goal(payment: Payment, goal: Goal) -> Payment:
    """The payment with the goal, or with its own when that is further.

    :raises ReversalInProgress: a capture is asked for while the money is being given back.
    """
    if goal == "capture" and payment.goal == "give_back":
        raise ReversalInProgress
    far: dict[Goal, int] = {"hold": 0, "capture": 1, "give_back": 2}
    if far[goal] <= far[payment.goal]:
        return payment
    # A failure until now was that of a partial refund; the refund of all the rest is a first one.
    return replace(payment, goal=goal, refund_failure=None)


def still_good(payment: Payment, amount: int) -> Payment:
    """The payment, which is not over, if it can be paid.

    :raises ReversalInProgress: :raises PaymentSettled: :raises PaymentOpen: it is of another amount.
    """
    if payment.goal == "give_back":
        raise ReversalInProgress
    if payment.status == "captured":
        raise PaymentSettled
    if payment.amount != amount:
        raise PaymentOpen
    return payment


def begin_partial_refund(payment: Payment | None, amount: int) -> Payment:
    """The payment with a partial refund in progress.

    :param amount: kopecks.
    :raises PaymentNotTaken: nothing was captured. :raises ReversalInProgress: all of it is being given back.
    :raises RefundUnderWay: a partial refund is in progress. :raises RefundTooMuch: not positive, or more than is left.
    """
    if payment is None or payment.status != "captured":
        raise PaymentNotTaken
    if payment.refunding:
        raise RefundUnderWay
    left = payment.refundable
    if payment.goal == "give_back" and left:
        raise ReversalInProgress
    if not 0 < amount <= left:
        raise RefundTooMuch(left)
    return replace(payment, refunding=amount, refunds=payment.refunds + 1, refund_failure=None, refund_id=None)


def charge_back(payment: Payment, amount: int) -> Payment:
    """The payment after a bank took ``amount`` kopecks of it back: so much less can be refunded.

    :raises RefundUnderWay: money is on its way back, and how much that is must not change under the provider's hands.
    """
    call = next_call(payment)
    if call is not None and call.call == "refund":
        raise RefundUnderWay
    return replace(payment, refund_limit=payment.refunded + max(payment.refundable - amount, 0))


def refund_failed(payment: Payment, call: Call, reason: str) -> Payment:
    """The payment once the provider has canceled the refund that ``call`` made.

    Nothing is asked for again by itself: the provider would answer the same key with the same canceled refund.
    """
    return replace(payment, refunding=0 if call.number else payment.refunding, refund_id=None, refund_failure=reason)


def restart_refund(payment: Payment | None) -> Payment:
    """The payment with another refund of all the rest, under another key.

    :raises RefundNotFailed: the refund of all the rest was not asked for, or has not failed.
    """
    if payment is None or payment.refund_failure is None or payment.goal != "give_back":
        raise RefundNotFailed
    return replace(payment, refund_failure=None, refund_attempt=payment.refund_attempt + 1)


def auto_void_at(payment: Payment) -> datetime | None:
    """When an undecided hold is voided; None when its expiry is not known."""
    if payment.status != "held" or payment.expires_at is None or payment.held_at is None:
        return None
    return payment.expires_at - min(HOLD_MARGIN, (payment.expires_at - payment.held_at) / 4)


def is_expiring(payment: Payment, now: datetime) -> bool:
    moment = auto_void_at(payment)
    return payment.goal == "hold" and moment is not None and moment <= now


def next_check(payment: Payment, now: datetime, poll_seconds: float) -> datetime | None:
    """When to look next: when the time to choose a method is over; soon for new and for unsettled payments, less often
    later, and always before the hold ends."""
    if payment.is_method_open and payment.status == "pending":
        return payment.created_at + PAY_WITHIN
    if not payment.is_unsettled or payment.provider_id is None:
        return None
    age = (now - (payment.held_at or payment.created_at)).total_seconds()
    hurry = next_call(payment) is not None
    pause = max(poll_seconds, min(age / 10, 300.0 if hurry or payment.status == "pending" else 3600.0))
    moments = [now + timedelta(seconds=pause)]
    for deadline in (auto_void_at(payment), payment.expires_at):
        if deadline is not None and deadline > now:
            moments.append(deadline + timedelta(seconds=1))
    return min(moments)


def expected_ledger(payment: Payment) -> dict[Reason, int]:
    """Kopecks that the ledger has to show for each reason."""
    held = 0 if payment.status in ("pending", "failed") else payment.amount
    released = held - payment.captured if payment.status in ("captured", "refunded", "released") else 0
    return {"hold": held, "capture": payment.captured, "release": released, "refund": payment.refunded}
