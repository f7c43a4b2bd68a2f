"""The state machine of an order as data: checks, answers, documents and tests are made from ``RULES`` (D20–D23).

An order has two statuses, of the work (``Status``) and of the money (``Money``), and a ``Goal``, where the money should
be. A rule says which role may do what in which state and what follows; the first rule that fits applies. A role that no
rule of an action names may never do it; any other role may do it in another state.

``DEADLINES`` says which transition the system applies when the parties do nothing in time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Literal, NamedTuple

from mystar.orders.allowed import Allowed, MoneyMove
from mystar.orders.model import PAID, ActionForbidden, ActionNotAllowedNow, Goal, Kind, Money, Order, Role, Status
from mystar.payments.model import PaymentStopped


class Action(StrEnum):
    """What can happen to an order. The parties see the first nine as ``allowed_actions``; those that begin with
    "money", and the end of a hold, come from payments; those that end in "late" from deadlines."""

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
#: The actions that the staff panel shows.
SHOWN_TO_STAFF = (*SHOWN, Action.CAPTURE, Action.REFUND, Action.REFUND_PART)
#: The kinds that this state machine is about; orders to the studio have their own.
KINDS = (Kind.GREETING, Kind.SERVICE)
_ALL_MONEY, _MOVING = tuple(Money), (Money.PENDING, Money.HELD, Money.CAPTURED)
_UNPAID = (Money.NONE, Money.PENDING, Money.RELEASED, Money.FAILED)
_BEFORE_DELIVERY = (Status.PENDING, Status.ACCEPTED, Status.IN_PROGRESS)
_WORK = (*_BEFORE_DELIVERY, Status.DELIVERED, Status.COMPLETED)
STATUSES = (*_WORK, Status.REJECTED, Status.CANCELLED, Status.DISPUTED)


class State(NamedTuple):
    """What the rules depend on of an order."""

    kind: Kind
    status: Status
    money: Money
    goal: Goal
    is_refused: bool
    is_reviewed: bool


def _state(order: Order) -> State:
    refused, reviewed = order.payment_refusal is not None, order.reviewed_at is not None
    return State(order.kind, order.status, order.money, order.money_goal, refused, reviewed)


@dataclass(frozen=True, slots=True)
class Rule:
    """``role`` may do ``action`` when the work is in one of ``at`` and the money in one of ``money``.

    :param to: the next status; None = unchanged.
    :param sets_money: the next status of the money; None = unchanged until the provider reports a change.
    :param goal: the next goal; None = unchanged. No capture follows while money goes back, or will when it arrives.
    :param goal_is_hold: only while neither a capture nor a reversal was requested.
    :param unreviewed: only while the buyer has not reviewed the order.
    """

    action: Action
    role: Role
    at: Collection[Status]
    to: Status | None = None
    money: Collection[Money] = _ALL_MONEY
    sets_money: Money | None = None
    goal: Goal | None = None
    kinds: Collection[Kind] = KINDS
    goal_is_hold: bool = False
    unreviewed: bool = False
    why: str = ""

    def fits(self, state: State) -> bool:
        return (
            state.kind in self.kinds
            and state.status in self.at
            and state.money in self.money
            and not (self.action is Action.PAY and state.is_refused)
            and not (self.goal_is_hold and state.goal is not Goal.HOLD)
            and not (self.goal is Goal.CAPTURE and state.goal is Goal.REVERSE and state.money in _MOVING)
            and not (self.unreviewed and state.is_reviewed)
        )


_PENDING, _ACCEPTED, _DELIVERED = (Status.PENDING,), (Status.ACCEPTED,), (Status.DELIVERED,)
_DISPUTED, _IN_PROGRESS, _UNDER_WORK = (Status.DISPUTED,), (Status.IN_PROGRESS,), (Status.ACCEPTED, Status.IN_PROGRESS)
#: Something was delivered at least once.
_HANDED_OVER = (Status.IN_PROGRESS, Status.DELIVERED, Status.COMPLETED, Status.DISPUTED)
_HELD, _TAKEN, _GREETING = (Money.HELD,), (Money.CAPTURED,), (Kind.GREETING,)

RULES: tuple[Rule, ...] = (
    Rule(
        Action.PAY,
        Role.BUYER,
        _WORK,
        money=_UNPAID,
        sets_money=Money.PENDING,
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
        goal_is_hold=True,
        why="the buyer paid after the acceptance, and the star confirms",
    ),
    Rule(Action.ACCEPT, Role.CREATOR, _PENDING, Status.ACCEPTED),
    Rule(Action.REJECT, Role.CREATOR, _PENDING, Status.REJECTED, goal=Goal.REVERSE),
    Rule(
        Action.REJECT,
        Role.CREATOR,
        _ACCEPTED,
        Status.REJECTED,
        money=_HELD,
        goal=Goal.REVERSE,
        kinds=_GREETING,
        goal_is_hold=True,
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
        goal=Goal.REVERSE,
        why="not in progress: then something has been delivered already",
    ),
    Rule(Action.CANCEL, Role.CREATOR, _BEFORE_DELIVERY, Status.CANCELLED, goal=Goal.REVERSE),
    Rule(
        Action.CANCEL,
        Role.STAFF,
        (*_BEFORE_DELIVERY, Status.DELIVERED, Status.DISPUTED),
        Status.CANCELLED,
        goal=Goal.REVERSE,
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
        money=PAID,
        goal=Goal.CAPTURE,
        kinds=_GREETING,
        why="to take the money is to agree; what is charged already stays where it is",
    ),
    Rule(Action.CAPTURE, Role.CREATOR, _UNDER_WORK, money=_HELD, goal=Goal.CAPTURE, kinds=_GREETING, goal_is_hold=True),
    Rule(Action.CAPTURE, Role.STAFF, _UNDER_WORK, money=_HELD, goal=Goal.CAPTURE, kinds=_GREETING, goal_is_hold=True),
    Rule(
        Action.CAPTURE,
        Role.STAFF,
        (Status.DELIVERED, Status.DISPUTED),
        money=_HELD,
        goal=Goal.CAPTURE,
        goal_is_hold=True,
        why="so that no hold ends while they think",
    ),
    Rule(
        Action.REFUND,
        Role.STAFF,
        _HANDED_OVER,
        money=_TAKEN,
        goal=Goal.REVERSE,
        why="all that is left of it; before anything was delivered, cancelling does the same",
    ),
    Rule(Action.REFUND_PART, Role.STAFF, _HANDED_OVER, money=_TAKEN, why="as often as something is left"),
    Rule(Action.ACCEPTANCE_LATE, Role.SYSTEM, _PENDING, Status.CANCELLED, goal=Goal.REVERSE),
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
    # No restrictions here: the order's money always follows its payment.
    Rule(Action.MONEY_HELD, Role.SYSTEM, STATUSES, sets_money=Money.HELD),
    Rule(Action.MONEY_CAPTURED, Role.SYSTEM, STATUSES, sets_money=Money.CAPTURED),
    Rule(Action.MONEY_RELEASED, Role.SYSTEM, STATUSES, sets_money=Money.RELEASED),
    Rule(Action.MONEY_REFUNDED, Role.SYSTEM, STATUSES, sets_money=Money.REFUNDED),
    Rule(Action.MONEY_PARTLY_REFUNDED, Role.SYSTEM, STATUSES),
    Rule(Action.MONEY_FAILED, Role.SYSTEM, STATUSES, sets_money=Money.FAILED),
    Rule(
        Action.HOLD_RUNS_OUT,
        Role.SYSTEM,
        (Status.IN_PROGRESS, Status.DELIVERED, Status.DISPUTED),
        money=_HELD,
        goal=Goal.CAPTURE,
        why="what is taken can be refunded, what is let go cannot be taken; undelivered, it is let go",
    ),
)


class Transition(NamedTuple):
    """A decided action: the order's next status, money and goal."""

    action: Action
    role: Role
    status: Status
    money: Money
    goal: Goal

    def changes(self, order: Order) -> bool:
        return (self.status, self.money, self.goal) != (order.status, order.money, order.money_goal)

    def taken(self, order: Order) -> Order:
        """The order after the transition."""
        return order._replace(status=self.status, money=self.money, money_goal=self.goal)


class Terms(NamedTuple):
    """How long the parties have time; section ``[orders]`` of the configuration."""

    accept: timedelta = timedelta(days=3)
    approve: timedelta = timedelta(days=3)
    revise: timedelta = timedelta(days=7)


class Deadline(NamedTuple):
    """Unless the order moves within ``term``, the system does ``action``; its rules say in which states.

    The term begins when the order reaches such a state, and again when its money arrives there: so the creator has the
    whole term after the payment, and the buyer after the delivery.
    """

    action: Action
    term: Literal["accept", "approve", "revise"]


#: A dispute has no deadline: staff decide it, and only the expiry of a hold moves its money.
DEADLINES = (
    Deadline(Action.ACCEPTANCE_LATE, "accept"),
    Deadline(Action.APPROVAL_LATE, "approve"),
    Deadline(Action.REVISION_LATE, "revise"),
)


def deadline_of(order: Order) -> Deadline | None:
    """The deadline that applies in the order's present state; None = no deadline."""
    state = _state(order)
    return next((one for one in DEADLINES if _rule(state, one.action, Role.SYSTEM)), None)


def next_deadline(before: Order | None, after: Order, terms: Terms, now: datetime) -> datetime | None:
    """When the deadline of ``after`` passes, which was ``before`` until now; None = no deadline."""
    deadline = deadline_of(after)
    if deadline is None:
        return None
    arrived = before is not None and after.money in PAID and before.money not in PAID
    if before is not None and before.deadline_at and deadline_of(before) == deadline and not arrived:
        return before.deadline_at
    term: timedelta = getattr(terms, deadline.term)
    return now + term


def decide(order: Order, action: Action, role: Role) -> Transition:
    """The transition when ``role`` does ``action`` now.

    :raises ActionForbidden: the role may never do it to an order of this kind.
    :raises ActionNotAllowedNow: it may, but not in the present state.
    """
    if (rule := _rule(_state(order), action, role)) is None:
        raise _refusal(order, action, role)
    money, goal = rule.sets_money or order.money, rule.goal or order.money_goal
    return Transition(action, role, rule.to or order.status, money, goal)


def allowed_actions(order: Order, role: Role, among: tuple[Action, ...] = SHOWN) -> tuple[Allowed, ...]:
    """The actions allowed to ``role`` now, in the order of `Action`; ``until`` when the deadline ends them."""
    return tuple(
        Allowed(rule.action, order.deadline_at if ends else None, _move(order, rule))
        for rule, ends in _allowed_rules(_state(order), role, among)
    )


@cache
def _allowed_rules(state: State, role: Role, among: tuple[Action, ...]) -> tuple[tuple[Rule, bool], ...]:
    """The rules that fit, each with whether the deadline ends it."""
    late = next((rule for one in DEADLINES if (rule := _rule(state, one.action, Role.SYSTEM))), None)
    later = late and state._replace(
        status=late.to or state.status, money=late.sets_money or state.money, goal=late.goal or state.goal
    )
    found = (rule for action in among if (rule := _rule(state, action, role)))
    return tuple((rule, later is not None and not _rule(later, rule.action, role)) for rule in found)


def roles_of(action: Action, kind: Kind) -> frozenset[Role]:
    """The roles that may do it in some state."""
    return frozenset(rule.role for rule in RULES if rule.action is action and kind in rule.kinds)


@cache
def _rule(state: State, action: Action, role: Role) -> Rule | None:
    return next((rule for rule in RULES if rule.action is action and rule.role is role and rule.fits(state)), None)


def _refusal(order: Order, action: Action, role: Role) -> ActionForbidden | ActionNotAllowedNow | PaymentStopped:
    if role not in roles_of(action, order.kind):
        return ActionForbidden(action=str(action))
    if action is Action.PAY and order.payment_refusal is not None:
        return PaymentStopped(order.payment_refusal)
    status, money, allowed = order.shown_status, str(order.money), allowed_actions(order, role)
    plain = [one.plain() for one in allowed]
    return ActionNotAllowedNow(action=str(action), status=status, money=money, allowed_actions=plain)


def _move(order: Order, rule: Rule) -> MoneyMove | None:
    if rule.action is Action.PAY:
        # An order that was delivered before it was paid is captured at once.
        is_charged = order.is_charged_at_once or order.money_goal is Goal.CAPTURE
        return MoneyMove("capture" if is_charged else "hold", order.total_price)
    names = {
        (Money.HELD, Goal.CAPTURE): "capture",
        (Money.HELD, Goal.REVERSE): "release",
        (Money.CAPTURED, Goal.REVERSE): "refund",
    }
    name = names.get((order.money, rule.goal)) if rule.goal else None
    return MoneyMove(name, order.total_price - order.refunded) if name else None
