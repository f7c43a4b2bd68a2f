"""Entries of the audit log, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Value = str | int | bool | None

#: Acts, for filters. Everything that is ever written is named here.
ACTS = (
    "sign_in",
    "sign_in_refused",
    "sessions_ended",
    "password_changed",
    "password_refused",
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
)


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be written. ``subject`` says whom or what it concerns: "account:7", "order:12", or nothing.

    ``details`` are few and short, and never a secret or somebody's e-mail, phone or name.
    """

    at: datetime
    act: str
    actor_id: int | None = None
    subject: str = ""
    address: str = ""
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row. ``number`` counts from 1 inside its ``chain``."""

    id: int
    chain: int
    number: int
    note: Note
    hash: bytes


class Head(NamedTuple):
    """How far a chain got: the hash of its last row, signed."""

    chain: int
    length: int
    hash: bytes
    seal: str


class ChainBreak(NamedTuple):
    """``entry_id`` None: a row that is not there any more, or the end of the chain."""

    entry_id: int | None
    chain: int
    number: int
    why: str

    def __str__(self) -> str:
        row = f"row {self.entry_id}" if self.entry_id else "a row"
        return f"audit: {row} (number {self.number} of chain {self.chain}): {self.why}"


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; None = whatever. ``since`` inclusive, ``until`` exclusive."""

    act: str | None = None
    actor_id: int | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class AuditContext:
    """Under which something is done: from where and by whom, as far as is known yet."""

    address: str
    who: Callable[[], int | None]
    #: How many entries were written under them.
    written: int = 0


#: Of the request, or the command, that this task works for.
AUDIT_CONTEXT: ContextVar[AuditContext | None] = ContextVar("mystar_audit_circumstances", default=None)
