"""The rows of payments, ledger entries and discrepancies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, NamedTuple

from mystar.errors import MystarError, NotFound
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.payments.model import DealPart, Method, Payment, PaymentOpen
from mystar.payments.provider import ProviderPayment
from mystar.payments.state_machine import ACCOUNTS, LedgerMove, Reason

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "payments": QUERIES.export_payments,
    },
    erasures=(
        QUERIES.erase_payments,
        QUERIES.erase_discrepancies,
    ),
)
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {"payments_open_key": PaymentOpen}

#: Payments of one order that a page shows.
_MAX_PAYMENTS = 100
_COLUMNS = tuple(field.name for field in fields(Payment))


class BookedRefunds(NamedTuple):
    """What the ledger gave back of a payment, move by move, in kopecks. ``is_moving``: a refund is under way."""

    payment_id: int
    provider_id: str
    is_moving: bool
    amounts: list[int]


class PaymentRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self,
        *,
        order_id: int,
        payer_id: int | None,
        amount: int,
        description: str,
        return_url: str,
        chosen_method: Method,
        is_method_open: bool,
        deal: DealPart | None,
        now: datetime,
    ) -> Payment:
        """:raises PaymentOpen: the order has a payment that is open, or was taken and kept."""
        row = await self._tx.one(
            QUERIES.add_payment,
            order_id=order_id,
            payer_id=payer_id,
            amount=amount,
            description=description,
            return_url=return_url,
            chosen_method=chosen_method,
            is_method_open=is_method_open,
            deal_share=deal.share if deal else None,
            deal_fee_moment=deal.fee_moment if deal else None,
            refund_limit=deal.refund_limit if deal else None,
            now=now,
        )
        return _payment(row)

    async def count_open(self, now: datetime) -> list[Row]:
        """Payments that are pending or held, by status and hours left; for metrics."""
        return await self._tx.all(QUERIES.count_open_payments, now=now)

    async def get(self, payment_id: int) -> Payment:
        """:raises NotFound: there is no such payment."""
        return _found(await self._tx.one_or_none(QUERIES.payment, id=payment_id))

    async def lock(self, payment_id: int) -> Payment:
        """:raises NotFound: there is no such payment."""
        return _found(await self._tx.one_or_none(QUERIES.lock_payment, id=payment_id))

    async def latest(self, order_id: int) -> Payment | None:
        row = await self._tx.one_or_none(QUERIES.latest_payment, order_id=order_id)
        return _payment(row) if row else None

    async def of_order(self, order_id: int) -> list[Payment]:
        rows = await self._tx.all(QUERIES.payments_of_order, order_id=order_id, most=_MAX_PAYMENTS)
        return [_payment(row) for row in rows]

    async def lock_latest(self, order_id: int) -> Payment | None:
        row = await self._tx.one_or_none(QUERIES.lock_latest_payment, order_id=order_id)
        return _payment(row) if row else None

    async def unanswered(self, payment_id: int) -> Payment | None:
        """The payment if the provider was asked to create it and its answer has not come."""
        row = await self._tx.one_or_none(QUERIES.unanswered_payment, id=payment_id)
        return _payment(row) if row else None

    async def of_provider(self, provider_ids: Iterable[str]) -> dict[str, Payment]:
        """Payments by the provider's ids; those that we do not know are left out."""
        rows = await self._tx.all(QUERIES.payments_of_provider, provider_ids=list(provider_ids))
        return {row["provider_id"]: _payment(row) for row in rows}

    async def booked_refunds(self, provider_ids: Iterable[str], since: datetime | None) -> dict[str, BookedRefunds]:
        """By the provider's ids of payments: those named, and those for which a refund was booked since then."""
        rows = await self._tx.all(QUERIES.booked_refunds, provider_ids=list(provider_ids), since=since)
        found = (BookedRefunds(row["id"], row["provider_id"], row["is_moving"], row["amounts"]) for row in rows)
        return {one.provider_id: one for one in found}

    async def save(self, payment: Payment) -> Payment:
        """Update every column that can change."""
        return _payment(await self._tx.one(QUERIES.save_payment, asdict(payment)))

    async def claim_due(self, *, now: datetime, until: datetime, batch: int) -> list[Payment]:
        """Claim payments whose ``check_at`` has come, until ``until``."""
        rows = await self._tx.all(QUERIES.claim_due_payments, now=now, until=until, batch=batch)
        return [_payment(row) for row in rows]

    async def hasten(self, now: datetime) -> int:
        """Make every check due that lies ahead; how many."""
        return await self._tx.execute(QUERIES.hasten_checks, now=now)

    async def schedule(self, payment_id: int, *, check_at: datetime | None, claimed_until: datetime) -> None:
        await self._tx.execute(QUERIES.schedule_check, id=payment_id, check_at=check_at, claimed_until=claimed_until)

    async def move(self, payment: Payment, move: LedgerMove) -> None:
        """Two entries of the ledger: out of one account, into the other."""
        source, target = ACCOUNTS[move.reason]
        await self._tx.execute(
            QUERIES.add_move,
            payment_id=payment.id,
            currency=payment.currency,
            reason=move.reason,
            source=source,
            target=target,
            amount=move.amount,
        )

    async def record_discrepancy(
        self,
        kind: str,
        provider_id: str,
        payment: Payment | None,
        snapshot: ProviderPayment | None,
        reason: str | None = None,
    ) -> bool:
        """Keep a discrepancy for staff; answer whether it is new. ``reason`` is the provider's."""
        details: dict[str, Any] = {"said": _plain(snapshot)} if snapshot else {}
        if reason is not None:
            details["reason"] = reason
        if payment is not None:
            details |= {"status": payment.status, "amount": payment.amount}
        return bool(
            await self._tx.execute(
                QUERIES.note_discrepancy,
                payment_id=payment.id if payment else None,
                provider_id=provider_id,
                kind=kind,
                details=details,
            )
        )

    async def with_ledger(self, *, after: int, batch: int) -> list[tuple[Payment, dict[Reason, int], int]]:
        """A page of payments by id: the payment, what the ledger moved by reason, and the sum of its entries."""
        rows = await self._tx.all(QUERIES.payments_with_ledger, after=after, batch=batch)
        return [
            (_payment(row), {reason: row[f"moved_{reason}"] for reason in ACCOUNTS}, row["moved_sum"]) for row in rows
        ]


def _found(row: Row | None) -> Payment:
    if row is None:
        raise NotFound
    return _payment(row)


def _payment(row: Mapping[str, Any]) -> Payment:
    """Ignores columns that a later release adds."""
    return Payment(**{name: row[name] for name in _COLUMNS})


def _plain(snapshot: ProviderPayment) -> dict[str, Any]:
    return {
        "status": snapshot.status,
        "amount": snapshot.amount,
        "currency": snapshot.currency,
        "captured": snapshot.captured,
        "refunded": snapshot.refunded,
        "metadata": dict(snapshot.metadata),
    }
