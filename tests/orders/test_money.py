"""Orders and their payments: what one asks of the other, and what the other tells."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiohttp import web
from yarl import URL

from mystar.errors import Forbidden, NotFound
from mystar.files.model import FileInUse
from mystar.kit.postgres.database import Database
from mystar.kit.recount import Difference
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.orders.model import ActionNotAllowedNow, Money, Order, OrderUnknown, Status
from mystar.orders.reads import OrderReads
from mystar.orders.service import OrderService
from mystar.payments.keys import PAYMENTS
from mystar.payments.model import HoldExpiring, PaymentSettled
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.orders.order_factory import an_order
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually


@pytest.fixture
def orders(app: web.Application) -> OrderService:
    return app[ORDERS]


@pytest.fixture
def reads(app: web.Application) -> OrderReads:
    return app[ORDER_READS]


async def make_service(db: Database) -> None:
    """A greeting turned into a service order, whose money waits for the approval."""
    await db.execute("update orders set kind = 'service'")


async def money_becomes(reads: OrderReads, person: Person, order_id: int, money: Money) -> Order:
    async def look() -> Order | None:
        order = (await reads.entry(actor(person), order_id)).order
        return order if order.money is money else None

    found = await eventually(look)
    assert found is not None
    return found


async def test_a_service_is_charged_by_the_approval_and_counted(
    api: Api,
    db: Database,
    orders: OrderService,
    reads: OrderReads,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    await make_service(db)
    await factory.hold(order_id, sandbox_process)
    await orders.accept(actor(star), order_id)
    await orders.deliver(actor(star), order_id, message="Готово")
    assert (await money_becomes(reads, customer, order_id, Money.HELD)).status is Status.DELIVERED
    await orders.approve(actor(customer), order_id)
    order = await money_becomes(reads, customer, order_id, Money.CAPTURED)
    assert order.status is Status.COMPLETED
    assert None not in (order.accepted_at, order.paid_at, order.delivered_at, order.completed_at)
    assert await db.value("select completed_orders from creators where account_id = %(id)s", id=star.id) == 1
    steps = [event.action for event in await reads.timeline(actor(customer), order_id)]
    assert steps == ["place", "pay", "money_held", "accept", "deliver", "approve", "money_captured"]


async def test_an_expiring_hold_is_captured_if_something_was_delivered(
    api: Api,
    db: Database,
    app: web.Application,
    orders: OrderService,
    reads: OrderReads,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    await make_service(db)
    await factory.hold(order_id, sandbox_process)
    payment = await app[PAYMENTS].of_order(order_id)
    assert payment is not None

    async def run_out() -> str:
        async with db.transaction() as tx:
            await tx.publish(HoldExpiring(payment))
        return str(await db.value("select money_goal from orders"))

    assert await run_out() == "hold"
    await orders.deliver(actor(star), order_id, message="Готово")
    assert await run_out() == "capture"
    assert (await money_becomes(reads, customer, order_id, Money.CAPTURED)).status is Status.DELIVERED


async def test_two_concurrent_captures_are_one(
    api: Api,
    orders: OrderService,
    reads: OrderReads,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    """Promise M8."""
    await orders.accept(actor(star), order_id)
    await factory.hold(order_id, sandbox_process)
    outcomes = await asyncio.gather(*(orders.capture(actor(star), order_id) for _ in range(3)), return_exceptions=True)
    assert Counter(map(type, outcomes)) == {Order: 1, ActionNotAllowedNow: 2}
    await money_becomes(reads, customer, order_id, Money.CAPTURED)


async def test_a_second_payment_is_refused_and_a_second_visit_shows_the_first(
    api: Api,
    db: Database,
    orders: OrderService,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    order_id: int,
) -> None:
    link = await orders.pay(actor(customer), order_id)
    assert link == await orders.payment_link(actor(customer), order_id)
    signature = URL(link).query["sig"]
    pages = {await orders.pay_by_link(order_id, signature) for _ in range(2)}
    assert len(pages) == 1
    assert await db.value("select count(*) from payments") == 1
    await factory.hold(order_id, sandbox_process)
    with pytest.raises(ActionNotAllowedNow):
        await orders.payment_link(actor(customer), order_id)
    with pytest.raises(PaymentSettled):
        await orders.pay_by_link(order_id, signature)
    assert await db.value("select count(*) from payments") == 1


@as_subtests
@pytest.mark.parametrize("signature", ["", "x", "ж", "0" * 40])
async def test_a_payment_link_cannot_be_guessed(orders: OrderService, order_id: int, signature: str) -> None:
    with pytest.raises(Forbidden):
        await orders.pay_by_link(order_id, signature)


async def test_a_payment_in_progress_when_the_order_ended_is_returned(
    api: Api,
    db: Database,
    orders: OrderService,
    reads: OrderReads,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    link = await orders.pay(actor(customer), order_id)
    await orders.pay_by_link(order_id, URL(link).query["sig"])
    await orders.reject(actor(star), order_id)
    await sandbox_process.pay((await sandbox_process.find_payment(order_id=str(order_id)))["id"])
    order = await money_becomes(reads, customer, order_id, Money.RELEASED)
    assert order.status is Status.REJECTED
    # The star is not told of money that does not stay.
    assert await db.value("select count(*) from outbox where payload ->> 'text' like '%%оплачен%%'") == 0


async def test_a_recount_finds_planted_differences_and_no_others(
    api: Api,
    db: Database,
    orders: OrderService,
    reads: OrderReads,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    await make_service(db)
    await factory.hold(order_id, sandbox_process)
    await orders.deliver(actor(star), order_id, message="Готово")
    await orders.approve(actor(customer), order_id)
    await money_becomes(reads, customer, order_id, Money.CAPTURED)
    assert await orders.recount() == []
    await db.execute("update orders set money = 'held'")
    await db.execute("update creators set completed_orders = 7")
    creator_id = await db.value("select id from creators")
    assert await orders.recount() == [
        Difference("order", "money", order_id, "held", "captured"),
        Difference("creator", "completed_orders", creator_id, 7, 1),
    ]


async def test_files_are_delivered_by_their_owner_and_once(
    db: Database, orders: OrderService, factory: Factory, customer: Person, star: Person, order_id: int
) -> None:
    mine, theirs = [
        await db.value(
            "insert into files (owner_id, key, kind, name, content_type, size, sha256)"
            " values (%(owner)s, %(key)s, 'video', 'a.mp4', 'video/mp4', 1, '') returning id",
            owner=person.id,
            key=f"congratulation/{person.id}.mp4",
        )
        for person in (star, customer)
    ]
    with pytest.raises(NotFound):
        await orders.deliver(actor(star), order_id, file_ids=[mine, theirs])
    delivery = await orders.deliver(actor(star), order_id, message="Вот", file_ids=[mine, mine])
    assert (delivery.number, delivery.file_ids) == (1, (mine,))
    another = await factory.order(customer, star)
    with pytest.raises(FileInUse):
        await orders.deliver(actor(star), another, file_ids=[mine])
    await orders.request_revision(actor(customer), order_id, "Можно громче?")
    await make_service(db)
    second = await orders.deliver(actor(star), order_id, message="Вот громче")
    assert second.number == 2


async def test_strangers_do_not_learn_that_an_order_exists(
    orders: OrderService, reads: OrderReads, factory: Factory, order_id: int
) -> None:
    stranger = actor(await factory.star())
    for verb in (orders.pay, orders.payment_link, orders.require_capturer, reads.entry, reads.greeting, reads.timeline):
        with pytest.raises(OrderUnknown):
            await verb(stranger, order_id)


@pytest.mark.parametrize(
    ("status", "money", "shown"),
    [
        (Status.PENDING, Money.NONE, "pending"),
        (Status.PENDING, Money.HELD, "paid"),
        (Status.ACCEPTED, Money.CAPTURED, "paid"),
        (Status.ACCEPTED, Money.FAILED, "accepted"),
        (Status.IN_PROGRESS, Money.HELD, "in_progress"),
        (Status.DELIVERED, Money.CAPTURED, "delivered"),
        (Status.CANCELLED, Money.HELD, "cancelled"),
    ],
)
def test_market_shows_a_paid_order_as_paid_until_work_begins(status: Status, money: Money, shown: str) -> None:
    assert an_order(status=status, money=money).shown_status == shown
