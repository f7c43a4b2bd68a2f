"""What time does to payments: the poll, deadlines, expired pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mystar.payments.model import (
    HoldExpiring,
    PaymentOver,
)
from mystar.payments.state_machine import HOLD_MARGIN, PAY_WITHIN
from tests.payments.conftest import MovedClock, PaymentProcess


async def test_the_poll_finds_changes_without_notification(process: PaymentProcess, clock: MovedClock) -> None:
    payment = await process.created()
    await process.sandbox.pay(payment.provider_id)
    clock.ahead = timedelta(seconds=5)
    assert await process.payments.poll() == 1
    held = await process.get(payment)
    assert held.status == "held"
    assert held.check_at is not None
    assert await process.payments.poll() == 0


async def test_the_poll_continues_after_an_outage_of_the_provider(process: PaymentProcess, clock: MovedClock) -> None:
    payment = await process.created()
    await process.sandbox.pay(payment.provider_id)
    await process.sandbox.faults(down=True)
    clock.ahead = timedelta(seconds=5)
    assert await process.payments.poll() == 1
    assert (await process.get(payment)).status == "pending"
    await process.sandbox.faults()
    assert await process.payments.poll() == 0, "the claim still holds"
    clock.ahead = timedelta(seconds=70)
    assert await process.payments.poll() == 1
    assert (await process.get(payment)).status == "held"


async def test_an_undecided_hold_is_released_twelve_hours_before_its_end(
    process: PaymentProcess, clock: MovedClock
) -> None:
    payment = await process.held()
    assert payment.expires_at is not None
    clock.ahead = timedelta(days=7) - HOLD_MARGIN - timedelta(minutes=5)
    await process.payments.poll()
    assert (await process.get(payment)).goal == "hold"

    clock.ahead += timedelta(minutes=10)
    await process.payments.poll()
    released = await process.becomes(payment, "released")
    assert released.cancellation_reason == "canceled_by_merchant"
    assert payment.expires_at - clock.now() > timedelta(hours=12)
    assert process.facts() == ["Held", "HoldExpiring", "Released"]


async def test_a_listener_may_capture_an_expiring_hold(process: PaymentProcess, clock: MovedClock) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await process.payments.set_goal(tx, event.payment.order_id, "capture")

    process.db.events.on(HoldExpiring, capture)
    payment = await process.held()
    clock.ahead = timedelta(days=7) - HOLD_MARGIN + timedelta(minutes=5)
    await process.payments.poll()
    await process.becomes(payment, "captured")


async def test_an_expired_payment_page_leads_to_a_new_payment(process: PaymentProcess, clock: MovedClock) -> None:
    payment = await process.created()
    await process.sandbox.expire(payment.provider_id)
    assert await process.payments.confirmation_url(payment.id) == payment.confirmation_url
    clock.ahead = PAY_WITHIN + timedelta(minutes=1)
    with pytest.raises(PaymentOver):
        await process.payments.confirmation_url(payment.id)
    assert (await process.start(payment.order_id)).id != payment.id
