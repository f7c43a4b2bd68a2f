"""Reconciliation: compares the provider's payments, our payments and the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Database
from mystar.payments.model import Payment
from mystar.payments.provider import SUCCEEDED, Gateway, PaymentNotFound, ProviderPayment
from mystar.payments.repository import PaymentRepository
from mystar.payments.state_machine import Reason, claimed_payment, expected_ledger, map_status, mismatch

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sides that differ, or a payment that one side lacks; ``ours`` and ``theirs`` are texts for people.

    ``kind`` is unknown_here, missing_there, status, amount, captured, refunded or another_payment; or ledger_hold,
    ledger_capture, ledger_release, ledger_refund, ledger_sum, where ``theirs`` is the ledger's value.
    """

    kind: str
    payment_id: int | None
    provider_id: str | None
    ours: str
    theirs: str

    def __str__(self) -> str:
        who = f"payment {self.payment_id}" if self.payment_id else "no payment of ours"
        return f"{who} ({self.provider_id or 'unknown to the provider'}): {self.kind}: {self.ours} / {self.theirs}"


class Reconciliation:
    """One complete comparison. It only reports and changes nothing."""

    def __init__(self, db: Database, gateway: Gateway) -> None:
        self._payments, self._gateway = PaymentRepository(db), gateway
        #: Ids of our payments that the provider listed.
        self._seen: set[int] = set()

    async def run(self) -> list[Difference]:
        """:raises ProviderError: the provider's list could not be read to the end."""
        found = [difference async for difference in self._provider_with_us()]
        return found + [difference async for difference in self._us_with_the_rest()]

    async def _provider_with_us(self) -> AsyncIterator[Difference]:
        cursor = None
        while True:
            page = await self._gateway.list_payments(cursor)
            ours = await self._payments.of_provider(snapshot.id for snapshot in page.payments)
            self._seen.update(payment.id for payment in ours.values())
            for snapshot in page.payments:
                payment = ours.get(snapshot.id)
                if payment is None or any(compared(payment, snapshot)):
                    for difference in await self._recheck(snapshot.id):
                        yield difference
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _us_with_the_rest(self) -> AsyncIterator[Difference]:
        after = 0
        while page := await self._payments.with_ledger(after=after, batch=_BATCH):
            for payment, moved, total in page:
                if payment.provider_id is not None and payment.id not in self._seen:
                    for difference in await self._recheck(payment.provider_id):
                        yield difference
                for difference in unbalanced(payment, moved, total):
                    yield difference
            after = page[-1][0].id

    async def _recheck(self, provider_id: str) -> list[Difference]:
        """Read both sides again, since either may have changed between the two reads."""
        try:
            snapshot = await self._gateway.get(provider_id)
        except PaymentNotFound:
            snapshot = None
        payment = (await self._payments.of_provider([provider_id])).get(provider_id)
        if payment is not None and snapshot is None:
            return [_difference("missing_there", payment, payment.status, "nothing")]
        if payment is not None and snapshot is not None:
            return list(compared(payment, snapshot))
        if snapshot is not None and not await self._being_created(snapshot):
            said = f"{snapshot.status} {rubles_text(snapshot.amount)}"
            return [Difference("unknown_here", None, snapshot.id, "nothing", said)]
        return []

    async def _being_created(self, snapshot: ProviderPayment) -> bool:
        """Whether a payment of ours still waits for the answer to its creation, which names this one."""
        claimed = claimed_payment(snapshot.metadata)
        payment = await self._payments.unanswered(claimed) if claimed else None
        return payment is not None and mismatch(payment, snapshot) is None


def compared(payment: Payment, snapshot: ProviderPayment) -> Iterator[Difference]:
    """Where the provider's payment and ours differ."""
    status = map_status(payment, snapshot)
    if status != payment.status:
        yield _difference("status", payment, payment.status, snapshot.status)
    if snapshot.status != SUCCEEDED and snapshot.amount != payment.amount:
        yield _difference("amount", payment, rubles_text(payment.amount), rubles_text(snapshot.amount))
    if snapshot.captured != payment.captured:
        yield _difference("captured", payment, rubles_text(payment.captured), rubles_text(snapshot.captured))
    if snapshot.refunded != payment.refunded:
        yield _difference("refunded", payment, rubles_text(payment.refunded), rubles_text(snapshot.refunded))
    if mismatch(payment, snapshot) == "another_payment":
        yield _difference("another_payment", payment, str(payment.id), snapshot.metadata.get("payment_id", ""))


def unbalanced(payment: Payment, moved: Mapping[Reason, int], total: int) -> Iterator[Difference]:
    """Where the ledger differs from the payment. ``moved``: kopecks by reason; ``total``: the sum of all entries."""
    for reason, amount in expected_ledger(payment).items():
        if moved[reason] != amount:
            yield _difference(f"ledger_{reason}", payment, rubles_text(amount), rubles_text(moved[reason]))
    if total:
        yield _difference("ledger_sum", payment, "0", str(total))


def _difference(kind: str, payment: Payment, ours: str, theirs: str) -> Difference:
    return Difference(kind, payment.id, payment.provider_id, ours, theirs)
