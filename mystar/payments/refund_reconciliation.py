"""Compares the provider's refunds with those of the ledger; changes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Database
from mystar.payments.provider import CANCELED, SUCCEEDED, ProviderRefund, RefundLister, listed_refunds
from mystar.payments.reconciliation import Difference
from mystar.payments.repository import BookedRefunds, PaymentRepository


@dataclass(frozen=True, slots=True)
class ComparedRefunds:
    """``count`` refunds of the provider were compared."""

    differences: list[Difference]
    count: int


class RefundReconciliation:
    """Every payment that the provider refunded since a moment, or for which a refund was booked since then.

    What went back of a payment is compared as a whole; only where that differs, refund by refund. So a refund of which
    one side knows a moment later than the other, or that the ledger booked in one move with another, is no difference.
    """

    def __init__(self, db: Database, gateway: RefundLister) -> None:
        self._payments, self._gateway = PaymentRepository(db), gateway

    async def run(self, since: datetime) -> ComparedRefunds:
        """:raises ProviderError: the provider's list could not be read to the end."""
        listed = await listed_refunds(self._gateway, since=since)
        theirs: dict[str, list[ProviderRefund]] = defaultdict(list)
        for refund in listed:
            theirs[refund.payment_id].append(refund)
        ours = await self._payments.booked_refunds(theirs, since)
        found = []
        for provider_id in {**theirs, **ours}:
            booked = ours.get(provider_id)
            if booked is None or sum(booked.amounts) != _succeeded(theirs[provider_id]):
                found += await self._recheck(provider_id)
        return ComparedRefunds(found, len(listed))

    async def _recheck(self, provider_id: str) -> list[Difference]:
        """Read all refunds of the payment on both sides, since the list began late, or either has changed."""
        theirs = await listed_refunds(self._gateway, payment_id=provider_id)
        booked = (await self._payments.booked_refunds([provider_id], None)).get(provider_id)
        if booked is None:
            said = [one for one in theirs if one.status != CANCELED]
            return [_difference("refund_unknown_here", None, one.id, "no payment", _text(one)) for one in said]
        if booked.is_moving or sum(booked.amounts) == _succeeded(theirs):
            return []
        return list(_compared(booked, theirs))


def _succeeded(refunds: Iterable[ProviderRefund]) -> int:
    return sum(refund.amount for refund in refunds if refund.status == SUCCEEDED)


def _compared(booked: BookedRefunds, theirs: Sequence[ProviderRefund]) -> Iterator[Difference]:
    """Pair refunds of equal amounts; what is left on both sides differs in its amount, or in its status."""
    ours = Counter(booked.amounts)
    surplus = [one for one in theirs if one.status == SUCCEEDED and not _taken(ours, one.amount)]
    unsettled = [one for one in theirs if one.status != SUCCEEDED and _taken(ours, one.amount)]
    for one in unsettled:
        yield _difference(
            "refund_status", booked.payment_id, one.id, f"succeeded {rubles_text(one.amount)}", _text(one)
        )
    missing = list(ours.elements())
    for one in surplus:
        if missing:
            yield _difference("refund_amount", booked.payment_id, one.id, rubles_text(missing.pop(0)), _text(one))
        else:
            yield _difference("refund_unknown_here", booked.payment_id, one.id, "nothing", _text(one))
    for amount in missing:
        yield _difference("refund_missing_there", booked.payment_id, booked.provider_id, rubles_text(amount), "nothing")


def _taken(amounts: Counter[int], amount: int) -> bool:
    """Take an amount out, if it is there."""
    if not amounts[amount]:
        return False
    amounts[amount] -= 1
    return True


def _difference(kind: str, payment_id: int | None, provider_id: str, ours: str, theirs: str) -> Difference:
    return Difference(kind, payment_id, provider_id, ours, theirs)


def _text(refund: ProviderRefund) -> str:
    return f"{refund.status} {rubles_text(refund.amount)}"
