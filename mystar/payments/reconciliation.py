"""Compares three books: the provider's, our payments, and our ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Database
from mystar.payments.model import Payment
from mystar.payments.process import Reason, claimed_payment, disbelief, expected_ledger, meaning
from mystar.payments.provider import SUCCEEDED, Gateway, Missing, ProviderPayment
from mystar.payments.repository import PaymentRepository

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Two books that do not agree, or one that lacks something; ``ours`` and ``theirs`` as text for people.

    ``kind``: unknown_here, missing_there, status, amount, captured, refunded, another_payment; or ledger_hold,
    ledger_capture, ledger_release, ledger_refund, ledger_sum, where "theirs" is the ledger's.
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
    """One comparison of everything. It only reports: what differs is for a person to judge."""

    def __init__(self, db: Database, gateway: Gateway) -> None:
        self._payments, self._gateway = PaymentRepository(db), gateway
        #: Ids of the payments that the provider listed.
        self._seen: set[int] = set()

    async def run(self) -> list[Difference]:
        """:raises ProviderTrouble: the provider could not be asked to the end."""
        found = [difference async for difference in self._provider_with_us()]
        return found + [difference async for difference in self._us_with_the_rest()]

    async def _provider_with_us(self) -> AsyncIterator[Difference]:
        cursor = None
        while True:
            page = await self._gateway.list_payments(cursor)
            ours = await self._payments.of_provider(word.id for word in page.payments)
            self._seen.update(payment.id for payment in ours.values())
            for word in page.payments:
                payment = ours.get(word.id)
                if payment is None or any(compared(payment, word)):
                    for difference in await self._closer_look(word.id):
                        yield difference
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _us_with_the_rest(self) -> AsyncIterator[Difference]:
        after = 0
        while page := await self._payments.with_ledger(after=after, batch=_BATCH):
            for payment, moved, total in page:
                if payment.provider_id is not None and payment.id not in self._seen:
                    for difference in await self._closer_look(payment.provider_id):
                        yield difference
                for difference in unbalanced(payment, moved, total):
                    yield difference
            after = page[-1][0].id

    async def _closer_look(self, provider_id: str) -> list[Difference]:
        """Both sides once more, for either may have moved between our two looks."""
        try:
            word = await self._gateway.get(provider_id)
        except Missing:
            word = None
        payment = (await self._payments.of_provider([provider_id])).get(provider_id)
        if payment is not None and word is None:
            return [_difference("missing_there", payment, payment.status, "nothing")]
        if payment is not None and word is not None:
            return list(compared(payment, word))
        if word is not None and not await self._being_created(word):
            said = f"{word.status} {rubles_text(word.amount)}"
            return [Difference("unknown_here", None, word.id, "nothing", said)]
        return []

    async def _being_created(self, word: ProviderPayment) -> bool:
        """Whether one of ours still waits for the answer that names this one."""
        claimed = claimed_payment(word.metadata)
        payment = await self._payments.unanswered(claimed) if claimed else None
        return payment is not None and disbelief(payment, word) is None


def compared(payment: Payment, word: ProviderPayment) -> Iterator[Difference]:
    """Where the provider's book and ours differ."""
    status = meaning(payment, word)
    if status != payment.status:
        yield _difference("status", payment, payment.status, word.status)
    if word.status != SUCCEEDED and word.amount != payment.amount:
        yield _difference("amount", payment, rubles_text(payment.amount), rubles_text(word.amount))
    if word.captured != payment.captured:
        yield _difference("captured", payment, rubles_text(payment.captured), rubles_text(word.captured))
    if word.refunded != payment.refunded:
        yield _difference("refunded", payment, rubles_text(payment.refunded), rubles_text(word.refunded))
    if disbelief(payment, word) == "another_payment":
        yield _difference("another_payment", payment, str(payment.id), word.metadata.get("payment_id", ""))


def unbalanced(payment: Payment, moved: Mapping[Reason, int], total: int) -> Iterator[Difference]:
    """Where the ledger differs from the payment. ``moved``: kopecks by reason; ``total``: the sum of all entries."""
    for reason, amount in expected_ledger(payment).items():
        if moved[reason] != amount:
            yield _difference(f"ledger_{reason}", payment, rubles_text(amount), rubles_text(moved[reason]))
    if total:
        yield _difference("ledger_sum", payment, "0", str(total))


def _difference(kind: str, payment: Payment, ours: str, theirs: str) -> Difference:
    return Difference(kind, payment.id, payment.provider_id, ours, theirs)
