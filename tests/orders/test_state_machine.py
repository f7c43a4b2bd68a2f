"""The table of the process: what it says, and that everything made from it says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from mystar.orders.model import ActionForbidden, ActionNotAllowedNow, Goal, Kind, Money, Order, Role, Status
from mystar.orders.state_diagram import describe
from mystar.orders.state_machine import KINDS, SHOWN, STATUSES, Action, Transition, allowed_actions, decide
from tests.orders.order_factory import MOMENT, an_order

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "orders.md"
PEOPLE = (Role.BUYER, Role.CREATOR, Role.STAFF)
ACTIONS = tuple(Action)[: list(Action).index(Action.ACCEPTANCE_LATE)]
FINAL = (Status.COMPLETED, Status.REJECTED, Status.CANCELLED)


def every_order() -> Iterator[Order]:
    for kind, status, money, goal in product(KINDS, STATUSES, Money, Goal):
        yield an_order(kind, status, money, goal)
        if status is Status.COMPLETED:
            yield an_order(kind, status, money, goal, reviewed_at=MOMENT)


def outcome(order: Order, action: Action, role: Role) -> Transition | type[Exception]:
    try:
        return decide(order, action, role)
    except (ActionForbidden, ActionNotAllowedNow) as refusal:
        return type(refusal)


def test_the_document_shows_the_state_machine() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == describe(), "python -m mystar.orders.state_diagram > docs/orders.md"


def test_every_state_actor_and_action_has_the_documented_result() -> None:
    """Promise M9. The document is read as a person would: the first row that fits, else a refusal."""
    table = rows()
    for order, action, role in product(every_order(), Action, Role):
        fitting = [row for row in table if row["action"] == action and row["of"] in ("any", order.kind)]
        mine = [row for row in fitting if row["by"] == role]
        now = [row for row in mine if fits(row, order)]
        if not mine:
            expected: object = ActionForbidden
        elif not now:
            expected = ActionNotAllowedNow
        else:
            expected = Transition(action, role, *sets_money(now[0], order))
        assert outcome(order, action, role) == expected, (order.kind, order.status, order.money, action, role)


def rows() -> list[dict[str, str]]:
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    names = ["action", "by", "of", "work", "money", "to", "then", "why"]
    return [dict(zip(names, [cell.strip() for cell in line.split("|")[1:-1]], strict=True)) for line in lines[2:]]


def fits(row: dict[str, str], order: Order) -> bool:
    money = row["money"].removesuffix(", nothing asked yet")
    goal_is_hold = money == row["money"] or order.money_goal is Goal.HOLD
    work = row["work"].removesuffix(", not reviewed yet")
    unreviewed = work == row["work"] or order.reviewed_at is None
    # As the introduction says of money that goes back.
    is_reversing = order.money_goal is Goal.REVERSE and order.money in (Money.PENDING, Money.HELD, Money.CAPTURED)
    possible = not (row["then"] == "goal: capture" and is_reversing)
    return among(order.status, work) and among(order.money, money) and goal_is_hold and unreviewed and possible


def among(value: str, words: str) -> bool:
    return words == "any" or value in words.split(", ")


def sets_money(row: dict[str, str], order: Order) -> tuple[Status, Money, Goal]:
    said = dict(re.findall(r"(becomes|goal):? (\w+)", row["then"]))
    status = order.status if row["to"] == "–" else Status(row["to"])
    return status, Money(said.get("becomes", order.money)), Goal(said.get("goal", order.money_goal))


def test_allowed_actions_are_exactly_those_that_would_succeed() -> None:
    for order, role in product(every_order(), PEOPLE):
        allowed = {one.name for one in allowed_actions(order, role)}
        assert allowed == {action for action in SHOWN if isinstance(outcome(order, action, role), Transition)}


def test_only_the_provider_changes_the_state_of_the_money() -> None:
    for order, action, role in product(every_order(), ACTIONS, PEOPLE):
        step = outcome(order, action, role)
        if isinstance(step, Transition) and action is not Action.PAY:
            assert step.money is order.money


def test_an_order_that_ends_unfinished_returns_the_money() -> None:
    for order, action, role in product(every_order(), ACTIONS, PEOPLE):
        step = outcome(order, action, role)
        if isinstance(step, Transition) and order.money_goal is not Goal.REVERSE:
            ends = step.status in (Status.REJECTED, Status.CANCELLED) and step.status is not order.status
            assert ends or action is Action.REFUND or step.goal is not Goal.REVERSE
            assert not ends or step.goal is Goal.REVERSE


def test_a_closed_order_keeps_its_status() -> None:
    for order, action, role in product(every_order(), Action, Role):
        step = outcome(order, action, role)
        if order.status in FINAL and isinstance(step, Transition):
            assert step.status is order.status
            assert action in (Action.PAY, Action.REVIEW) or role in (Role.STAFF, Role.SYSTEM)


def test_after_a_delivery_the_buyer_alone_cannot_cancel() -> None:
    for status in (Status.IN_PROGRESS, Status.DELIVERED, Status.COMPLETED, Status.DISPUTED):
        for money in Money:
            assert outcome(an_order(status=status, money=money), Action.CANCEL, Role.BUYER) is ActionNotAllowedNow


@pytest.mark.parametrize(
    ("status", "money", "action", "role", "goal"),
    [
        (Status.PENDING, Money.HELD, Action.ACCEPT, Role.CREATOR, Goal.CAPTURE),
        (Status.PENDING, Money.NONE, Action.ACCEPT, Role.CREATOR, Goal.HOLD),
        (Status.PENDING, Money.PENDING, Action.ACCEPT, Role.CREATOR, Goal.HOLD),
        (Status.PENDING, Money.HELD, Action.REJECT, Role.CREATOR, Goal.REVERSE),
        (Status.ACCEPTED, Money.HELD, Action.REJECT, Role.CREATOR, Goal.REVERSE),
        (Status.ACCEPTED, Money.HELD, Action.DELIVER, Role.CREATOR, Goal.CAPTURE),
        (Status.ACCEPTED, Money.HELD, Action.CAPTURE, Role.CREATOR, Goal.CAPTURE),
        (Status.ACCEPTED, Money.HELD, Action.CAPTURE, Role.STAFF, Goal.CAPTURE),
        (Status.ACCEPTED, Money.CAPTURED, Action.CANCEL, Role.BUYER, Goal.REVERSE),
    ],
)
def test_a_greeting_is_paid_for_as_decided(
    status: Status, money: Money, action: Action, role: Role, goal: Goal
) -> None:
    """D22, sentence by sentence."""
    step = decide(an_order(Kind.GREETING, status, money), action, role)
    assert step.goal is goal


@pytest.mark.parametrize("status", [Status.PENDING, Status.ACCEPTED, Status.IN_PROGRESS])
@pytest.mark.parametrize("money", Money)
def test_a_service_is_delivered_from_any_open_state_and_charged_by_the_approval(status: Status, money: Money) -> None:
    """D23."""
    order = an_order(Kind.SERVICE, status, money)
    delivered = decide(order, Action.DELIVER, Role.CREATOR)
    assert (delivered.status, delivered.goal) == (Status.DELIVERED, Goal.HOLD)
    approved = decide(an_order(Kind.SERVICE, Status.DELIVERED, money), Action.APPROVE, Role.BUYER)
    assert (approved.status, approved.goal) == (Status.COMPLETED, Goal.CAPTURE)


@pytest.mark.parametrize(
    ("action", "role"),
    [
        (Action.ACCEPT, Role.BUYER),
        (Action.DELIVER, Role.BUYER),
        (Action.CAPTURE, Role.BUYER),
        (Action.APPROVE, Role.CREATOR),
        (Action.PAY, Role.CREATOR),
        (Action.PAY, Role.STAFF),
        (Action.ACCEPT, Role.STAFF),
    ],
)
def test_an_action_of_the_wrong_party_is_forbidden(action: Action, role: Role) -> None:
    with pytest.raises(ActionForbidden):
        decide(an_order(), action, role)


def test_an_action_at_the_wrong_time_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(ActionNotAllowedNow) as refusal:
        decide(an_order(status=Status.CANCELLED, money=Money.RELEASED), Action.ACCEPT, Role.CREATOR)
    assert refusal.value.details == {
        "action": "accept",
        "status": "cancelled",
        "money": "released",
        "allowed_actions": [],
    }


def test_allowed_actions_say_which_money_moves() -> None:
    held = {one.name: one.plain() for one in allowed_actions(an_order(money=Money.HELD), Role.CREATOR)}
    assert held[Action.ACCEPT]["money"] == {"move": "capture", "amount": "15000.00"}
    assert held[Action.REJECT]["money"] == {"move": "release", "amount": "15000.00"}
    taken = an_order(status=Status.ACCEPTED, money=Money.CAPTURED)
    (cancel,) = allowed_actions(taken, Role.BUYER)
    assert cancel.plain() == {
        "name": "cancel",
        "until": None,
        "money": {"move": "refund", "amount": "15000.00"},
    }
    (pay, *_) = allowed_actions(an_order(), Role.BUYER)
    assert pay.plain()["money"] == {"move": "hold", "amount": "15000.00"}
