"""What a statement is, which month it covers, and its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from mystar.errors import NotFound, Text
from mystar.kit.clock import MOSCOW


@dataclass(frozen=True, slots=True)
class Statement:
    """The available balance of a creator in a month of Moscow's. Sums in kopecks; closing = opening + its lines.

    :param month: its first day.
    :param after_entry_id: the lines are the entries behind this one, up to ``last_entry_id``.
    :param previous_sha256: of the creator's statement before; empty for the first.
    """

    id: int
    creator_id: int
    month: date
    number: str
    opening: int
    closing: int
    after_entry_id: int
    last_entry_id: int
    line_count: int
    sha256: str
    previous_sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the available balance. Of a cleared order also what the buyer paid, less what had gone back
    (``gross``), the commission and the VAT inside it; ``amount`` is what the line changes."""

    entry_id: int
    at: datetime
    kind: str
    order_id: int | None
    payout_id: int | None
    gross: int | None
    commission: int | None
    vat: int | None
    amount: int
    note: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a statement is for, as the account says now. ``name``: first and last name, "" where there is none."""

    account_id: int
    username: str
    name: str


class StatementUnknown(NotFound):
    """No such statement, or another account's."""

    code = "statement_unknown"
    text = Text("Выписка не найдена.", "The statement was not found.")


def month_of(moment: datetime) -> date:
    """The first day of the month that ``moment`` falls into in Moscow."""
    return moment.astimezone(MOSCOW).date().replace(day=1)


def month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def month_after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def end_of(month: date) -> datetime:
    """The moment at which the month is over."""
    return datetime.combine(month_after(month), time(), MOSCOW)


def number_of(creator_id: int, month: date) -> str:
    return f"{creator_id}-{month:%Y%m}"


class Chain:
    """Computes the hash of a statement while its lines pass by: over the hash before it and everything that it says."""

    def __init__(self, previous_sha256: str, number: str, opening: int) -> None:
        self._hash = hashlib.sha256(f"{previous_sha256}\n{number}\n{opening}\n".encode())
        self.closing, self.count = opening, 0

    def add(self, lines: Iterable[Line]) -> None:
        for line in lines:
            cells = (
                *(line.entry_id, line.at.isoformat(), line.kind, line.order_id, line.payout_id),
                *(line.gross, line.commission, line.vat, line.amount, line.note),
            )
            self._hash.update("\x1f".join(map(str, cells)).encode() + b"\n")
            self.closing, self.count = self.closing + line.amount, self.count + 1

    def hexdigest(self) -> str:
        ended = self._hash.copy()
        ended.update(f"{self.closing}\n{self.count}\n".encode())
        return ended.hexdigest()
