"""What the clock does to orders: deadlines, shown before and kept once; no hold ends unnoticed (promise M7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.app import create_app
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.orders.model import ActionNotAllowedNow, Goal, Money, OrderCancelled, Role, Status
from mystar.orders.state_machine import Action, Terms, allowed_actions, decide, next_deadline
from mystar.orders.tasks import Deadlines
from mystar.payments.keys import PAYMENTS
from mystar.payments.state_machine import auto_void_at, is_expiring, next_check
from mystar.settings import Settings
from tests.factory import Person, actor
from tests.orders.market import Market
from tests.orders.order_factory import MOMENT, an_order
from tests.payments.test_state_machine import payment as a_payment
from tests.sandbox_process import SandboxProcess
from tests.size import dice, size
from tests.waiting import eventually


class MovedClock(Clock):
    """The real time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """The service looks at the clock when a test says so."""
    return make_settings(ORDERS__CHECK_SECONDS=3600)


@pytest.fixture
async def app(settings: Settings, clock: MovedClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


async def run_due(market: Market) -> int:
    return await Deadlines(market.app[ORDERS]).run_due()


async def seen(market: Market, person: Person) -> list[str]:
    """Kinds of what the person was told."""
    rows = await market.app[DATABASE].all(
        "select kind from notifications where account_id = %(id)s order by id", id=person.id
    )
    return [row["kind"] for row in rows]


async def state(market: Market, order_id: int) -> tuple[str, str]:
    order = await market.app[ORDER_READS].entry(actor(market.buyer), order_id)
    return order.order.status.value, order.order.money.value


async def test_an_order_not_accepted_in_time_is_cancelled_and_its_hold_released(
    market: Market, clock: MovedClock, sandbox_process: SandboxProcess
) -> None:
    order = await market.place()
    order_id = order["id"]
    (cancel,) = [action for action in order["allowed_actions"] if action["name"] == "cancel"]
    until = datetime.fromisoformat(cancel["until"])
    assert timedelta(days=2, hours=23) < until - datetime.now(UTC) <= timedelta(days=3)
    clock.ahead = timedelta(days=2)
    await market.factory.hold(order_id, sandbox_process)
    clock.ahead = timedelta(days=4, hours=23)
    assert await run_due(market) == 0, "the creator has the whole term after the payment"
    clock.ahead = timedelta(days=5, minutes=1)
    assert await run_due(market) == 1
    assert await run_due(market) == 0
    await eventually(lambda: _is(market, order_id, ("cancelled", "released")))
    assert (await seen(market, market.creator))[-1] == "order_expired"
    assert "order_expired" in await seen(market, market.buyer)
    timeline = await market.app[ORDER_READS].timeline(actor(market.buyer), order_id)
    assert [(event.action, event.role, event.actor and event.actor.id) for event in timeline][3:4] == [
        ("acceptance_late", "system", None)
    ]
    mail = await sandbox_process.wait_for_mail(market.buyer.email, "отменён")
    assert "не ответил вовремя" in mail["text"]


async def _is(market: Market, order_id: int, wanted: tuple[str, str]) -> bool:
    return await state(market, order_id) == wanted


async def test_a_delivery_not_answered_in_time_is_approved(
    market: Market, clock: MovedClock, sandbox_process: SandboxProcess
) -> None:
    order_id = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox_process)
    await market.deliver(order_id)
    clock.ahead = timedelta(days=3, minutes=1)
    assert await run_due(market) == 1
    await eventually(lambda: _is(market, order_id, ("completed", "captured")))
    assert (await seen(market, market.buyer))[-1] == "order_auto_completed"
    assert "order_auto_completed" in await seen(market, market.creator)
    assert await market.app[DATABASE].value("select max(completed_orders) from creators") == 1


async def test_nothing_is_approved_while_its_money_goes_back(
    market: Market, clock: MovedClock, sandbox_process: SandboxProcess, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox_process, "sbp")
    await market.deliver(order_id)
    await sandbox_process.faults(refunds={"insufficient_funds": 1})
    staff, approve = await market.factory.staff("operator"), f"/api/v1/orders/{order_id}/approve/"
    await market.act(order_id, "refund", {}, as_=staff)
    assert "approve" not in {one["name"] for one in (await market.read(order_id))["allowed_actions"]}
    refused = await market.api.post(approve, as_=market.buyer)
    assert (refused.status, (await refused.json())["code"]) == (409, "order_wrong_time")
    clock.ahead = timedelta(days=4)
    assert await run_due(market) == 0
    assert "applying the deadline" not in caplog.text

    await sandbox_process.faults()
    await eventually(lambda: refund_has_failed(market, order_id))
    await market.app[ORDERS].refund_again(None, order_id)
    await eventually(lambda: _is(market, order_id, ("delivered", "refunded")))
    clock.ahead = timedelta(days=8)
    assert await run_due(market) == 1
    assert await state(market, order_id) == ("completed", "refunded")


async def refund_has_failed(market: Market, order_id: int) -> bool:
    payment = await market.app[PAYMENTS].of_order(order_id)
    return payment is not None and payment.refund_failure is not None


async def test_a_revision_not_delivered_in_time_waits_for_staff(market: Market, clock: MovedClock) -> None:
    order_id = (await market.place())["id"]
    await market.deliver(order_id)
    clock.ahead = timedelta(days=2)
    await market.app[ORDERS].request_revision(actor(market.buyer), order_id, "Тише")
    clock.ahead = timedelta(days=8)
    assert await run_due(market) == 0
    clock.ahead = timedelta(days=9, minutes=1)
    assert await run_due(market) == 1
    assert (await state(market, order_id))[0] == "disputed"
    assert (await seen(market, market.creator))[-1] == (await seen(market, market.buyer))[-1] == "revision_late"
    clock.ahead = timedelta(days=400)
    assert await run_due(market) == 0
    staff = await market.factory.staff("operator")
    await market.app[ORDERS].cancel(actor(staff, "operator"), order_id, "Покупатель прав")
    assert (await seen(market, market.creator))[-1] == (await seen(market, market.buyer))[-1] == "dispute_settled"


async def test_a_new_delivery_starts_a_new_deadline(market: Market, clock: MovedClock) -> None:
    order_id = (await market.place())["id"]
    await market.deliver(order_id)
    clock.ahead = timedelta(days=2)
    await market.app[ORDERS].request_revision(actor(market.buyer), order_id)
    await market.app[ORDERS].deliver(actor(market.creator), order_id, message="Ещё раз")
    clock.ahead = timedelta(days=4)
    assert await run_due(market) == 0
    clock.ahead = timedelta(days=6)
    assert await run_due(market) == 1
    assert (await state(market, order_id))[0] == "completed"


async def test_a_hold_that_expires_during_the_work_notifies_both_and_can_be_paid_again(
    market: Market, clock: MovedClock, sandbox_process: SandboxProcess
) -> None:
    order_id = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox_process)
    await market.app[ORDERS].accept(actor(market.creator), order_id)
    clock.ahead = timedelta(days=6, hours=7)
    await market.app[PAYMENTS].poll()
    await eventually(lambda: _is(market, order_id, ("accepted", "released")))
    assert (await seen(market, market.creator))[-1] == (await seen(market, market.buyer))[-1] == "hold_ended"
    assert await market.app[ORDERS].pay(actor(market.buyer), order_id)


async def test_an_unpaid_greeting_is_not_approved_automatically(market: Market, clock: MovedClock) -> None:
    order_id = await market.factory.order(market.buyer, market.creator)
    await market.deliver(order_id, file_ids=[await market.file(market.creator)])
    clock.ahead = timedelta(days=30)
    assert await run_due(market) == 0
    assert (await state(market, order_id))[0] == "delivered"


async def test_several_processes_apply_a_deadline_once(market: Market, clock: MovedClock, db: Database) -> None:
    """They share nothing but the database, as processes do."""
    orders = [(await market.place())["id"] for _ in range(6)]
    clock.ahead = timedelta(days=4)
    moved = await asyncio.gather(*(run_due(market) for _ in range(4)))
    assert sum(moved) == len(orders)
    assert await db.value("select count(*) from order_events where action = 'acceptance_late'") == len(orders)


async def test_an_order_that_fails_does_not_delay_others(
    market: Market, clock: MovedClock, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, free = (await market.place())["id"], (await market.place())["id"]

    async def refuse(_tx: Any, fact: OrderCancelled) -> None:
        if fact.order.id == stuck:
            raise RuntimeError("not this one")

    db.events.on(OrderCancelled, refuse)
    clock.ahead = timedelta(days=4)
    assert await run_due(market) == 1
    assert (await state(market, free))[0] == "cancelled"
    assert (await state(market, stuck))[0] == "pending"
    assert f"order {stuck}" in caplog.text


@pytest.mark.parametrize("attempt", range(5))
async def test_a_deadline_and_an_action_at_once_have_one_effect(
    market: Market, clock: MovedClock, attempt: int
) -> None:
    order_id = (await market.place())["id"]
    clock.ahead = timedelta(days=4)
    orders = market.app[ORDERS]
    late, accepted = await asyncio.gather(
        orders.expire(order_id), orders.accept(actor(market.creator), order_id), return_exceptions=True
    )
    assert (late is True) == isinstance(accepted, ActionNotAllowedNow), (late, accepted)
    assert (await state(market, order_id))[0] == ("cancelled" if late is True else "accepted")


def test_deadlines_are_settings(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(ORDERS__ACCEPT_DAYS=0.5, ORDERS__REVISE_DAYS=2)
    assert (settings.orders.accept_days, settings.orders.approve_days, settings.orders.revise_days) == (0.5, 3, 2)


def test_an_order_shows_its_next_deadline() -> None:
    until = MOMENT + timedelta(days=3)
    order = an_order(status=Status.DELIVERED, money=Money.HELD, deadline_at=until)
    shown = {one.name.value: one.until for one in allowed_actions(order, Role.BUYER)}
    assert shown == {"approve": until, "request_revision": until, "dispute": until}


def test_a_final_state_has_no_deadline() -> None:
    for status in (Status.ACCEPTED, Status.DISPUTED, Status.COMPLETED, Status.CANCELLED):
        assert next_deadline(None, an_order(status=status), Terms(), MOMENT) is None


def test_a_second_payment_or_an_edit_does_not_extend_a_deadline() -> None:
    until = MOMENT + timedelta(days=1)
    before = an_order(money=Money.PENDING, deadline_at=until)
    for money, expected in ((Money.FAILED, until), (Money.HELD, MOMENT + timedelta(days=3))):
        assert next_deadline(before, before._replace(money=money), Terms(), MOMENT) == expected


def test_no_hold_of_a_thousand_orders_ends_unnoticed() -> None:
    """Promise M7, short: looked at when it is said to be, with a provider that is down up to five hours on the day."""
    chance = dice(20_261_121)
    for _ in range(size(1_000, 10_000)):
        life = chance.choice([timedelta(days=7), timedelta(days=5), timedelta(hours=chance.uniform(72, 240))])
        held = a_payment(status="held", held_at=MOMENT, expires_at=MOMENT + life)
        moment, outage = MOMENT, timedelta(hours=chance.uniform(0, 5))
        while not is_expiring(held, moment):
            after = next_check(held, moment, poll_seconds=15)
            assert after is not None
            assert after > moment
            moment = after
        begun = auto_void_at(held)
        assert begun is not None
        assert begun <= moment <= begun + timedelta(minutes=1)
        status = chance.choice([Status.PENDING, Status.ACCEPTED, Status.IN_PROGRESS, Status.DELIVERED, Status.DISPUTED])
        order = an_order(status=status, money=Money.HELD)
        if status in (Status.PENDING, Status.ACCEPTED):
            with pytest.raises(ActionNotAllowedNow):
                decide(order, Action.HOLD_RUNS_OUT, Role.SYSTEM)
        else:
            assert decide(order, Action.HOLD_RUNS_OUT, Role.SYSTEM).goal is Goal.CAPTURE
        assert MOMENT + life - (moment + outage) >= timedelta(hours=12)
