"""Entries of the audit log, and how a chain can be broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Value = str | int | bool | None

#: Every action that is written; the filter of the panel lists them.
ACTIONS = (
    "sign_in",
    "sign_in_refused",
    "sessions_ended",
    "password_changed",
    "password_refused",
    "field_changed",
    "contact_change_undone",
    "identity_linked",
    "identity_unlinked",
    "factor_added",
    "factor_removed",
    "factor_renamed",
    "factors_dropped",
    "recovery_codes_renewed",
    "recovery_code_used",
    "second_factor_refused",
    "account_blocked",
    "account_unblocked",
    "role_changed",
    "refused",
    "limit_hit",
    "money_moved",
    "payment_failed",
    "order_decided",
    "studio_order_queued",
    "studio_order_changed",
    "studio_order_withdrawn",
    "staff_act",
    "hidden",
    "shown",
    "phone_proven",
    "phone_released",
    "export_requested",
    "export_downloaded",
    "erasure_requested",
    "erasure_withdrawn",
    "account_erased",
    "entry_redacted",
    "commission_rules_set",
    "balance_adjustment",
    "balance_write_off",
    "chargeback_entered",
    "earning_stop",
    "earning_resume",
    "earning_paid_before",
    "payout_details_changed",
    "payouts_stopped",
    "payouts_resumed",
    "payout_requested",
    "payout_approved_first",
    "payout_approved",
    "payout_sending",
    "payout_pending",
    "payout_unknown",
    "payout_paid",
    "payout_failed",
    "payout_cancelled",
    "payout_returned",
    "payout_queue_resumed",
    "list_exported",
    "note_added",
    "announcement_sending",
    "announcement_stopped",
    "text_changed",
    "alarm_silenced",
    "reports_decided",
    "conversation_read",
    "taxonomy_added",
    "taxonomy_changed",
    "taxonomy_deleted",
)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What is written. ``subject`` names what it concerns: "account:7", "order:12", or "".

    ``details`` are few and short, and never contain a secret; e-mails and phones are masked.
    """

    at: datetime
    action: str
    actor_id: int | None = None
    subject: str = ""
    address: str = ""
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row. ``number`` counts from 1 within its ``chain``. ``hash`` is that of the details before a redaction."""

    id: int
    chain: int
    number: int
    event: AuditEvent
    hash: bytes
    #: The place of the entry that vouches for the details, if they were replaced.
    redaction: tuple[int, int] | None = None
    #: Of the request that wrote it, as in the log; not part of the chain.
    request_id: str = ""


class Head(NamedTuple):
    """The end of a chain: its length and the hash of its last row, signed."""

    chain: int
    length: int
    hash: bytes
    seal: str


class ChainBreak(NamedTuple):
    """Where a chain is broken. ``entry_id`` None: a missing row, or the end of the chain."""

    entry_id: int | None
    chain: int
    number: int
    reason: str

    def __str__(self) -> str:
        row = f"row {self.entry_id}" if self.entry_id else "a row"
        return f"audit: {row} (number {self.number} of chain {self.chain}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Filters:
    """None = any. ``since`` is inclusive, ``until`` exclusive."""

    action: str | None = None
    actor_id: int | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class AuditContext:
    """Where the current request or command comes from. ``actor_id`` is asked when an entry is written."""

    address: str
    actor_id: Callable[[], int | None]
    #: Who sits at the command line, such as "operator:anna"; written with every entry as ``by``.
    operator: str | None = None
    #: Entries written so far.
    written: int = 0


#: The context of the request or command that the current task serves.
AUDIT_CONTEXT: ContextVar[AuditContext | None] = ContextVar("mystar_audit_context", default=None)
