"""What payments need of a provider, in our words. `gateways/` holds who speaks to a real one.

Troubles are sorted by what they say about the deed, since that decides whether asking again is safe or pointless:

ProviderError
├── Refused          the provider said no: nothing happened, and the same again brings the same
│   └── PaymentNotFound      it knows no such payment
├── Unauthorized        it does not let *us* in: nothing happened, and a person must mend our credentials
├── RateLimited      too many calls: nothing happened
├── CircuitOpen         we did not even ask, because it has been silent for a while
└── UnknownOutcome   it may have happened: repeat with the same key, or look
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

#: The provider's own words for the states of a payment.
PENDING, WAITING, SUCCEEDED, CANCELED = "pending", "waiting_for_capture", "succeeded", "canceled"


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider sees it now. Amounts are kopecks.

    :param amount: what was asked for; once captured, what was captured.
    :param income: what is left of the captured amount after the provider's fee; None before that is known.
    :param expires_at: when the provider lets go of a hold.
    :param metadata: what we gave when creating it.
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
    """Payments, newest first, and where the next page begins; None after the last."""

    payments: Sequence[ProviderPayment]
    next_cursor: str | None


class ProviderError(Exception):
    """:param retry_after: seconds before it is worth asking again."""

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


class Gateway(Protocol):
    """Every call raises `ProviderError`. ``key`` makes a repeated call one deed; the provider keeps it for a day."""

    async def create_payment(
        self,
        key: str,
        *,
        amount: int,
        description: str,
        return_url: str,
        metadata: Mapping[str, str],
        method: str = "bank_card",
    ) -> ProviderPayment:
        """Once the payer has confirmed, the money is held; by SBP (``method="sbp"``) it is charged at once."""

    async def get(self, provider_id: str, *, within: float | None = None) -> ProviderPayment:
        """:param within: seconds, when the caller has less patience than usual."""

    async def list_payments(self, cursor: str | None = None) -> ProviderPage: ...

    async def capture(self, key: str, provider_id: str, *, amount: int) -> ProviderPayment: ...

    async def cancel(self, key: str, provider_id: str) -> ProviderPayment: ...

    async def refund(self, key: str, provider_id: str, *, amount: int, description: str) -> ProviderRefund: ...

    async def get_refund(self, refund_id: str) -> ProviderRefund: ...
