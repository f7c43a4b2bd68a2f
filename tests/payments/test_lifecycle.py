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
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, RELEASE, PaymentProcess
from tests.waiting import eventually


async def test_a_payment_is_held_and_captured(process: PaymentProcess) -> None:
    payment = await process.created()
    assert payment.confirmation_url == (await process.theirs(payment))["confirmation_url"]

    await process.sandbox.pay(payment.provider_id)
    held = await process.payments.refresh(payment.id)
    assert (held.status, held.method) == ("held", "bank_card")
    assert held.expires_at is not None
    assert held.held_at is not None

    await process.set_goal(payment, "capture")
    captured = await process.becomes(payment, "captured")
    assert captured.captured == AMOUNT
    assert (await process.theirs(payment))["captured"] == AMOUNT
    assert await process.ledger(payment) == HOLD + CAPTURE
    assert process.facts() == ["Held", "Captured"]
    assert set(process.begun) == {payment.order_id}


async def test_waiting_ends_when_the_call_is_done(process: PaymentProcess) -> None:
    payment = await process.held()
    await process.set_goal(payment, "capture")
    await process.payments.wait_for(payment.order_id, 10)
    assert (await process.get(payment)).status == "captured"
    await process.payments.wait_for(payment.order_id, 10)
    await process.payments.wait_for(10**15, 10)


async def test_a_hold_is_released(process: PaymentProcess) -> None:
    payment = await process.held()
    await process.set_goal(payment, "give_back")
    await process.becomes(payment, "released")
    theirs = await process.theirs(payment)
    assert (theirs["held"], theirs["released"], theirs["captured"]) == (0, AMOUNT, 0)
    assert await process.ledger(payment) == HOLD + RELEASE
    assert process.facts() == ["Held", "Released"]


async def test_what_was_captured_is_refunded_in_full(process: PaymentProcess) -> None:
    payment = await process.captured()
    await process.set_goal(payment, "give_back")
    refunded = await process.becomes(payment, "refunded")
    assert (refunded.captured, refunded.refunded) == (AMOUNT, AMOUNT)
    assert (await process.theirs(payment))["refunded"] == AMOUNT
    assert await process.ledger(payment) == HOLD + CAPTURE + REFUND
    assert process.facts() == ["Held", "Captured", "Refunded"]


async def test_a_declined_card_leaves_no_money_and_the_order_can_be_paid_again(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.sandbox.decline(payment.provider_id, "insufficient_funds")
    failed = await process.payments.refresh(payment.id)
    assert (failed.status, failed.cancellation_reason) == ("failed", "insufficient_funds")
    assert await process.ledger(payment) == []
    assert process.facts() == ["Failed"]
    with pytest.raises(PaymentOver):
        await process.payments.confirmation_url(payment.id)

    again = await process.start(payment.order_id)
    assert again.id != payment.id
    assert await process.payments.confirmation_url(again.id, timeout=10) != payment.confirmation_url


async def test_an_open_payment_is_reused(process: PaymentProcess) -> None:
    payment = await process.created()
    assert (await process.start(payment.order_id)).id == payment.id
    assert await process.payments.confirmation_url(payment.id) == payment.confirmation_url
    with pytest.raises(PaymentOpen):
        await process.start(payment.order_id, AMOUNT - 1)

    await process.sandbox.pay(payment.provider_id)
    await process.payments.refresh(payment.id)
    assert (await process.start(payment.order_id)).id == payment.id
    with pytest.raises(PaymentSettled):
        await process.payments.confirmation_url(payment.id)

    await process.set_goal(payment, "capture")
    await process.becomes(payment, "captured")
    with pytest.raises(PaymentSettled):
        await process.start(payment.order_id)


async def test_a_hold_made_after_the_cancellation_is_released(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.set_goal(payment, "give_back")
    with pytest.raises(ReversalInProgress):
        await process.start(payment.order_id)
    with pytest.raises(ReversalInProgress):
        await process.set_goal(payment, "capture")

    await process.sandbox.pay(payment.provider_id)
    await process.payments.refresh(payment.id)
    await process.becomes(payment, "released")
    assert await process.ledger(payment) == HOLD + RELEASE


async def test_a_hold_is_captured_at_once_if_the_goal_is_capture(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.set_goal(payment, "capture")
    await process.sandbox.pay(payment.provider_id)
    await process.payments.refresh(payment.id)
    await process.becomes(payment, "captured")


async def test_a_capture_of_an_expired_hold_records_its_release(process: PaymentProcess) -> None:
    payment = await process.held()
    await process.sandbox.expire(payment.provider_id)
    await process.set_goal(payment, "capture")
    released = await process.becomes(payment, "released")
    assert released.cancellation_reason == "expired_on_capture"
    assert await process.ledger(payment) == HOLD + RELEASE
    assert process.facts() == ["Held", "Released"]


async def test_a_hold_made_and_released_unnoticed_is_in_the_ledger(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.sandbox.pay(payment.provider_id)
    await process.sandbox.expire(payment.provider_id)
    assert (await process.payments.refresh(payment.id)).status == "released"
    assert await process.ledger(payment) == HOLD + RELEASE
    assert process.facts() == ["Held", "Released"]


async def test_an_order_cancelled_right_after_its_acceptance_is_refunded_in_full(process: PaymentProcess) -> None:
    payment = await process.held()
    await process.set_goal(payment, "capture")
    await process.set_goal(payment, "give_back")

    async def over() -> bool:
        return (await process.get(payment)).is_over

    await eventually(over)
    theirs = await process.theirs(payment)
    assert theirs["held"] == 0
    assert theirs["captured"] == theirs["refunded"]


async def test_a_listener_shares_the_transaction_of_the_payment(process: PaymentProcess) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await process.payments.set_goal(tx, event.payment.order_id, "capture")

    process.db.events.on(PaymentHeld, capture)
    payment = await process.held()
    await process.becomes(payment, "captured")
    assert await process.ledger(payment) == HOLD + CAPTURE


async def test_an_error_of_a_listener_rolls_the_payment_back(process: PaymentProcess) -> None:
    class Refusal(Exception):
        pass

    refusing = True

    async def refuse(_tx: Any, _event: Any) -> None:
        if refusing:
            raise Refusal

    process.db.events.on(PaymentHeld, refuse)
    payment = await process.created()
    await process.sandbox.pay(payment.provider_id)
    with pytest.raises(Refusal):
        await process.payments.refresh(payment.id)
    assert (await process.get(payment)).status == "pending"
    assert await process.ledger(payment) == []

    refusing = False
    assert (await process.payments.refresh(payment.id)).status == "held"
    assert await process.ledger(payment) == HOLD
