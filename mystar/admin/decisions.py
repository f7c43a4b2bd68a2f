"""What each decision about an order would do to whom, before it is made."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mystar.earnings import moves
from mystar.earnings.model import Earning, Outcome
from mystar.kit.money import kopecks
from mystar.kit.postgres.database import Row
from mystar.orders.model import Money

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """Kopecks of the order's payments. ``refunding``: asked for, and not confirmed by the provider yet."""

    held: int
    captured: int
    refunded: int
    refunding: int
    refundable: int


def money_of(payments: Sequence[Row]) -> OrderMoney:
    """Of the one payment that is not over, or the sums of those that are."""
    return OrderMoney(
        held=sum(one["amount"] for one in payments if one["status"] == "held"),
        captured=sum(one["captured"] for one in payments),
        refunded=sum(one["refunded"] for one in payments),
        refunding=sum(one["refunding"] for one in payments),
        refundable=max(map(_rest, payments), default=0),
    )


def _rest(payment: Row) -> int:
    """What may still be refunded of a payment."""
    limit = payment["captured"] if payment["refund_limit"] is None else payment["refund_limit"]
    return int(min(payment["captured"], limit) - payment["refunded"] - payment["refunding"])


def outcomes(
    status: Money, money: OrderMoney, earning: Earning | None, available: int, allowed: Collection[str]
) -> Mapping[str, Outcome]:
    """By the name of the decision. Without an earning only what the buyer gets is known: the rest is zero.

    :param available: the creator's balance.
    """
    if status is Money.HELD:
        taken = moves.outcome_of_capture(earning, money.held) if earning else Outcome(0, money.held, 0)
        found = {"approve": taken, "capture": taken, "cancel": Outcome(money.held, 0, 0)}
    elif status is Money.CAPTURED:
        back = refund_outcome(money, earning, available, money.refundable)
        kept = refund_outcome(money, earning, available, 0)
        found = {"approve": kept, "cancel": back, "refund": back}
    else:
        found = {}
    return {name: outcome for name, outcome in found.items() if name in allowed}


def refund_outcome(money: OrderMoney, earning: Earning | None, available: int, amount: int) -> Outcome:
    """Of a refund of ``amount`` kopecks, which may be 0."""
    if earning is None:
        return Outcome(money.refunded + amount, 0, 0)
    return moves.outcome_of_refund(earning, amount, available)


def amount_of(text: str) -> int | None:
    """Kopecks of "1 500,50"; None if it is not an amount."""
    plain = text.replace(",", ".").replace(" ", "").replace("\u00a0", "")
    return (kopecks(plain) or None) if _AMOUNT.fullmatch(plain) else None
