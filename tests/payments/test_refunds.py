"""Money that goes back in parts: never more than was taken, one part at a time, each once (promise M12)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.model import Payment, PaymentNotTaken, RefundTooMuch, RefundUnderWay, ReversalInProgress
from mystar.payments.provider import ProviderPayment
from mystar.payments.state_machine import apply, begin_partial_refund, expected_ledger, next_call, transitions
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, MovedClock, PaymentProcess
from tests.payments.test_state_machine import NOW
from tests.payments.test_state_machine import payment as a_payment
from tests.waiting import eventually


async def refund(process: PaymentProcess, payment: Payment, amount: int) -> Payment:
    async with process.db.transaction() as tx:
        return await process.payments.refund_part(tx, payment.order_id, amount)


async def done(process: PaymentProcess, payment: Payment, refunded: int) -> Payment:
    async def look() -> Payment | None:
        found = await process.get(payment)
        return found if (found.refunded, found.refunding) == (refunded, 0) else None

    found = await eventually(look)
    assert found is not None
    return found


def part(amount: int) -> list[tuple[str, str, int]]:
    return [("refund", "creator", -amount), ("refund", "payer", amount)]


async def test_several_partial_refunds_and_the_remainder_are_the_whole(process: PaymentProcess) -> None:
    payment = await process.captured()
    for amount, sum_ in ((100, 100), (250, 350)):
        await refund(process, payment, amount)
        assert (await done(process, payment, sum_)).status == "captured"
    await process.set_goal(payment, "give_back")
    await process.becomes(payment, "refunded")
    assert await process.ledger(payment) == HOLD + CAPTURE + part(100) + part(250) + part(AMOUNT - 350)
    assert (await process.theirs(payment))["refunded"] == AMOUNT


async def test_a_refund_of_the_whole_amount_closes_the_payment(process: PaymentProcess) -> None:
    payment = await process.captured()
    await refund(process, payment, AMOUNT)
    assert (await process.becomes(payment, "refunded")).refunding == 0


async def test_one_of_two_concurrent_refunds_succeeds(process: PaymentProcess) -> None:
    payment = await process.captured()
    outcomes = await asyncio.gather(*(refund(process, payment, AMOUNT - 1) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Payment", "RefundUnderWay"]
    await done(process, payment, AMOUNT - 1)
    with pytest.raises(RefundTooMuch):
        await refund(process, payment, 2)


async def test_a_partial_refund_whose_answer_is_lost_is_made_once(process: PaymentProcess) -> None:
    payment = await process.captured()
    await process.sandbox.faults(error_after_work=1)
    await refund(process, payment, 700)

    async def refunded_there() -> bool:
        return bool((await process.theirs(payment))["refunded"])

    await eventually(refunded_there)
    await process.sandbox.faults()
    # The provider's news may come before its answer; the refund is still under way, and nothing else begins.
    await process.payments.refresh(payment.id)
    await done(process, payment, 700)
    assert (await process.theirs(payment))["refunded"] == 700
    assert await process.ledger(payment) == HOLD + CAPTURE + part(700)


@pytest.mark.parametrize("news", [False, True])
async def test_a_partial_refund_without_an_answer_for_a_day_is_made_once(
    process: PaymentProcess, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, news: bool
) -> None:
    payment = await process.captured()
    forget_keys(process, clock, monkeypatch, payment, news=news)
    await process.sandbox.faults(error_after_work=1)
    await refund(process, payment, 700)
    await done(process, payment, 700)
    assert (await process.theirs(payment))["refunded"] == 700


async def test_the_rest_after_a_chargeback_without_an_answer_for_a_day_is_refunded_once(
    process: PaymentProcess, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, rest = await process.captured(), AMOUNT * 2 // 5
    async with process.db.transaction() as tx:
        await process.payments.charge_back(tx, payment.order_id, AMOUNT - rest)
    forget_keys(process, clock, monkeypatch, payment, news=False)
    await process.sandbox.faults(error_after_work=1)
    await process.set_goal(payment, "give_back")
    await done(process, payment, rest)
    assert (await process.theirs(payment))["refunded"] == rest


def forget_keys(
    process: PaymentProcess, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, payment: Payment, *, news: bool
) -> None:
    """Two days pass after every call, and the provider forgets its key; with ``news`` it tells what it did before."""
    call = YooKassa.refund

    async def forgetting(self: YooKassa, key: str, *args: Any, **rest: Any) -> Any:
        try:
            return await call(self, f"{key}-{clock.ahead.days}", *args, **rest)
        finally:
            await process.sandbox.faults()
            if news:
                await process.payments.refresh(payment.id)
            clock.ahead += timedelta(days=2)

    monkeypatch.setattr(YooKassa, "refund", forgetting)


async def test_the_remainder_waits_for_a_pending_partial_refund(process: PaymentProcess, clock: MovedClock) -> None:
    payment = await process.captured()
    await process.sandbox.faults(down=True)
    await refund(process, payment, 700)
    await process.set_goal(payment, "give_back")
    await process.sandbox.faults()

    async def all_back() -> bool:
        # Back-off is patient; time flies.
        clock.ahead += timedelta(seconds=5)
        return (await process.get(payment)).status == "refunded"

    await eventually(all_back)
    assert await process.ledger(payment) == HOLD + CAPTURE + part(700) + part(AMOUNT - 700)
    names = [letter["name"] for letter in await process.letters()][-2:]
    assert names == [f"{payment.id}:refund:part-1", f"{payment.id}:refund:700"]


async def test_only_a_captured_amount_is_refunded(process: PaymentProcess) -> None:
    held = await process.held()
    with pytest.raises(PaymentNotTaken):
        await refund(process, held, 100)


@pytest.mark.parametrize("amount", [0, -1, 15001])
def test_refunds_of_too_much_and_of_nothing_are_refused(amount: int) -> None:
    with pytest.raises(RefundTooMuch):
        begin_partial_refund(a_payment(status="captured"), amount)


def test_a_refund_during_another_operation_is_refused() -> None:
    with pytest.raises(RefundUnderWay):
        begin_partial_refund(a_payment(status="captured", refunding=5, refunds=1), 5)
    with pytest.raises(ReversalInProgress):
        begin_partial_refund(a_payment(status="captured", goal="give_back"), 5)
    with pytest.raises(PaymentNotTaken):
        begin_partial_refund(None, 5)


@given(
    amount=st.integers(1, 10**13),
    shares=st.lists(st.fractions(0, 1), max_size=8),
    everything=st.booleans(),
)
def test_partial_refunds_add_up_to_the_captured_amount(amount: int, shares: Sequence[float], everything: bool) -> None:
    """Promise M12, short: any parts of any amount, and perhaps the rest, through our process and a provider's book."""
    payment, book = a_payment(status="captured", amount=amount, captured=amount), 0
    for share in shares:
        wanted = int(share * (amount - book))
        if not wanted:
            with pytest.raises((RefundTooMuch, PaymentNotTaken)):
                begin_partial_refund(payment, wanted)
            continue
        payment = begin_partial_refund(payment, wanted)
        call = next_call(payment)
        assert call is not None
        assert call.amount == wanted
        book += call.amount
        payment = replace(_told(payment, book), refunding=0)
    if everything and book < amount:
        call = next_call(replace(payment, goal="give_back"))
        assert call is not None
        book += call.amount
        payment = _told(payment, book)
        assert book == amount
    assert payment.refunded == book <= payment.captured
    assert payment.status == ("refunded" if book == amount else "captured")
    ledger = expected_ledger(payment)
    assert ledger["hold"] == ledger["capture"] + ledger["release"]
    assert ledger["capture"] - ledger["refund"] == amount - book


def _told(payment: Payment, refunded: int) -> Payment:
    snapshot = ProviderPayment(
        "p-1", "succeeded", payment.amount, captured=payment.amount, refunded=refunded, metadata={"payment_id": "17"}
    )
    for step in transitions(payment, snapshot):
        payment = apply(payment, step, NOW)
    return payment
