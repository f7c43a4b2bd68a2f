"""What the payment provider keeps of a payment is the platform's loss, and stays lost after a refund."""

from __future__ import annotations

import pytest

from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.factory import actor

SBP = {"PAYMENTS__METHODS": '["bank_card", "sbp"]'}


async def test_the_providers_fee_and_its_vat_are_losses(scenario: EarningsScenario) -> None:
    """3.5 % of 1500.00 and 22 % VAT on it: the platform nets 300.00 - 64.05."""
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(150_000)

    assert await scenario.ledger(order_id, acquiring=True) == {
        "buyers": -150_000,
        "pending": 120_000,
        "platform": 30_000,
        "fees": 6_405,
        "losses": -6_405,
    }
    assert await scenario.is_sound()


async def test_the_commission_is_of_what_was_captured(scenario: EarningsScenario) -> None:
    """The shop captured 700.00 of a hold of 1000.00 in the provider's own pages."""
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(100_000)
    await scenario.deliver(order_id)
    payment = await scenario.app[PAYMENTS].of_order(order_id)
    assert payment is not None
    gateway = scenario.app[PAYMENTS]._gateway
    await gateway.capture("by-hand", str(payment.provider_id), amount=70_000)
    await scenario.app[PAYMENTS].refresh(payment.id)
    await scenario.approve(order_id)

    assert await scenario.ledger(order_id) == {"buyers": -70_000, "pending": 56_000, "platform": 14_000}
    shown = await scenario.order(order_id, scenario.creator)
    assert (shown["commission"], shown["your_share"]) == ("140.00", "560.00")
    assert await scenario.is_sound()


@pytest.mark.parametrize("further_settings", [SBP], indirect=True)
async def test_the_fee_of_a_declined_sbp_payment_is_lost(scenario: EarningsScenario) -> None:
    """1 % and 22 % VAT on it; everything else goes back, and no capture is asked for."""
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(150_000)
    await scenario.factory.hold(order_id, scenario.sandbox, "sbp")
    await scenario.app[ORDERS].reject(actor(scenario.creator), order_id)
    await scenario.until(order_id, money="refunded")

    assert await scenario.ledger(order_id, acquiring=True) == {"fees": 1_830, "losses": -1_830}
    assert await scenario.balance() == {}
    kinds = [
        line["kind"] for line in await scenario.sandbox.journal() if line["metadata"].get("order_id") == str(order_id)
    ]
    assert kinds[-3:] == ["payment.created", "payment.captured", "payment.refunded"]
    assert await scenario.is_sound()
