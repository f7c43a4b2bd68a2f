"""What time does to payments: the poll, deadlines, expired pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mystar.payments.model import (
    HoldExpiring,
    PaymentOver,
)
from mystar.payments.process import HOLD_MARGIN, PAY_WITHIN
from tests.payments.conftest import Desk, MovedClock


async def test_the_poll_finds_changes_without_notification(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    clock.ahead = timedelta(seconds=5)
    assert await desk.payments.poll() == 1
    held = await desk.get(payment)
    assert held.status == "held"
    assert held.check_at is not None
    assert await desk.payments.poll() == 0


async def test_the_poll_continues_after_an_outage_of_the_provider(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    await desk.sandbox.faults(down=True)
    clock.ahead = timedelta(seconds=5)
    assert await desk.payments.poll() == 1
    assert (await desk.get(payment)).status == "pending"
    await desk.sandbox.faults()
    assert await desk.payments.poll() == 0, "the claim still holds"
    clock.ahead = timedelta(seconds=70)
    assert await desk.payments.poll() == 1
    assert (await desk.get(payment)).status == "held"


async def test_an_undecided_hold_is_released_twelve_hours_before_its_end(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.held()
    assert payment.expires_at is not None
    clock.ahead = timedelta(days=7) - HOLD_MARGIN - timedelta(minutes=5)
    await desk.payments.poll()
    assert (await desk.get(payment)).goal == "hold"

    clock.ahead += timedelta(minutes=10)
    await desk.payments.poll()
    released = await desk.becomes(payment, "released")
    assert released.cancellation_reason == "canceled_by_merchant"
    assert payment.expires_at - clock.now() > timedelta(hours=12)
    assert desk.facts() == ["Held", "HoldExpiring", "Released"]


async def test_a_listener_may_capture_an_expiring_hold(desk: Desk, clock: MovedClock) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await desk.payments.set_goal(tx, event.payment.order_id, "capture")

    desk.db.events.on(HoldExpiring, capture)
    payment = await desk.held()
    clock.ahead = timedelta(days=7) - HOLD_MARGIN + timedelta(minutes=5)
    await desk.payments.poll()
    await desk.becomes(payment, "captured")


async def test_an_expired_payment_page_leads_to_a_new_payment(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.created()
    await desk.sandbox.expire(payment.provider_id)
    assert await desk.payments.confirmation_url(payment.id) == payment.confirmation_url
    clock.ahead = PAY_WITHIN + timedelta(minutes=1)
    with pytest.raises(PaymentOver):
        await desk.payments.confirmation_url(payment.id)
    assert (await desk.start(payment.order_id)).id != payment.id
