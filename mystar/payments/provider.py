"""The protocol of a payment provider; `gateways/` implements it.

Errors are sorted by what they say about the outcome, since that decides whether a retry is safe:

ProviderError
├── Refused                refused for good: nothing happened, and a retry is refused again
│   └── PaymentNotFound    the provider knows no such payment
├── Unauthorized           our credentials are refused: nothing happened, staff have to correct them
├── RateLimited            too many calls: nothing happened
├── CircuitOpen            not called, because the circuit breaker is open
└── UnknownOutcome         it may have happened: retry with the same key, or look it up
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

#: The provider's clock and ours may differ by this.
CLOCK_MARGIN = timedelta(minutes=10)

#: The provider's names of statuses.
PENDING, WAITING, SUCCEEDED, CANCELED = "pending", "waiting_for_capture", "succeeded", "canceled"


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A snapshot of a payment at the provider. Amounts are kopecks.

    :param amount: the requested amount; once captured, the captured one.
    :param income: what is left of the captured amount after the provider's fee; None before that is known.
    :param expires_at: when the provider drops the hold.
    :param metadata: as given when the payment was created.
    """

    id: str
    status: str
    amount: int
    currency: str = "RUB"
    captured: int = 0
    refunded: int = 0
    income: int | None = None
    confirmation_url: str | None = None
    expires_at: datetime | None = None
    method: str | None = None
    cancellation_party: str | None = None
    cancellation_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """``status``: pending, succeeded or canceled; kopecks.

    :param cancellation_reason: the provider's code when it is canceled, which may happen days after it was pending.
    """

    id: str
    payment_id: str
    status: str
    amount: int
    cancellation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """Payments, newest first, and the cursor of the next page; None after the last."""

    payments: Sequence[ProviderPayment]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ProviderRefundPage:
    """Refunds, newest first, and the cursor of the next page; None after the last."""

    refunds: Sequence[ProviderRefund]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class DealShare:
    """A safe deal, and the creator's part of what is paid into it or refunded from it, in kopecks."""

    id: str
    share: int


class ProviderError(Exception):
    """:param retry_after: seconds to wait before a retry."""

    def __init__(self, reason: str, *, retry_after: float = 5.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(ProviderError):
    """``code``, ``description`` and ``parameter``, the field that is at fault, are the provider's."""

    def __init__(self, code: str, description: str = "", parameter: str = "") -> None:
        super().__init__(": ".join(part for part in (code, parameter, description) if part))
        self.code, self.description, self.parameter = code, description, parameter


class PaymentNotFound(Refused):
    pass


class Unauthorized(ProviderError):
    pass


class RateLimited(ProviderError):
    pass


class CircuitOpen(ProviderError):
    pass


class UnknownOutcome(ProviderError):
    pass


class RefundLister(Protocol):
    async def list_refunds(
        self, *, since: datetime | None = None, payment_id: str | None = None, cursor: str | None = None
    ) -> ProviderRefundPage:
        """A page of refunds created at ``since`` or later, or of one payment. Raises `ProviderError`."""


async def listed_refunds(
    lister: RefundLister, *, since: datetime | None = None, payment_id: str | None = None
) -> list[ProviderRefund]:
    """All pages of `RefundLister.list_refunds`. :raises ProviderError: the list could not be read to the end."""
    found: list[ProviderRefund] = []
    cursor = None
    while True:
        page = await lister.list_refunds(since=since, payment_id=payment_id, cursor=cursor)
        found += page.refunds
        if (cursor := page.next_cursor) is None:
            return found


class Gateway(RefundLister, Protocol):
    """Every call raises `ProviderError`. ``key`` is the idempotency key; the provider keeps it for a day."""

    async def create_payment(
        self,
        key: str,
        *,
        amount: int,
        description: str,
        return_url: str,
        metadata: Mapping[str, str],
        method: str = "bank_card",
        deal: DealShare | None = None,
    ) -> ProviderPayment:
        """Once the payer has confirmed, the money is held; by SBP (``method="sbp"``) it is charged at once."""

    async def get(self, provider_id: str, *, within: float | None = None) -> ProviderPayment:
        """:param within: seconds; None = the gateway's own limit."""

    async def list_payments(self, cursor: str | None = None) -> ProviderPage: ...

    async def capture(self, key: str, provider_id: str, *, amount: int) -> ProviderPayment: ...

    async def cancel(self, key: str, provider_id: str) -> ProviderPayment: ...

    async def refund(
        self, key: str, provider_id: str, *, amount: int, description: str, deal: DealShare | None = None
    ) -> ProviderRefund: ...

    async def create_deal(self, key: str, *, fee_moment: str, description: str, metadata: Mapping[str, str]) -> str:
        """Open a safe deal; its id.

        :param fee_moment: when the platform's part leaves it, "payment_succeeded" or "deal_closed".
        """

    async def get_refund(self, refund_id: str) -> ProviderRefund: ...
