"""SBP, payments that the provider refuses for good, and refunds that fail later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mystar.payments.model import (
    MethodNotOffered,
    Payment,
    PaymentStopped,
    RefundFailed,
    RefundNotFailed,
)
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, Desk, MakeDesk
from tests.waiting import eventually


@pytest.fixture
async def desk(make_desk: MakeDesk) -> Desk:
    return await make_desk(methods=("bank_card", "sbp"))


async def paid_by_sbp(desk: Desk) -> Payment:
    payment = await desk.start(method="sbp")
    await desk.payments.confirmation_url(payment.id, timeout=10)
    await desk.sandbox.pay((await desk.get(payment)).provider_id or "")
    return await desk.payments.refresh(payment.id)


async def test_sbp_is_charged_at_once_and_makes_no_capture_call(desk: Desk) -> None:
    payment = await paid_by_sbp(desk)
    await desk.set_goal(payment, "capture")

    assert (payment.status, payment.captured, payment.method) == ("captured", AMOUNT, "sbp")
    assert desk.facts() == ["Held", "Captured"]
    assert await desk.ledger(payment) == HOLD + CAPTURE
    assert [line["name"] for line in await desk.letters()] == [f"{payment.id}:create"]


async def test_a_declined_sbp_payment_is_refunded_in_full(desk: Desk) -> None:
    payment = await paid_by_sbp(desk)
    await desk.set_goal(payment, "give_back")
    refunded = await desk.becomes(payment, "refunded")

    assert refunded.refunded == AMOUNT
    assert await desk.ledger(payment) == HOLD + CAPTURE + REFUND
    # 1 % and 22 % VAT on it, which the provider keeps after a refund, too.
    assert refunded.income == AMOUNT - 15_000 - 3_300


async def test_a_method_that_is_not_offered_is_refused(make_desk: MakeDesk) -> None:
    desk = await make_desk(methods=("bank_card",))
    with pytest.raises(MethodNotOffered):
        await desk.start(method="sbp")


async def test_a_payment_that_is_refused_for_good_is_made_once_and_says_why(desk: Desk) -> None:
    await desk.sandbox.faults(refuse_payments="receipt")
    payment = await desk.start()
    for _ in range(2):
        with pytest.raises(PaymentStopped) as stopped:
            await desk.payments.confirmation_url(payment.id, timeout=10)

    refused = await desk.get(payment)
    assert (refused.status, refused.refusal) == ("failed", "receipt: The sandbox is told to refuse payments")
    assert "the receipt cannot be made" in stopped.value.message("en")
    assert "оформить чек" in stopped.value.message("ru")
    [note] = await desk.db.all(
        "select kind, details from payment_discrepancies where payment_id = %(id)s", id=payment.id
    )
    assert (note["kind"], note["details"]["reason"]) == ("refused", refused.refusal)


async def test_an_amount_outside_the_limits_says_so(desk: Desk) -> None:
    payment = await desk.start(amount=35_000_001)
    with pytest.raises(PaymentStopped) as stopped:
        await desk.payments.confirmation_url(payment.id, timeout=10)

    assert "outside its limits" in stopped.value.message("en")


async def test_an_error_of_the_provider_stops_nothing(desk: Desk) -> None:
    await desk.sandbox.faults(error_before_work=1)
    payment = await desk.start()
    await eventually_tried(desk)
    await desk.sandbox.faults()

    assert (await desk.get(payment)).status == "pending"
    assert await desk.payments.confirmation_url(payment.id, timeout=20)


async def eventually_tried(desk: Desk) -> None:
    async def tried() -> bool:
        return any(line["attempts"] for line in await desk.letters())

    await eventually(tried)


async def test_a_refund_that_fails_later_is_a_discrepancy_and_is_retried_by_staff(desk: Desk) -> None:
    payment = await paid_by_sbp(desk)
    await desk.sandbox.faults(refunds={"pending": 1})
    await desk.set_goal(payment, "give_back")
    refund_id = await pending_refund(desk, payment)
    await desk.sandbox.refund_action(refund_id, "cancel", reason="rejected_by_payee")
    wake(desk)
    failed = await failed_refund(desk, payment)

    assert (failed.status, failed.refund_failure, failed.refunded) == ("captured", "rejected_by_payee", 0)
    assert [event.amount for event in desk.heard if isinstance(event, RefundFailed)] == [AMOUNT]
    await desk.sandbox.faults()
    async with desk.db.transaction() as tx:
        await desk.payments.refund_again(tx, payment.order_id)
    await desk.becomes(payment, "refunded")
    lines = [line for line in await desk.sandbox.journal() if line["payment_id"] == payment.provider_id]
    assert [line["kind"] for line in lines].count("payment.refunded") == 1
    async with desk.db.transaction() as tx:
        with pytest.raises(RefundNotFailed):
            await desk.payments.refund_again(tx, payment.order_id)


async def test_a_pending_refund_is_made_once_even_after_its_key_is_forgotten(desk: Desk) -> None:
    payment = await paid_by_sbp(desk)
    await desk.sandbox.faults(refunds={"pending": 1})
    async with desk.db.transaction() as tx:
        await desk.payments.refund_part(tx, payment.order_id, 100_000)
    refund_id = await pending_refund(desk, payment)
    await desk.sandbox.faults()
    await desk.sandbox.refund_action(refund_id, "succeed")
    wake(desk)

    async def refunded() -> int:
        return (await desk.get(payment)).refunded

    assert await eventually(refunded) == 100_000
    assert (await desk.get(payment)).refund_id is None


async def test_a_failed_partial_refund_can_be_asked_for_again(desk: Desk) -> None:
    payment = await paid_by_sbp(desk)
    await desk.sandbox.faults(refunds={"insufficient_funds": 1})
    async with desk.db.transaction() as tx:
        await desk.payments.refund_part(tx, payment.order_id, 100_000)
    failed = await failed_refund(desk, payment)
    await desk.sandbox.faults()
    async with desk.db.transaction() as tx:
        await desk.payments.refund_part(tx, payment.order_id, 100_000)

    async def refunded() -> int:
        return (await desk.get(payment)).refunded

    assert (failed.refunding, failed.refund_failure) == (0, "insufficient_funds")
    assert await eventually(refunded) == 100_000


async def pending_refund(desk: Desk, payment: Payment) -> str:
    async def look() -> str | None:
        return (await desk.get(payment)).refund_id

    return str(await eventually(look))


async def failed_refund(desk: Desk, payment: Payment) -> Payment:
    async def look() -> Payment | None:
        found = await desk.get(payment)
        return found if found.refund_failure else None

    found = await eventually(look)
    assert found is not None
    return found


def wake(desk: Desk) -> None:
    """Let a day pass: the postponed call is due, and the provider has forgotten its key."""
    desk.clock.ahead += timedelta(hours=25)
