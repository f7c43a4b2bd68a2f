"""What the payment provider keeps of a payment is the platform's loss, and stays lost after a refund."""

from __future__ import annotations

import pytest

from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from tests.earnings.bench import TWENTY_PER_CENT, Bench
from tests.factory import actor

SBP = {"PAYMENTS__METHODS": '["bank_card", "sbp"]'}


async def test_the_providers_fee_and_its_vat_are_losses(bench: Bench) -> None:
    """3.5 % of 1500.00 and 22 % VAT on it: the platform nets 300.00 - 64.05."""
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.completed(150_000)

    assert await bench.ledger(order_id, acquiring=True) == {
        "buyers": -150_000,
        "pending": 120_000,
        "platform": 30_000,
        "fees": 6_405,
        "losses": -6_405,
    }
    assert await bench.is_sound()


async def test_the_commission_is_of_what_was_captured(bench: Bench) -> None:
    """The shop captured 700.00 of a hold of 1000.00 in the provider's own pages."""
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.place(100_000)
    await bench.deliver(order_id)
    payment = await bench.app[PAYMENTS].of_order(order_id)
    assert payment is not None
    gateway = bench.app[PAYMENTS]._gateway
    await gateway.capture("by-hand", str(payment.provider_id), amount=70_000)
    await bench.app[PAYMENTS].refresh(payment.id)
    await bench.approve(order_id)

    assert await bench.ledger(order_id) == {"buyers": -70_000, "pending": 56_000, "platform": 14_000}
    shown = await bench.order(order_id, bench.creator)
    assert (shown["commission"], shown["your_share"]) == ("140.00", "560.00")
    assert await bench.is_sound()


@pytest.mark.parametrize("further_settings", [SBP], indirect=True)
async def test_the_fee_of_a_declined_sbp_payment_is_lost(bench: Bench) -> None:
    """1 % and 22 % VAT on it; everything else goes back, and no capture is asked for."""
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.place(150_000)
    await bench.factory.hold(order_id, bench.sandbox, "sbp")
    await bench.app[ORDERS].reject(actor(bench.creator), order_id)
    await bench.until(order_id, money="refunded")

    assert await bench.ledger(order_id, acquiring=True) == {"fees": 1_830, "losses": -1_830}
    assert await bench.balance() == {}
    kinds = [
        line["kind"] for line in await bench.sandbox.journal() if line["metadata"].get("order_id") == str(order_id)
    ]
    assert kinds[-3:] == ["payment.created", "payment.captured", "payment.refunded"]
    assert await bench.is_sound()
