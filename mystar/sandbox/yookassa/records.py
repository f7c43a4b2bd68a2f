"""What the simulated provider keeps: payments, refunds, payouts, deals, receipts and the payout gateway.

Amounts are integer kopecks. Times are text as YooKassa prints them (UTC, milliseconds, "Z"), which also sorts by time.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PENDING, HELD, SUCCEEDED, CANCELED = "pending", "waiting_for_capture", "succeeded", "canceled"
OPENED, CLOSED = "opened", "closed"
RETURNED = "returned"

#: Statuses that the passing of time may change.
OPEN_STATUSES = (PENDING, HELD, OPENED)

Json = dict[str, Any]


class Refused(Exception):
    """The rules forbid the call; nothing has changed. `parameter` names the offending field as YooKassa does."""

    def __init__(self, description: str, parameter: str | None = None) -> None:
        super().__init__(description)
        self.description, self.parameter = description, parameter


class Unknown(Exception):
    """No such object, or it belongs to another account."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} doesn't exist or access denied")
        self.parameter = f"{kind.lower()}_id"


@dataclass(frozen=True, slots=True)
class Payment:
    id: str
    status: str
    amount: int
    two_stage: bool
    description: str | None
    metadata: dict[str, str]
    return_url: str
    created_at: str
    expires_at: str | None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    captured_at: str | None = None
    cancellation: dict[str, str] | None = None
    method: str = "bank_card"
    confirmation: str = "redirect"
    #: What the provider keeps of the captured amount: its fee and the tax on it.
    fee: int = 0
    charged_back: int = 0
    deal_id: str | None = None
    #: The seller's part of a payment in a deal.
    settlement: int = 0
    receipt_registration: str | None = None

    @property
    def held(self) -> int:
        """What is blocked on the buyer's card now."""
        return self.authorized if self.status == HELD else 0

    @property
    def released(self) -> int:
        """What was blocked and returned, so that authorized = held + captured + released at any time."""
        return self.authorized - self.captured - self.held


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    payment_id: str
    amount: int
    description: str | None
    created_at: str
    status: str = SUCCEEDED
    cancellation: dict[str, str] | None = None
    #: By how much the seller's part of a deal falls.
    settlement: int = 0
    receipt_registration: str | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    id: str
    account: str
    status: str
    amount: int
    description: str | None
    metadata: dict[str, str]
    destination: Json
    created_at: str
    #: When a pending payout ends; None waits for a request to the sandbox.
    due_at: str | None = None
    #: The cancellation that awaits it; None means success.
    outcome: str | None = None
    succeeded_at: str | None = None
    cancellation: dict[str, str] | None = None
    deal_id: str | None = None
    #: The bank sent the money back after success. The API does not show it; only a register by mail does.
    returned_at: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutGateway:
    """The separately funded balance that payouts are made from."""

    id: str
    balance: int


@dataclass(frozen=True, slots=True)
class Deal:
    id: str
    status: str
    fee_moment: str
    description: str | None
    metadata: dict[str, str]
    created_at: str
    expires_at: str
    balance: int = 0
    payout_balance: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    id: str
    type: str
    status: str
    payment_id: str | None
    refund_id: str | None
    items: list[Json]
    settlements: list[Json]
    created_at: str
    registered_at: str | None = None


@dataclass(frozen=True, slots=True)
class PersonalData:
    id: str
    type: str
    status: str
    name: str
    metadata: dict[str, str]
    created_at: str
    expires_at: str | None = None


Record = Payment | Refund | Payout | PayoutGateway | Deal | Receipt | PersonalData


@dataclass(frozen=True, slots=True)
class IdempotentCall:
    """A call that must take effect once: the account, its Idempotence-Key and a digest of what was asked with it."""

    account: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """A change that the merchant is notified of. `number` is its line in the journal."""

    number: int
    event: str
    subject: Record


def new_id(now: datetime) -> str:
    """36 characters in the shape of YooKassa's ids: 2e2e6d5c-000f-5000-8000-18db351245c7."""
    return f"{int(now.timestamp()) & 0xFFFFFFFF:08x}-000f-5000-8000-{secrets.token_hex(6)}"


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
