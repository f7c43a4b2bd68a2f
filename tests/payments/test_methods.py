"""SBP, payments that the provider refuses for good, and refunds that fail later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mystar.kit.clock import Clock
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.methods import OfferedMethods
from mystar.payments.model import (
    MethodNotOffered,
    Payment,
    PaymentStopped,
    RefundFailed,
    RefundNotFailed,
)
from tests.clock import FrozenClock
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, MakeProcess, PaymentProcess
from tests.waiting import eventually


@pytest.fixture
async def process(make_process: MakeProcess) -> PaymentProcess:
    return await make_process(methods=("bank_card", "sbp"))


async def paid_by_sbp(process: PaymentProcess) -> Payment:
    payment = await process.start(method="sbp")
    await process.payments.confirmation_url(payment.id, timeout=10)
    await process.sandbox.pay((await process.get(payment)).provider_id or "")
    return await process.payments.refresh(payment.id)


async def test_sbp_is_charged_at_once_and_makes_no_capture_call(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await process.set_goal(payment, "capture")

    assert (payment.status, payment.captured, payment.method) == ("captured", AMOUNT, "sbp")
    assert process.facts() == ["Held", "Captured"]
    assert await process.ledger(payment) == HOLD + CAPTURE
    assert [line["name"] for line in await process.letters()] == [f"{payment.id}:create"]


async def test_a_declined_sbp_payment_is_refunded_in_full(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await process.set_goal(payment, "give_back")
    refunded = await process.becomes(payment, "refunded")

    assert refunded.refunded == AMOUNT
    assert await process.ledger(payment) == HOLD + CAPTURE + REFUND
    # 1 % and 22 % VAT on it, which the provider keeps after a refund, too.
    assert refunded.income == AMOUNT - 15_000 - 3_300


async def test_a_method_that_is_not_offered_is_refused(make_process: MakeProcess) -> None:
    process = await make_process(methods=("bank_card",))
    with pytest.raises(MethodNotOffered):
        await process.start(method="sbp")


async def test_a_payment_that_is_refused_for_good_is_made_once_and_says_why(process: PaymentProcess) -> None:
    await process.sandbox.faults(refuse_payments="receipt")
    payment = await process.start()
    for _ in range(2):
        with pytest.raises(PaymentStopped) as stopped:
            await process.payments.confirmation_url(payment.id, timeout=10)

    refused = await process.get(payment)
    assert (refused.status, refused.refusal) == ("failed", "receipt: The sandbox is told to refuse payments")
    assert "the receipt cannot be made" in stopped.value.message("en")
    assert "оформить чек" in stopped.value.message("ru")
    [note] = await process.db.all(
        "select kind, details from payment_discrepancies where payment_id = %(id)s", id=payment.id
    )
    assert (note["kind"], note["details"]["reason"]) == ("refused", refused.refusal)


async def test_an_amount_outside_the_limits_says_so(process: PaymentProcess) -> None:
    payment = await process.start(amount=35_000_001)
    with pytest.raises(PaymentStopped) as stopped:
        await process.payments.confirmation_url(payment.id, timeout=10)

    assert "outside its limits" in stopped.value.message("en")


async def test_an_error_of_the_provider_stops_nothing(process: PaymentProcess) -> None:
    await process.sandbox.faults(error_before_work=1)
    payment = await process.start()
    await eventually_tried(process)
    await process.sandbox.faults()

    assert (await process.get(payment)).status == "pending"
    assert await process.payments.confirmation_url(payment.id, timeout=20)


async def eventually_tried(process: PaymentProcess) -> None:
    async def tried() -> bool:
        return any(line["attempts"] for line in await process.letters())

    await eventually(tried)


async def test_a_refund_that_fails_later_is_a_discrepancy_and_is_retried_by_staff(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await process.sandbox.faults(refunds={"pending": 1})
    await process.set_goal(payment, "give_back")
    refund_id = await pending_refund(process, payment)
    await process.sandbox.refund_action(refund_id, "cancel", reason="rejected_by_payee")
    wake(process)
    failed = await failed_refund(process, payment)

    assert (failed.status, failed.refund_failure, failed.refunded) == ("captured", "rejected_by_payee", 0)
    assert [event.amount for event in process.heard if isinstance(event, RefundFailed)] == [AMOUNT]
    await process.sandbox.faults()
    async with process.db.transaction() as tx:
        await process.payments.refund_again(tx, payment.order_id)
    await process.becomes(payment, "refunded")
    lines = [line for line in await process.sandbox.journal() if line["payment_id"] == payment.provider_id]
    assert [line["kind"] for line in lines].count("payment.refunded") == 1
    async with process.db.transaction() as tx:
        with pytest.raises(RefundNotFailed):
            await process.payments.refund_again(tx, payment.order_id)


async def test_a_pending_refund_is_made_once_even_after_its_key_is_forgotten(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await refund_late(process, payment, 100_000)
    wake(process)

    async def refunded() -> int:
        return (await process.get(payment)).refunded

    assert await eventually(refunded) == 100_000
    assert (await process.get(payment)).refund_id is None


async def test_news_of_a_late_partial_refund_makes_no_second_one(
    process: PaymentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await paid_by_sbp(process)
    await refund_late(process, payment, 100_000)
    # A notification, or the poll, comes before the postponed call looks again; by then its key is forgotten.
    told = await process.payments.refresh(payment.id)
    assert (told.refunded, told.refunding) == (100_000, 100_000)
    first = YooKassa.refund
    monkeypatch.setattr(YooKassa, "refund", lambda self, key, *args, **rest: first(self, f"new-{key}", *args, **rest))
    wake(process)

    async def ended() -> bool:
        return (await process.get(payment)).refunding == 0

    assert await eventually(ended)
    assert (await process.theirs(payment))["refunded"] == 100_000
    assert (await process.get(payment)).refund_id is None


async def test_all_is_given_back_after_a_partial_refund_that_failed(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await process.sandbox.faults(refunds={"insufficient_funds": 1})
    async with process.db.transaction() as tx:
        await process.payments.refund_part(tx, payment.order_id, 100_000)
    await failed_refund(process, payment)
    await process.sandbox.faults()
    await process.set_goal(payment, "give_back")
    assert (await process.becomes(payment, "refunded")).refund_failure is None


async def test_a_failed_partial_refund_can_be_asked_for_again(process: PaymentProcess) -> None:
    payment = await paid_by_sbp(process)
    await process.sandbox.faults(refunds={"insufficient_funds": 1})
    async with process.db.transaction() as tx:
        await process.payments.refund_part(tx, payment.order_id, 100_000)
    failed = await failed_refund(process, payment)
    await process.sandbox.faults()
    async with process.db.transaction() as tx:
        await process.payments.refund_part(tx, payment.order_id, 100_000)

    async def refunded() -> int:
        return (await process.get(payment)).refunded

    assert (failed.refunding, failed.refund_failure) == (0, "insufficient_funds")
    assert await eventually(refunded) == 100_000


async def refund_late(process: PaymentProcess, payment: Payment, amount: int) -> None:
    """A partial refund that the provider leaves pending at first, and has completed before our next look at it."""
    await process.sandbox.faults(refunds={"pending": 1})
    async with process.db.transaction() as tx:
        await process.payments.refund_part(tx, payment.order_id, amount)
    refund_id = await pending_refund(process, payment)
    await process.sandbox.faults()
    await process.sandbox.refund_action(refund_id, "succeed")


async def pending_refund(process: PaymentProcess, payment: Payment) -> str:
    async def look() -> str | None:
        return (await process.get(payment)).refund_id

    return str(await eventually(look))


async def failed_refund(process: PaymentProcess, payment: Payment) -> Payment:
    async def look() -> Payment | None:
        found = await process.get(payment)
        return found if found.refund_failure else None

    found = await eventually(look)
    assert found is not None
    return found


def wake(process: PaymentProcess) -> None:
    """Let a day pass: the postponed call is due, and the provider has forgotten its key."""
    process.clock.ahead += timedelta(hours=25)


def test_what_a_deal_cannot_do_without_is_offered_in_it_also_after_a_refusal_elsewhere() -> None:
    methods = OfferedMethods(("bank_card", "sbp"), Clock())
    assert methods.refuse("bank_card", is_deal=False)
    assert (methods.offered(is_deal=False), methods.offered(is_deal=True)) == (("sbp",), ("bank_card",))
    assert not methods.refuse("bank_card", is_deal=True)


def test_a_refused_method_is_offered_again_after_an_hour_or_when_the_clock_is_set_back() -> None:
    clock = FrozenClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    methods, offered = OfferedMethods(("bank_card", "sbp"), clock), []
    methods.refuse("sbp", is_deal=False)
    for minutes in (0, 59, 2, -70):
        clock.moment += timedelta(minutes=minutes)
        offered.append(len(methods.offered(is_deal=False)))
    assert offered == [1, 1, 2, 2]
