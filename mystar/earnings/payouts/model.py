"""Payouts and their parts: states, what may follow what, how a sum is cut, and what can be refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from mystar.accounts.model import Actor
from mystar.earnings.model import Account, Kind, Move
from mystar.earnings.moves import move
from mystar.errors import Conflict, Forbidden, NotFound, Text


class Status(StrEnum):
    """Of a payout and of a part. By hand, SENDING means: exported for the bank."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENDING = "sending"
    PENDING = "pending"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"


#: What may follow what.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.REQUESTED: frozenset({Status.APPROVED, Status.CANCELLED}),
    Status.APPROVED: frozenset({Status.SENDING, Status.PAID, Status.FAILED, Status.CANCELLED}),
    Status.SENDING: frozenset({Status.PENDING, Status.UNKNOWN, Status.PAID, Status.FAILED}),
    Status.PENDING: frozenset({Status.UNKNOWN, Status.PAID, Status.FAILED}),
    Status.UNKNOWN: frozenset({Status.SENDING, Status.PENDING, Status.PAID, Status.FAILED}),
    Status.PAID: frozenset({Status.RETURNED}),
}
#: The money is reserved; the one that says most of a payout with several parts comes first.
OPEN = (Status.UNKNOWN, Status.SENDING, Status.PENDING, Status.APPROVED, Status.REQUESTED)
_ENDS = (Status.PAID, Status.RETURNED, Status.FAILED, Status.CANCELLED)
#: From where a part's money goes where.
_MOVES: Mapping[Status, tuple[Kind, Account, Account]] = {
    Status.PAID: (Kind.PAYOUT_PAID, Account.RESERVED, Account.PAID),
    Status.FAILED: (Kind.PAYOUT_FAILED, Account.RESERVED, Account.AVAILABLE),
    Status.CANCELLED: (Kind.PAYOUT_CANCELLED, Account.RESERVED, Account.AVAILABLE),
    Status.RETURNED: (Kind.PAYOUT_RETURNED, Account.PAID, Account.AVAILABLE),
}
#: Kopecks: no provider sends less.
MIN_PART = 100


@dataclass(frozen=True, slots=True)
class Part:
    """What is sent at once. ``amount`` in kopecks.

    :param attempt: part of the idempotency key: ``payout:{id}:{attempt}``.
    :param sent_at: of the first call of this attempt.
    """

    id: int
    payout_id: int
    number: int
    amount: int
    status: Status
    attempt: int
    reason: str | None
    provider_id: str | None
    sent_at: datetime | None
    settled_at: datetime | None
    check_at: datetime | None


@dataclass(frozen=True, slots=True)
class Payout:
    """``requested_by`` None: the schedule asked. ``approved_as`` and ``second_as`` name who approved, in words.

    ``order_id``: the order whose safe deal is paid out.
    """

    id: int
    creator_id: int
    details_id: int
    provider: str
    amount: int
    status: Status
    requested_by: int | None
    approved_by: int | None
    approved_as: str | None
    approved_at: datetime | None
    second_by: int | None
    second_as: str | None
    second_at: datetime | None
    document: str | None
    exported_at: datetime | None
    closed_at: datetime | None
    created_at: datetime
    mask: str
    order_id: int | None = None
    parts: tuple[Part, ...] = ()


#: Why a part was not paid, in plain words, by the provider's code or ours; other reasons are the staff's own words.
REASONS: Mapping[str, Text] = {
    "insufficient_funds": Text("не хватило денег на балансе выплат", "the payout balance was short of money"),
    "fraud_suspected": Text("провайдер заподозрил мошенничество", "the provider suspected fraud"),
    "one_time_limit_exceeded": Text("превышен лимит одной выплаты", "the limit of one payout was exceeded"),
    "periodic_limit_exceeded": Text("превышен лимит за период", "the limit of a period was exceeded"),
    "rejected_by_payee": Text("банк получателя отклонил перевод", "the recipient's bank rejected the transfer"),
    "general_decline": Text("провайдер отказал без объяснения", "the provider declined without a reason"),
    "issuer_unavailable": Text("банк получателя не отвечает", "the recipient's bank does not answer"),
    "recipient_not_found": Text("получатель не найден", "the recipient was not found"),
    "recipient_check_failed": Text("имя получателя не совпало", "the recipient's name did not match"),
    "identification_required": Text("получатель не идентифицирован", "the recipient has not been identified"),
    "no_answer": Text("ответа не было", "there was no answer"),
    "key_forgotten": Text("повторить вызов уже нельзя", "the call cannot be repeated any more"),
}


class Approver(NamedTuple):
    """Who decides about a payout: a member of the staff, or the operator of the command line."""

    name: str
    account_id: int | None
    is_owner: bool


def approver(actor: Actor) -> Approver:
    """:raises Forbidden: not staff who may change things."""
    if not actor.may_operate:
        raise Forbidden
    return Approver(f"account:{actor.id}", actor.id, actor.role == "owner")


def split(total: int, max_amount: int | None) -> tuple[list[int], int]:
    """The parts of a payout, none larger than ``max_amount``, and what is too little to be sent."""
    parts = []
    while total >= MIN_PART:
        parts.append(total if max_amount is None else min(total, max_amount))
        total -= parts[-1]
    return parts, total


def status_of(parts: Sequence[Part]) -> Status:
    """A payout is open while a part is. Of one that has ended in several ways, something was paid."""
    found = {part.status for part in parts}
    return next(status for status in (*OPEN, *_ENDS) if status in found)


def may_follow(status: Status, following: Status) -> bool:
    return following in TRANSITIONS.get(status, ())


def request_move(payout_id: int, creator_id: int, amount: int) -> Move:
    sides = {Account.AVAILABLE: -amount, Account.RESERVED: amount}
    return move(Kind.PAYOUT, sides, creator_id, payout_id=payout_id)


def part_move(creator_id: int, part: Part, status: Status) -> Move | None:
    """What moves when the part comes to this status; None = nothing."""
    if status not in _MOVES:
        return None
    kind, source, target = _MOVES[status]
    sides = {source: -part.amount, target: part.amount}
    return move(kind, sides, creator_id, payout_id=part.payout_id, part_id=part.id)


# When the schedule asks for payouts. Days and hours are Moscow's.


class Schedule(NamedTuple):
    """``kind`` is "manual", "weekly" or "monthly"; ``weekday`` 1 = Monday."""

    kind: str = "manual"
    weekday: int = 1
    hour: int = 12

    def latest(self, now: datetime) -> datetime | None:
        """The last moment that it named, at or before ``now``, which is Moscow's; None = by hand."""
        moment = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        if self.kind == "weekly":
            moment -= timedelta(days=(now.isoweekday() - self.weekday) % 7)
            return moment if moment <= now else moment - timedelta(days=7)
        if self.kind == "monthly":
            first = moment.replace(day=1)
            return first if first <= now else (first - timedelta(days=1)).replace(day=1)
        return None

    def following(self, now: datetime) -> datetime | None:
        """The next moment after ``now``."""
        latest = self.latest(now)
        if latest is None:
            return None
        if self.kind == "weekly":
            return latest + timedelta(days=7)
        return (latest + timedelta(days=32)).replace(day=1)


# What can be refused. ``available``: the balance in rubles as text.


class PayoutUnknown(NotFound):
    """No such payout, or another account's."""

    code = "payout_unknown"
    text = Text("Выплата не найдена.", "The payout was not found.")


class NothingAvailable(Conflict):
    """More is asked for than is available, or nothing is."""

    code = "nothing_available"
    text = Text("Для выплаты доступно {available}.", "{available} are available for a payout.")


class BelowMinimum(Conflict):
    """A payout of less than the least sum. ``minimum``: rubles as text."""

    code = "below_minimum"
    text = Text("Выплата возможна от {minimum}.", "The least payout is {minimum}.")


class DetailsMissing(Conflict):
    """A payout is asked for before there are details."""

    code = "details_missing"
    text = Text("Сначала укажите реквизиты для выплат.", "Payout details are needed first.")


class DetailsCooling(Conflict):
    """The details are too new. ``usable_at``: when they can be used."""

    code = "details_cooling"
    text = Text("Новые реквизиты пока не действуют.", "The new payout details cannot be used yet.")


class PayoutsPaused(Conflict):
    """The staff, or the creator by the link of a mail, have stopped the payouts."""

    code = "paused"
    text = Text("Выплаты приостановлены. Напишите в поддержку.", "Payouts are stopped. Please write to the support.")


class PayoutWrongTime(Conflict):
    """Something is done to a payout that its status does not allow. ``status``: as it is now."""

    code = "payout_wrong_time"
    text = Text("Сейчас с выплатой этого сделать нельзя.", "This cannot be done with the payout now.")


class SecondPersonNeeded(Conflict):
    """A payout above the bound is approved twice by the same person, or by two of whom none is an owner."""

    code = "second_person_needed"
    text = Text(
        "Такую выплату подтверждают двое, один из них — владелец.",
        "Such a payout is approved by two people, an owner among them.",
    )


# Events, in the transactions that make them true. ``by``: see `Approver`; "" = the creator or the service itself.


@dataclass(frozen=True, slots=True)
class PayoutMoved:
    """A payout came to a status, or was approved for the first of two times."""

    payout: Payout
    what: str
    by: str
    account_id: int | None
