"""What receipts need of a provider. Failures are those of `mystar.payments.provider`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

PaymentMode = Literal["full_prepayment", "full_payment"]
SettlementType = Literal["cashless", "prepayment"]


@dataclass(frozen=True, slots=True)
class Supplier:
    """The creator whom the platform acts for. Without an INN the receipt carries zeros."""

    name: str
    phone: str
    inn: str = "000000000000"


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """One receipt with one position. ``amount`` in kopecks; exactly one of the two ids is given, both the provider's.

    :param customer: ``email`` or ``phone`` of the buyer, where the receipt is sent.
    """

    payment_id: str | None
    refund_id: str | None
    customer: Mapping[str, str] = field(repr=False)
    description: str
    amount: int
    vat_code: int
    tax_system: int | None
    mode: PaymentMode
    settlement: SettlementType
    supplier: Supplier | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderReceipt:
    """``status``: pending, succeeded or canceled. ``fiscal``: the register's numbers once it has succeeded."""

    id: str
    status: str
    fiscal: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderRefundNote:
    """A refund that has succeeded, as far as a receipt needs it. ``amount`` in kopecks."""

    id: str
    amount: int
    created_at: datetime


class ReceiptProvider(Protocol):
    """Every call raises `mystar.payments.provider.ProviderError`."""

    async def create_receipt(self, key: str, draft: ReceiptDraft) -> ProviderReceipt: ...

    async def get_receipt(self, provider_id: str) -> ProviderReceipt: ...

    async def refunds_of(self, payment_id: str) -> Sequence[ProviderRefundNote]:
        """Refunds that have succeeded, oldest first."""
