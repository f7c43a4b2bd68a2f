"""Money that is held, taken, let go and refunded."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.payments.model import (
    PaymentHeld,
    PaymentOpen,
    PaymentOver,
    PaymentSettled,
    ReversalInProgress,
)
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, RELEASE, Desk
from tests.waiting import eventually


async def test_a_payment_is_held_and_captured(desk: Desk) -> None:
    payment = await desk.created()
    assert payment.confirmation_url == (await desk.theirs(payment))["confirmation_url"]

    await desk.sandbox.pay(payment.provider_id)
    held = await desk.payments.refresh(payment.id)
    assert (held.status, held.method) == ("held", "bank_card")
    assert held.expires_at is not None
    assert held.held_at is not None

    await desk.set_goal(payment, "capture")
    captured = await desk.becomes(payment, "captured")
    assert captured.captured == AMOUNT
    assert (await desk.theirs(payment))["captured"] == AMOUNT
    assert await desk.ledger(payment) == HOLD + CAPTURE
    assert desk.facts() == ["Held", "Captured"]
    assert set(desk.begun) == {payment.order_id}


async def test_waiting_ends_when_the_call_is_done(desk: Desk) -> None:
    payment = await desk.held()
    await desk.set_goal(payment, "capture")
    await desk.payments.wait_for(payment.order_id, 10)
    assert (await desk.get(payment)).status == "captured"
    await desk.payments.wait_for(payment.order_id, 10)
    await desk.payments.wait_for(10**15, 10)


async def test_a_hold_is_released(desk: Desk) -> None:
    payment = await desk.held()
    await desk.set_goal(payment, "give_back")
    await desk.becomes(payment, "released")
    theirs = await desk.theirs(payment)
    assert (theirs["held"], theirs["released"], theirs["captured"]) == (0, AMOUNT, 0)
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_what_was_captured_is_refunded_in_full(desk: Desk) -> None:
    payment = await desk.captured()
    await desk.set_goal(payment, "give_back")
    refunded = await desk.becomes(payment, "refunded")
    assert (refunded.captured, refunded.refunded) == (AMOUNT, AMOUNT)
    assert (await desk.theirs(payment))["refunded"] == AMOUNT
    assert await desk.ledger(payment) == HOLD + CAPTURE + REFUND
    assert desk.facts() == ["Held", "Captured", "Refunded"]


async def test_a_declined_card_leaves_no_money_and_the_order_can_be_paid_again(desk: Desk) -> None:
    payment = await desk.created()
    await desk.sandbox.decline(payment.provider_id, "insufficient_funds")
    failed = await desk.payments.refresh(payment.id)
    assert (failed.status, failed.cancellation_reason) == ("failed", "insufficient_funds")
    assert await desk.ledger(payment) == []
    assert desk.facts() == ["Failed"]
    with pytest.raises(PaymentOver):
        await desk.payments.confirmation_url(payment.id)

    again = await desk.start(payment.order_id)
    assert again.id != payment.id
    assert await desk.payments.confirmation_url(again.id, timeout=10) != payment.confirmation_url


async def test_an_open_payment_is_reused(desk: Desk) -> None:
    payment = await desk.created()
    assert (await desk.start(payment.order_id)).id == payment.id
    assert await desk.payments.confirmation_url(payment.id) == payment.confirmation_url
    with pytest.raises(PaymentOpen):
        await desk.start(payment.order_id, AMOUNT - 1)

    await desk.sandbox.pay(payment.provider_id)
    await desk.payments.refresh(payment.id)
    assert (await desk.start(payment.order_id)).id == payment.id
    with pytest.raises(PaymentSettled):
        await desk.payments.confirmation_url(payment.id)

    await desk.set_goal(payment, "capture")
    await desk.becomes(payment, "captured")
    with pytest.raises(PaymentSettled):
        await desk.start(payment.order_id)


async def test_a_hold_made_after_the_cancellation_is_released(desk: Desk) -> None:
    payment = await desk.created()
    await desk.set_goal(payment, "give_back")
    with pytest.raises(ReversalInProgress):
        await desk.start(payment.order_id)
    with pytest.raises(ReversalInProgress):
        await desk.set_goal(payment, "capture")

    await desk.sandbox.pay(payment.provider_id)
    await desk.payments.refresh(payment.id)
    await desk.becomes(payment, "released")
    assert await desk.ledger(payment) == HOLD + RELEASE


async def test_a_hold_is_captured_at_once_if_the_goal_is_capture(desk: Desk) -> None:
    payment = await desk.created()
    await desk.set_goal(payment, "capture")
    await desk.sandbox.pay(payment.provider_id)
    await desk.payments.refresh(payment.id)
    await desk.becomes(payment, "captured")


async def test_a_capture_of_an_expired_hold_records_its_release(desk: Desk) -> None:
    payment = await desk.held()
    await desk.sandbox.expire(payment.provider_id)
    await desk.set_goal(payment, "capture")
    released = await desk.becomes(payment, "released")
    assert released.cancellation_reason == "expired_on_capture"
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_a_hold_made_and_released_unnoticed_is_in_the_ledger(desk: Desk) -> None:
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    await desk.sandbox.expire(payment.provider_id)
    assert (await desk.payments.refresh(payment.id)).status == "released"
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_an_order_cancelled_right_after_its_acceptance_is_refunded_in_full(desk: Desk) -> None:
    payment = await desk.held()
    await desk.set_goal(payment, "capture")
    await desk.set_goal(payment, "give_back")

    async def over() -> bool:
        return (await desk.get(payment)).is_over

    await eventually(over)
    theirs = await desk.theirs(payment)
    assert theirs["held"] == 0
    assert theirs["captured"] == theirs["refunded"]


async def test_a_listener_shares_the_transaction_of_the_payment(desk: Desk) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await desk.payments.set_goal(tx, event.payment.order_id, "capture")

    desk.db.events.on(PaymentHeld, capture)
    payment = await desk.held()
    await desk.becomes(payment, "captured")
    assert await desk.ledger(payment) == HOLD + CAPTURE


async def test_an_error_of_a_listener_rolls_the_payment_back(desk: Desk) -> None:
    class Refusal(Exception):
        pass

    refusing = True

    async def refuse(_tx: Any, _event: Any) -> None:
        if refusing:
            raise Refusal

    desk.db.events.on(PaymentHeld, refuse)
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    with pytest.raises(Refusal):
        await desk.payments.refresh(payment.id)
    assert (await desk.get(payment)).status == "pending"
    assert await desk.ledger(payment) == []

    refusing = False
    assert (await desk.payments.refresh(payment.id)).status == "held"
    assert await desk.ledger(payment) == HOLD
