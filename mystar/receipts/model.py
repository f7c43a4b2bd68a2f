"""A receipt, what can be refused about it, and the arithmetic of receipts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mystar.errors import Conflict, NotFound, Text

Scheme = Literal["none", "own", "agent", "fee_only"]
Kind = Literal["prepayment", "offset", "refund"]
Status = Literal["waiting", "pending", "registered", "refused"]

#: VAT codes of a price, and those of an advance payment of the same rate.
_ADVANCE_VAT = {3: 5, 4: 6, 7: 9, 8: 10, 11: 12}


@dataclass(frozen=True, slots=True)
class Receipt:
    """``amount`` in kopecks. ``reason``: why it was refused. ``attempt``: part of the idempotency key."""

    id: int
    order_id: int
    payment_id: int
    kind: Kind
    amount: int
    scheme: Scheme
    status: Status
    attempt: int
    provider_id: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """Section ``[receipts]`` of the configuration.

    :param vat_code: the provider's code of the price's VAT rate, 1 to 12.
    :param tax_system: 1 to 6; None = the register knows it.
    :param email_fallback: where receipts of buyers without e-mail and phone go; empty = they are refused.
    """

    scheme: Scheme = "none"
    vat_code: int = 1
    tax_system: int | None = None
    email_fallback: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a receipt is about: the order, its parties, and the receipts of its payment so far.

    :param place: of this receipt among those of the same kind, from 1.
    :param is_offset: whether the prepayment has been offset before this receipt.
    """

    order_kind: str
    provider_payment_id: str | None
    buyer_email: str | None
    buyer_phone: str | None
    creator_name: str | None
    creator_phone: str | None
    place: int
    is_offset: bool


class ReceiptUnknown(NotFound):
    """No receipt has this number."""

    code = "receipt_unknown"
    text = Text("Такого чека нет.", "There is no such receipt.")


class ReceiptNotRefused(Conflict):
    """A receipt is to be sent again that was not refused."""

    code = "receipt_not_refused"
    text = Text("Этот чек не был отклонён.", "This receipt was not refused.")


@dataclass(frozen=True, slots=True)
class ReceiptRefused:
    """An event: the provider does not register the receipt, and staff have to look at it."""

    receipt: Receipt
    reason: str


def vat_code_of(code: int, kind: Kind, *, is_offset: bool) -> int:
    """The code on a receipt: an advance payment, or a refund of one, has a code of its own."""
    is_advance = kind == "prepayment" or (kind == "refund" and not is_offset)
    return _ADVANCE_VAT.get(code, code) if is_advance else code
