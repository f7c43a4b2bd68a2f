"""Every state, person and action through the service and the database: the table's answer, and nothing else changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count, product
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.model import Actor
from mystar.errors import MystarError
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database, Tx
from mystar.orders.keys import ORDERS
from mystar.orders.model import (
    ActionForbidden,
    ActionNotAllowedNow,
    Goal,
    Kind,
    Money,
    OrderUnknown,
    Role,
    Status,
    order_of,
)
from mystar.orders.service import OrderService
from mystar.orders.state_machine import KINDS, STATUSES, Action, decide
from tests.factory import Factory, actor
from tests.subtests import as_subtests

STATE = (
    "select orders.*, creators.account_id as creator_account_id from orders join creators on creators.id = creator_id"
)
SET = "update orders set kind = %(kind)s, status = %(status)s, money = %(money)s, money_goal = 'hold'"
#: One of every sort: nothing paid yet, under way, held, taken, given back.
MONEY = (Money.NONE, Money.PENDING, Money.HELD, Money.CAPTURED, Money.RELEASED)
_FILES = count(1)


class Undone(Exception):
    """Takes back what was tried."""


class Stage:
    """One order, put into any state, with everybody who may touch it. Whatever is tried is undone."""

    def __init__(self, orders: OrderService, tx: Tx, order_id: int, people: dict[str, Actor]) -> None:
        self.orders, self.tx, self.order_id, self.people = orders, tx, order_id, people

    async def attempt(self, action: Action, who: str, kind: Kind, status: Status, money: Money) -> Any:
        """The order's status, money and goal afterwards, or the kind of the refusal."""
        outcome: Any = None
        try:
            async with self.tx.savepoint():
                await self.tx.execute(SET, kind=kind.value, status=status.value, money=money.value)
                try:
                    await self._verb(action, self.people[who])
                except MystarError as refusal:
                    outcome = type(refusal)
                else:
                    order = order_of(await self.tx.one(STATE))
                    outcome = order.status, order.money, order.money_goal
                    await self._check_history(action, status, money, changed=outcome != (status, money, Goal.HOLD))
                raise Undone
        except Undone:
            return outcome

    async def expected(self, action: Action, who: str, kind: Kind, status: Status, money: Money) -> Any:
        if who == "stranger":
            return OrderUnknown
        if who == "viewer":
            return ActionForbidden
        async with self.tx.savepoint():
            await self.tx.execute(SET, kind=kind.value, status=status.value, money=money.value)
            order = order_of(await self.tx.one(STATE))
        try:
            step = decide(order, action, Role(who))
        except (ActionForbidden, ActionNotAllowedNow) as refusal:
            return type(refusal)
        return step.status, step.money, step.goal

    async def _verb(self, action: Action, person: Actor) -> None:
        if action is Action.DELIVER:
            file = await self.tx.value(
                "insert into files (owner_id, key, kind, name, content_type, size, sha256)"
                " values (%(owner)s, %(key)s, 'video', 'mum.mp4', 'video/mp4', 1, '') returning id",
                owner=person.id,
                key=f"congratulation/{next(_FILES)}.mp4",
            )
            await self.orders.deliver(person, self.order_id, message="Готово", file_ids=[file])
        else:
            verb: Callable[[Actor, int], Awaitable[Any]] = getattr(self.orders, action.value)
            await verb(person, self.order_id)

    async def _check_history(self, action: Action, status: Status, money: Money, *, changed: bool) -> None:
        rows = await self.tx.all("select * from order_events where action <> 'place' order by id")
        if changed:
            (row,) = rows
            assert (row["action"], row["from_status"], row["from_money"]) == (action, status, money)
        else:
            assert rows == []


@pytest.fixture
async def stage(app: web.Application, factory: Factory) -> Stage:
    customer, star, stranger = await factory.person(), await factory.star(), await factory.star()
    order_id = await factory.order(customer, star)
    people = {
        "buyer": actor(customer),
        "creator": actor(star),
        "staff": actor(await factory.staff("operator"), "operator"),
        "viewer": actor(await factory.staff("viewer"), "viewer"),
        "stranger": actor(stranger),
    }
    return Stage(app[ORDERS], None, order_id, people)  # type: ignore[arg-type]


@as_subtests
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "action", [action for action in Action if action.value in vars(OrderService)], ids=lambda action: action.value
)
async def test_every_transition_of_the_table_is_applied_and_no_other(
    app: web.Application, stage: Stage, kind: Kind, action: Action
) -> None:
    """Promises M9 and M10, short: 8 states x 5 states of money x 3 parties (and 2 others) x 9 actions x 2 kinds."""
    db: Database = app[DATABASE]
    with pytest.raises(Undone):
        async with db.shared() as stage.tx:
            for who, status, money in product(stage.people, STATUSES, MONEY):
                # Who may not act at all is refused before the money is looked at.
                if who in ("viewer", "stranger") and money is not Money.HELD:
                    continue
                case = (action, who, kind, status, money)
                assert await stage.attempt(*case) == await stage.expected(*case), case
            raise Undone


def test_every_action_of_a_person_but_the_review_is_a_method_of_the_service() -> None:
    verbs = {action for action in Action if action.value in vars(OrderService)}
    assert set(list(Action)[:10]) - verbs == {Action.REVIEW}
