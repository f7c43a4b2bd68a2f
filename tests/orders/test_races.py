"""Two actions at once end as one after the other would, and the later one is refused with the state (M8)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from mystar.accounts.model import Actor
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.orders.model import ActionNotAllowedNow, Kind, Money, Order, Role, Status
from mystar.orders.state_machine import KINDS, STATUSES, Action, decide
from tests.factory import Factory, actor
from tests.orders.order_factory import an_order
from tests.size import dice, size

SEED, PAIRS = 4, size(60, 2000)
PEOPLE = (Role.BUYER, Role.CREATOR, Role.STAFF)
#: What needs neither files nor a provider to be tried.
ACTIONS = tuple(
    action for action in list(Action)[:13] if action not in (Action.PAY, Action.DELIVER, Action.REVIEW, Action.EDIT)
)
_SET = "update orders set kind = %(kind)s, status = %(status)s, money = %(money)s where id = %(id)s"


class Attempt(NamedTuple):
    action: Action
    role: Role


def outcomes(order: Order, attempts: tuple[Attempt, Attempt]) -> tuple[list[Attempt], Status]:
    """Who of the two wins when they come in this order, and where the work is then."""
    winners = []
    for attempt in attempts:
        try:
            step = decide(order, *attempt)
        except ActionNotAllowedNow:
            continue
        winners.append(attempt)
        order = step.taken(order)
    return winners, order.status


def every_pair() -> Iterator[tuple[Order, tuple[Attempt, Attempt]]]:
    """Every state, and two actions that are both allowed in it."""
    for kind in KINDS:
        for status in STATUSES:
            for money in (Money.NONE, Money.HELD):
                order = an_order(kind, status, money)
                allowed = [Attempt(action, role) for action in ACTIONS for role in PEOPLE if _may(order, action, role)]
                for pair in combinations_with_replacement(allowed, 2):
                    yield order, pair


def _may(order: Order, action: Action, role: Role) -> bool:
    try:
        decide(order, action, role)
    except Exception:
        return False
    return True


@pytest.fixture
async def people(factory: Factory) -> dict[Role, Any]:
    customer, star, staff = await factory.person(), await factory.star(), await factory.staff("operator")
    return {
        Role.BUYER: actor(customer),
        Role.CREATOR: actor(star),
        Role.STAFF: Actor(staff.id, actor(staff).session_id, staff.username, "operator"),
        "customer": customer,
        "star": star,
    }


async def test_two_concurrent_actions_have_the_result_of_some_sequence(
    app: web.Application, factory: Factory, people: dict[Any, Any]
) -> None:
    orders, db = app[ORDERS], app[DATABASE]
    cases = list(every_pair())
    assert len(cases) > 60
    for order, pair in dice(SEED).sample(cases, min(PAIRS, len(cases))):
        order_id = await factory.order(people["customer"], people["star"])
        await db.execute(_SET, id=order_id, kind=order.kind.value, status=order.status.value, money=order.money.value)
        answers = await asyncio.gather(
            *(getattr(orders, attempt.action.value)(people[attempt.role], order_id) for attempt in pair),
            return_exceptions=True,
        )
        won = [attempt for attempt, answer in zip(pair, answers, strict=True) if isinstance(answer, Order)]
        status = Status(await db.value("select status from orders where id = %(id)s", id=order_id))
        possible = [outcomes(order, pair), outcomes(order, (pair[1], pair[0]))]
        assert (sorted(won), status) in [(sorted(winners), end) for winners, end in possible], (order, pair, answers)
        for answer in answers:
            if not isinstance(answer, Order):
                assert isinstance(answer, ActionNotAllowedNow), answer
                assert answer.details["status"] == status.value or order.money is Money.HELD
                assert "allowed_actions" in answer.details


def test_of_most_pairs_of_actions_one_succeeds_only() -> None:
    """Otherwise the test above would prove little."""
    single = sum(len(outcomes(order, pair)[0]) == 1 for order, pair in every_pair())
    assert single > len(list(every_pair())) / 2
    assert all(order.kind in (Kind.GREETING, Kind.SERVICE) for order, _ in every_pair())
