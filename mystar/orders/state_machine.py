"""The life of an order as data: checks, answers, documents and tests are all made from ``RULES`` (D20–D23).

An order stands on two axes, the work (``Status``) and the money (``Money``); a third value, ``Goal``, is what it wants
of the money and what its payment is aimed at. A rule says who may do what from where and what comes of it; the first
rule that fits is the one. Whoever is named by no rule of an action is refused for good, everybody else only for now.

Nobody is waited for without end: ``DEADLINES`` says which step the system takes when the parties take none in time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from mystar.kit.money import rubles_text
from mystar.orders.model import PAID, Goal, Kind, Money, NotYours, Order, Role, Status, WrongTime


class Action(StrEnum):
    """What can happen. The parties are shown the first nine as ``allowed_actions``; those that begin with "money", and
    the end of a hold, come from payments, those that are late from the clock."""

    PAY = "pay"
    ACCEPT = "accept"
    REJECT = "reject"
    DELIVER = "deliver"
    APPROVE = "approve"
    REQUEST_REVISION = "request_revision"
    DISPUTE = "dispute"
    CANCEL = "cancel"
    REVIEW = "review"
    EDIT = "edit"
    CAPTURE = "capture"
    REFUND = "refund"
    REFUND_PART = "refund_part"
    ACCEPTANCE_LATE = "acceptance_late"
    APPROVAL_LATE = "approval_late"
    REVISION_LATE = "revision_late"
    MONEY_HELD = "money_held"
    MONEY_CAPTURED = "money_captured"
    MONEY_RELEASED = "money_released"
    MONEY_REFUNDED = "money_refunded"
    MONEY_PARTLY_REFUNDED = "money_partly_refunded"
    MONEY_FAILED = "money_failed"
    HOLD_RUNS_OUT = "hold_runs_out"


SHOWN = tuple(Action)[:9]
#: What the staff's panel shows besides.
SHOWN_TO_STAFF = (*SHOWN, Action.CAPTURE, Action.REFUND, Action.REFUND_PART)

#: What this process is about; a studio order is processed by the studio alone.
KINDS = (Kind.GREETING, Kind.SERVICE)
_ALL_MONEY = tuple(Money)
_UNPAID = (Money.NONE, Money.PENDING, Money.RELEASED, Money.FAILED)
_BEFORE_DELIVERY = (Status.PENDING, Status.ACCEPTED, Status.IN_PROGRESS)
_WORK = (*_BEFORE_DELIVERY, Status.DELIVERED, Status.COMPLETED)
STATUSES = (*_WORK, Status.REJECTED, Status.CANCELLED, Status.DISPUTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """``role`` may do ``action`` when the work is in one of ``at`` and the money in one of ``money``.

    :param to: the status it leads to; None = stays.
    :param becomes: what the money becomes at once; None = stays, and changes only when the provider says so.
    :param goal: what is wanted of the money from now on; None = what was wanted before.
    :param unasked: only as long as neither the capture nor the return of the money has been asked for.
    :param unreviewed: only as long as the buyer has not said what he thinks of it.
    """

    action: Action
    role: Role
    at: Collection[Status]
    to: Status | None = None
    money: Collection[Money] = _ALL_MONEY
    becomes: Money | None = None
    goal: Goal | None = None
    kinds: Collection[Kind] = KINDS
    unasked: bool = False
    unreviewed: bool = False
    why: str = ""

    def fits(self, order: Order) -> bool:
        return (
            order.kind in self.kinds
            and order.status in self.at
            and order.money in self.money
            and not (self.unasked and order.money_goal is not Goal.HOLD)
            and not (self.unreviewed and order.reviewed_at is not None)
        )


_PENDING, _ACCEPTED, _DELIVERED = (Status.PENDING,), (Status.ACCEPTED,), (Status.DELIVERED,)
_DISPUTED, _IN_PROGRESS = (Status.DISPUTED,), (Status.IN_PROGRESS,)
_UNDER_WORK = (Status.ACCEPTED, Status.IN_PROGRESS)
#: Something has been handed over, once at least.
_HANDED_OVER = (Status.IN_PROGRESS, Status.DELIVERED, Status.COMPLETED, Status.DISPUTED)
_HELD, _TAKEN, _GREETING = (Money.HELD,), (Money.CAPTURED,), (Kind.GREETING,)

RULES: tuple[Rule, ...] = (
    Rule(
        Action.PAY,
        Role.BUYER,
        _WORK,
        money=_UNPAID,
        becomes=Money.PENDING,
        why="before or after acceptance, and as long as the work is neither refused nor paid",
    ),
    Rule(
        Action.ACCEPT,
        Role.CREATOR,
        _PENDING,
        Status.ACCEPTED,
        money=_HELD,
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        why="a paid greeting is charged as soon as the star agrees",
    ),
    Rule(
        Action.ACCEPT,
        Role.CREATOR,
        _ACCEPTED,
        money=_HELD,
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        unasked=True,
        why="the buyer paid after the acceptance, and the star confirms",
    ),
    Rule(Action.ACCEPT, Role.CREATOR, _PENDING, Status.ACCEPTED),
    Rule(Action.REJECT, Role.CREATOR, _PENDING, Status.REJECTED, goal=Goal.GIVE_BACK),
    Rule(
        Action.REJECT,
        Role.CREATOR,
        _ACCEPTED,
        Status.REJECTED,
        money=_HELD,
        goal=Goal.GIVE_BACK,
        kinds=_GREETING,
        unasked=True,
        why="the buyer paid after the acceptance, and the star declines after all",
    ),
    Rule(
        Action.DELIVER,
        Role.CREATOR,
        _BEFORE_DELIVERY,
        Status.DELIVERED,
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        why="unpaid it stays closed to the buyer, and a later payment is charged at once",
    ),
    Rule(Action.DELIVER, Role.CREATOR, _BEFORE_DELIVERY, Status.DELIVERED, kinds=(Kind.SERVICE,)),
    Rule(Action.APPROVE, Role.BUYER, _DELIVERED, Status.COMPLETED, goal=Goal.CAPTURE),
    Rule(Action.APPROVE, Role.STAFF, _DISPUTED, Status.COMPLETED, goal=Goal.CAPTURE, why="for the creator"),
    Rule(Action.REQUEST_REVISION, Role.BUYER, _DELIVERED, Status.IN_PROGRESS),
    Rule(
        Action.DISPUTE,
        Role.BUYER,
        (Status.IN_PROGRESS, Status.DELIVERED),
        Status.DISPUTED,
        why="the money stays where it is until staff decide",
    ),
    Rule(Action.DISPUTE, Role.CREATOR, (Status.IN_PROGRESS, Status.DELIVERED), Status.DISPUTED),
    Rule(
        Action.CANCEL,
        Role.BUYER,
        (Status.PENDING, Status.ACCEPTED),
        Status.CANCELLED,
        goal=Goal.GIVE_BACK,
        why="not in progress: then something has been delivered already",
    ),
    Rule(Action.CANCEL, Role.CREATOR, _BEFORE_DELIVERY, Status.CANCELLED, goal=Goal.GIVE_BACK),
    Rule(
        Action.CANCEL,
        Role.STAFF,
        (*_BEFORE_DELIVERY, Status.DELIVERED, Status.DISPUTED),
        Status.CANCELLED,
        goal=Goal.GIVE_BACK,
        why="for the buyer",
    ),
    Rule(Action.REVIEW, Role.BUYER, (Status.COMPLETED,), unreviewed=True),
    Rule(
        Action.EDIT,
        Role.BUYER,
        (Status.PENDING, Status.ACCEPTED),
        why="requirements and term, before anything was delivered; the price never",
    ),
    Rule(
        Action.CAPTURE,
        Role.CREATOR,
        _PENDING,
        Status.ACCEPTED,
        money=_HELD,
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        why="to take the money is to agree",
    ),
    Rule(Action.CAPTURE, Role.CREATOR, _UNDER_WORK, money=_HELD, goal=Goal.CAPTURE, kinds=_GREETING, unasked=True),
    Rule(Action.CAPTURE, Role.STAFF, _UNDER_WORK, money=_HELD, goal=Goal.CAPTURE, kinds=_GREETING, unasked=True),
    Rule(
        Action.CAPTURE,
        Role.STAFF,
        (Status.DELIVERED, Status.DISPUTED),
        money=_HELD,
        goal=Goal.CAPTURE,
        unasked=True,
        why="so that no hold ends while they think",
    ),
    Rule(
        Action.REFUND,
        Role.STAFF,
        _HANDED_OVER,
        money=_TAKEN,
        goal=Goal.GIVE_BACK,
        why="all that is left of it; before anything was delivered, cancelling does the same",
    ),
    Rule(Action.REFUND_PART, Role.STAFF, _HANDED_OVER, money=_TAKEN, why="as often as something is left"),
    Rule(Action.ACCEPTANCE_LATE, Role.SYSTEM, _PENDING, Status.CANCELLED, goal=Goal.GIVE_BACK),
    Rule(
        Action.APPROVAL_LATE,
        Role.SYSTEM,
        _DELIVERED,
        Status.COMPLETED,
        money=(Money.HELD, Money.CAPTURED),
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        why="an unpaid one is closed to the buyer, whose silence means nothing then",
    ),
    Rule(Action.APPROVAL_LATE, Role.SYSTEM, _DELIVERED, Status.COMPLETED, goal=Goal.CAPTURE, kinds=(Kind.SERVICE,)),
    Rule(
        Action.REVISION_LATE,
        Role.SYSTEM,
        _IN_PROGRESS,
        Status.DISPUTED,
        why="the one had something and the other has worked: let people decide",
    ),
    # The provider is not asked whether it suits us: the order's money is where the payment says it is.
    Rule(Action.MONEY_HELD, Role.SYSTEM, STATUSES, becomes=Money.HELD),
    Rule(Action.MONEY_CAPTURED, Role.SYSTEM, STATUSES, becomes=Money.CAPTURED),
    Rule(Action.MONEY_RELEASED, Role.SYSTEM, STATUSES, becomes=Money.RELEASED),
    Rule(Action.MONEY_REFUNDED, Role.SYSTEM, STATUSES, becomes=Money.REFUNDED),
    Rule(Action.MONEY_PARTLY_REFUNDED, Role.SYSTEM, STATUSES),
    Rule(Action.MONEY_FAILED, Role.SYSTEM, STATUSES, becomes=Money.FAILED),
    Rule(
        Action.HOLD_RUNS_OUT,
        Role.SYSTEM,
        (Status.IN_PROGRESS, Status.DELIVERED, Status.DISPUTED),
        money=_HELD,
        goal=Goal.CAPTURE,
        why="what is taken can be refunded, what is let go cannot be taken; undelivered, it is let go",
    ),
)


class Step(NamedTuple):
    """What is to be done: the order's next status, money and goal."""

    action: Action
    role: Role
    status: Status
    money: Money
    goal: Goal

    def changes(self, order: Order) -> bool:
        return (self.status, self.money, self.goal) != (order.status, order.money, order.money_goal)

    def taken(self, order: Order) -> Order:
        """The order once it is done, as far as the process is concerned."""
        return replace(order, status=self.status, money=self.money, money_goal=self.goal)


class Terms(NamedTuple):
    """How long people are waited for; section ``[orders]`` of the configuration."""

    accept: timedelta = timedelta(days=3)
    approve: timedelta = timedelta(days=3)
    revise: timedelta = timedelta(days=7)


class Deadline(NamedTuple):
    """Unless somebody moves the order within ``term``, the system does ``action``, whose rules say from where.

    The term begins when the order comes there, and anew when its money arrives: so the creator has all of it after the
    payment, and the buyer after the delivery.
    """

    action: Action
    term: Literal["accept", "approve", "revise"]


#: A dispute has none: it waits for the staff, and only the end of a hold moves its money.
DEADLINES = (
    Deadline(Action.ACCEPTANCE_LATE, "accept"),
    Deadline(Action.APPROVAL_LATE, "approve"),
    Deadline(Action.REVISION_LATE, "revise"),
)


def deadline_of(order: Order) -> Deadline | None:
    """What the order is waiting for now; None = for nothing that the clock could bring."""
    return next((one for one in DEADLINES if _rule(order, one.action, Role.SYSTEM)), None)


def next_deadline(before: Order | None, after: Order, terms: Terms, now: datetime) -> datetime | None:
    """When the system takes the next step of ``after``, which was ``before`` until now; None = never by itself."""
    deadline = deadline_of(after)
    if deadline is None:
        return None
    arrived = before is not None and after.money in PAID and before.money not in PAID
    if before is not None and before.deadline_at and deadline_of(before) == deadline and not arrived:
        return before.deadline_at
    term: timedelta = getattr(terms, deadline.term)
    return now + term


class Move(NamedTuple):
    """Money that moves: "hold", "capture", "release" or "refund" of so many kopecks."""

    name: str
    amount: int


class Allowed(NamedTuple):
    """Something that can be done now. ``until``: when that ends, None = open; ``money``: what moves if it is done."""

    name: Action
    until: datetime | None
    money: Move | None

    def plain(self) -> dict[str, Any]:
        """As every door shows it: ``{"name", "until", "money": null or {"move", "amount"}}``, rubles as text."""
        money = self.money and {"move": self.money.name, "amount": rubles_text(self.money.amount)}
        return {"name": str(self.name), "until": self.until, "money": money}


def decide(order: Order, action: Action, role: Role) -> Step:
    """What happens when ``role`` does ``action`` now.

    :raises NotYours: this party may never do it to an order of this kind.
    :raises WrongTime: it may, but not now.
    """
    rule = _rule(order, action, role)
    if rule is None:
        raise _refusal(order, action, role)
    return Step(action, role, rule.to or order.status, rule.becomes or order.money, rule.goal or order.money_goal)


def allowed_actions(order: Order, role: Role, among: Collection[Action] = SHOWN) -> tuple[Allowed, ...]:
    """Everything that ``role`` can do now, in the order of ``Action``. What the deadline ends, lasts until then."""
    found = ((action, _rule(order, action, role)) for action in among)
    later = _after_deadline(order)
    return tuple(
        Allowed(action, order.deadline_at if later and not _rule(later, action, role) else None, _move(order, rule))
        for action, rule in found
        if rule
    )


def _after_deadline(order: Order) -> Order | None:
    """What becomes of it if nobody does anything; None = nothing."""
    deadline = deadline_of(order) if order.deadline_at else None
    return decide(order, deadline.action, Role.SYSTEM).taken(order) if deadline else None


def roles_of(action: Action, kind: Kind) -> frozenset[Role]:
    """Who may ever do it."""
    return frozenset(rule.role for rule in RULES if rule.action is action and kind in rule.kinds)


def _rule(order: Order, action: Action, role: Role) -> Rule | None:
    fitting = (rule for rule in RULES if rule.action is action and rule.role is role and rule.fits(order))
    return next(fitting, None)


def _refusal(order: Order, action: Action, role: Role) -> NotYours | WrongTime:
    if role not in roles_of(action, order.kind):
        return NotYours(action=str(action))
    allowed = [one.plain() for one in allowed_actions(order, role)]
    return WrongTime(action=str(action), status=order.shown_status, money=str(order.money), allowed_actions=allowed)


def _move(order: Order, rule: Rule) -> Move | None:
    if rule.action is Action.PAY:
        # What has been delivered already is charged at once.
        return Move("capture" if order.money_goal is Goal.CAPTURE else "hold", order.total_price)
    names = {
        (Money.HELD, Goal.CAPTURE): "capture",
        (Money.HELD, Goal.GIVE_BACK): "release",
        (Money.CAPTURED, Goal.GIVE_BACK): "refund",
    }
    name = names.get((order.money, rule.goal)) if rule.goal else None
    return Move(name, order.total_price - order.refunded) if name else None
