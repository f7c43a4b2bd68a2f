"""The life of a payment as data: what may follow what, which money moves then, and what we ask of the provider next.

`steps` says what the provider's word means for a payment, `pursue` what to do about it. The same word twice, or words
in the wrong order, mean nothing new: anybody may bring one at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from mystar.payments import provider
from mystar.payments.model import (
    GivingBack,
    Goal,
    Payment,
    PaymentNotTaken,
    RefundTooMuch,
    RefundUnderWay,
    Status,
)
from mystar.payments.provider import ProviderPayment

Reason = Literal["hold", "capture", "release", "refund"]
CallName = Literal["create", "capture", "cancel", "refund"]

#: A hold that nobody decided about is given back this long before the provider drops it (promise M7 asks for 12 h;
#: the rest is for a provider that is down just then), but never before three quarters of its life.
HOLD_MARGIN = timedelta(hours=18)
#: A payment that could not be created within this time never will be: the provider forgets our keys after a day, and a
#: page that nobody was shown is long expired.
CREATE_WITHIN = timedelta(hours=20)
#: The provider lets people pay for an hour; then our link wants a new payment.
PAY_WITHIN = timedelta(minutes=50)

# What the provider's word means


def claimed_payment(metadata: Mapping[str, str]) -> int | None:
    """Which payment of ours the metadata name: ours if the provider says so, a hint if anybody else does."""
    claimed = metadata.get("payment_id", "")
    return int(claimed) if re.fullmatch("[0-9]{1,18}", claimed) else None


#: The way from a status to another, step by step, so that listeners hear every fact even when we slept through some.
#: What is missing here is no news, or worse: see `disbelief`.
WAYS: Mapping[tuple[Status, Status], tuple[Status, ...]] = {
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
#: Words that cannot be late news of an earlier state: the provider denies what it has told us before.
_CONTRADICTIONS = {
    ("captured", "released"),
    ("refunded", "released"),
    ("released", "captured"),
    ("released", "refunded"),
    ("failed", "captured"),
    ("failed", "refunded"),
}
#: Reasons of a cancellation that tell of a hold, even if we never saw it.
_HELD_BEFORE = {"canceled_by_merchant", "expired_on_capture"}

#: From which account to which a move goes: payer is money outside, held is blocked at the provider, creator is earned.
ACCOUNTS: Mapping[Reason, tuple[str, str]] = {
    "hold": ("payer", "held"),
    "capture": ("held", "creator"),
    "release": ("held", "payer"),
    "refund": ("creator", "payer"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """``amount`` kopecks, more than none."""

    reason: Reason
    amount: int


@dataclass(frozen=True, slots=True)
class Step:
    """A status that is reached (or kept, when a part is refunded), and the money that moves with it."""

    status: Status
    moves: tuple[Move, ...]
    captured: int
    refunded: int


def meaning(payment: Payment, word: ProviderPayment) -> Status | None:
    """Our name for the status that the provider reports; None for a status that we never heard of."""
    match word.status:
        case provider.PENDING:
            return "pending"
        case provider.WAITING:
            return "held"
        case provider.SUCCEEDED:
            return "refunded" if word.refunded >= word.captured else "captured"
        case provider.CANCELED:
            was_held = payment.held_at is not None or word.cancellation_reason in _HELD_BEFORE
            return "released" if was_held else "failed"
    return None


def disbelief(payment: Payment, word: ProviderPayment) -> str | None:
    """Why this word is not about this payment, or cannot be true; None when there is nothing to say against it."""
    if payment.provider_id not in (None, word.id):
        return "another_payment"
    if word.metadata.get("payment_id", str(payment.id)) != str(payment.id):
        return "another_payment"
    if word.currency != payment.currency:
        return "currency"
    taken = word.status == provider.SUCCEEDED
    if word.amount > payment.amount or (word.amount != payment.amount and not taken):
        return "amount"
    if word.refunded > word.captured:
        return "refunded"
    status = meaning(payment, word)
    if status is None:
        return "status"
    return "contradiction" if (payment.status, status) in _CONTRADICTIONS else None


def steps(payment: Payment, word: ProviderPayment) -> Iterator[Step]:
    """What the word adds to what we know, in order. Nothing for repeated and for late words."""
    status = meaning(payment, word)
    if status is None:
        return
    captured, refunded = payment.captured, payment.refunded
    for reached in WAYS.get((payment.status, status), ()):
        before = captured, refunded
        if reached == "captured":
            captured = word.captured
        if reached == "refunded":
            refunded = captured
        yield Step(reached, _moves(payment, reached, captured, refunded - before[1]), captured, refunded)
    if status == "captured" and payment.status in ("pending", "held", "captured") and word.refunded > refunded:
        yield Step("captured", (Move("refund", word.refunded - refunded),), captured, word.refunded)


def _moves(payment: Payment, reached: Status, captured: int, refund: int) -> tuple[Move, ...]:
    """Holding, taking and letting go are of the whole amount: what is not taken goes back at once."""
    moves: tuple[Move, ...] = ()
    match reached:
        case "held":
            moves = (Move("hold", payment.amount),)
        case "captured":
            moves = (Move("capture", captured), Move("release", payment.amount - captured))
        case "released":
            moves = (Move("release", payment.amount),)
        case "refunded":
            moves = (Move("refund", refund),)
    return tuple(move for move in moves if move.amount > 0)


def after(payment: Payment, step: Step, now: datetime) -> Payment:
    """The payment once the step is made."""
    changed = replace(payment, status=step.status, captured=step.captured, refunded=step.refunded)
    if changed.refunding > changed.captured - changed.refunded:
        # Done, as it seems; or somebody else has refunded so much that it cannot be done any more.
        changed = replace(changed, refunding=0)
    if step.status == "held":
        return replace(changed, held_at=now)
    return replace(changed, settled_at=now)


def informed(payment: Payment, word: ProviderPayment) -> Payment:
    """The payment with what else the word tells: things that only ever become known."""
    return replace(
        payment,
        provider_id=payment.provider_id or word.id,
        confirmation_url=payment.confirmation_url or word.confirmation_url,
        method=word.method or payment.method,
        expires_at=word.expires_at or payment.expires_at,
        cancellation_party=word.cancellation_party or payment.cancellation_party,
        cancellation_reason=word.cancellation_reason or payment.cancellation_reason,
    )


# What we do about it


@dataclass(frozen=True, slots=True)
class Call:
    """Something to ask of the provider about a payment. ``name`` is that of its outbox row: one row, one deed.

    :param part: what had been refunded before a refund of all the rest.
    :param number: of a partial refund, from 1.
    """

    payment_id: int
    call: CallName
    amount: int
    part: int = 0
    number: int = 0

    @property
    def name(self) -> str:
        base = f"{self.payment_id}:{self.call}"
        if self.number:
            return f"{base}:part-{self.number}"
        return f"{base}:{self.part}" if self.part else base


def pursue(payment: Payment) -> Call | None:
    """The next call that brings the payment nearer to its goal; None when it is there, or it is not our turn.

    The refund that ends a payment is of all that is left. So it cannot be made twice even with a forgotten key, for the
    provider refunds no more than it took; and only a part that was refunded by somebody else makes a second one. A
    partial refund has no such safety: its amount and its name are fixed when it is asked for, and until its own answer
    has come nothing else is refunded.
    """
    match payment.status, payment.goal:
        case "pending", _ if payment.provider_id is None:
            return Call(payment.id, "create", payment.amount)
        case "held", "capture":
            return Call(payment.id, "capture", payment.amount)
        case "held", "give_back":
            return Call(payment.id, "cancel", payment.amount)
        case "captured", _ if payment.refunding:
            return Call(payment.id, "refund", payment.refunding, number=payment.refunds)
        case "captured", "give_back":
            return Call(payment.id, "refund", payment.captured - payment.refunded, part=payment.refunded)
    return None


def aimed(payment: Payment, goal: Goal) -> Payment:
    """The payment with a goal that is at least as far as its own.

    :raises GivingBack: money that is on its way back is not captured any more.
    """
    if goal == "capture" and payment.goal == "give_back":
        raise GivingBack
    far: dict[Goal, int] = {"hold": 0, "capture": 1, "give_back": 2}
    return replace(payment, goal=goal) if far[goal] > far[payment.goal] else payment


def asked_back(payment: Payment | None, amount: int) -> Payment:
    """The payment with a partial refund under way.

    :param amount: kopecks.
    :raises PaymentNotTaken: there is nothing to refund. :raises GivingBack: everything is on its way back.
    :raises RefundUnderWay: one at a time. :raises RefundTooMuch: nothing, or more than is left.
    """
    if payment is None or payment.status != "captured":
        raise PaymentNotTaken
    if payment.goal == "give_back":
        raise GivingBack
    if payment.refunding:
        raise RefundUnderWay
    left = payment.captured - payment.refunded
    if not 0 < amount <= left:
        raise RefundTooMuch(left)
    return replace(payment, refunding=amount, refunds=payment.refunds + 1)


def let_go_at(payment: Payment) -> datetime | None:
    """When a hold that nobody decided about is given back; None when its end is not known."""
    if payment.status != "held" or payment.expires_at is None or payment.held_at is None:
        return None
    return payment.expires_at - min(HOLD_MARGIN, (payment.expires_at - payment.held_at) / 4)


def runs_out(payment: Payment, now: datetime) -> bool:
    moment = let_go_at(payment)
    return payment.goal == "hold" and moment is not None and moment <= now


def next_check(payment: Payment, now: datetime, poll_seconds: float) -> datetime | None:
    """When to look again: soon while it is young or in a hurry, ever rarer later, and in time for its deadline."""
    if not payment.is_unsettled or payment.provider_id is None:
        return None
    age = (now - (payment.held_at or payment.created_at)).total_seconds()
    hurry = pursue(payment) is not None
    pause = max(poll_seconds, min(age / 10, 300.0 if hurry or payment.status == "pending" else 3600.0))
    moments = [now + timedelta(seconds=pause)]
    for deadline in (let_go_at(payment), payment.expires_at):
        if deadline is not None and deadline > now:
            moments.append(deadline + timedelta(seconds=1))
    return min(moments)


def expected_ledger(payment: Payment) -> dict[Reason, int]:
    """How much the ledger must have moved for each reason, in kopecks."""
    held = 0 if payment.status in ("pending", "failed") else payment.amount
    released = held - payment.captured if payment.status in ("captured", "refunded", "released") else 0
    return {"hold": held, "capture": payment.captured, "release": released, "refund": payment.refunded}
