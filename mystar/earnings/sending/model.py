"""What becomes of a part by the provider's answer, and what staff may do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mystar.earnings.payouts.model import Part, Payout, Status
from mystar.earnings.payouts.provider import METADATA_KEY, PayoutProvider, ProviderPayout
from mystar.errors import Conflict, Text

#: The provider forgets a key after 24 hours; from then on a repeated call would pay a second time.
SAME_KEY_WITHIN = timedelta(hours=20)
#: The second pair of a payout's metadata: other installations may use the same gateway.
_REQUESTED_AT = "requested_at"

QueueStop = Literal["insufficient_funds", "credentials"]
DifferenceKind = Literal["unknown_here", "missing_there", "status", "amount", "destination"]

#: What the provider's status means for a part.
STATUSES = {"pending": Status.PENDING, "succeeded": Status.PAID, "canceled": Status.FAILED}
#: Cancellations that only other details mend.
DETAILS_AT_FAULT = frozenset(
    {"recipient_not_found", "recipient_check_failed", "rejected_by_payee", "identification_required"}
)
OUT_OF_FUNDS: QueueStop = "insufficient_funds"


class ToSend(NamedTuple):
    """A part with its payout."""

    payout: Payout
    part: Part

    @property
    def key(self) -> str:
        """The idempotency key; another attempt has another one."""
        return f"payout:{self.part.id}:{self.part.attempt}"

    @property
    def metadata(self) -> dict[str, str]:
        return {METADATA_KEY: str(self.part.id), _REQUESTED_AT: self.payout.created_at.isoformat()}

    def mismatch(self, found: ProviderPayout) -> str | None:
        """Why the provider's payout is not that of this part; None when it is."""
        if any(found.metadata.get(name) != value for name, value in self.metadata.items()):
            return "another_payout"
        return "amount" if found.amount != self.part.amount else None

    def may_repeat(self, now: datetime) -> bool:
        """Whether the provider still knows the key of the first call."""
        return self.part.sent_at is None or now - self.part.sent_at < SAME_KEY_WITHIN


class Providers(NamedTuple):
    """Payouts are made from the payout balance, those of safe deals with the credentials of the shop."""

    balance: PayoutProvider
    deals: PayoutProvider

    def of(self, item: ToSend) -> PayoutProvider:
        return self.balance if item.payout.order_id is None else self.deals


class PayoutDifference(NamedTuple):
    """Where the provider and we disagree about a payout. ``part_id`` None: we do not know it."""

    kind: DifferenceKind
    provider_id: str
    part_id: int | None
    ours: str
    theirs: str

    def __str__(self) -> str:
        part = "no part" if self.part_id is None else f"part {self.part_id}"
        return f"{self.kind}: {part}, {self.provider_id or 'no payout'}: ours {self.ours}, theirs {self.theirs}"


@dataclass(frozen=True, slots=True)
class QueueState:
    """``stopped_for`` None: payouts are sent."""

    stopped_for: QueueStop | None
    stopped_at: datetime | None


class NotProvenAbsent(Conflict):
    """Another attempt is wanted while the provider may have made, or may still make, the payout."""

    code = "payout_not_proven_absent"
    text = Text(
        "Провайдер ещё может провести эту выплату. Новая попытка возможна через 20 часов после первой, если у него "
        "выплаты нет.",
        "The provider may still make this payout. Another attempt is possible 20 hours after the first one, if the "
        "provider does not have it.",
    )


# Events, each in the transaction that makes it true.


@dataclass(frozen=True, slots=True)
class PayoutQueueStopped:
    """No payout is sent until staff resume the queue."""

    reason: QueueStop


@dataclass(frozen=True, slots=True)
class PayoutQueueResumed:
    """Staff let payouts be sent again. ``by`` and ``account_id``: see `Approver`."""

    by: str
    account_id: int | None


@dataclass(frozen=True, slots=True)
class PayoutUnclear:
    """The provider may or may not have made the payout. ``is_lasting``: its key can no longer be repeated."""

    payout_id: int
    part_id: int
    is_lasting: bool
