"""A provider that fails, hangs, refuses or forgets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mystar.errors import Unavailable
from mystar.payments.model import (
    Payment,
)
from mystar.payments.state_machine import CREATE_WITHIN
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, MakeProcess, MovedClock, PaymentProcess
from tests.waiting import eventually


async def test_errors_after_the_work_make_no_second_payment(process: PaymentProcess) -> None:
    await process.sandbox.faults(seed=1, error_after_work=0.4)
    started = [await process.start() for _ in range(8)]

    async def all_created() -> bool:
        # Back-off is patient; time flies.
        process.clock.ahead += timedelta(seconds=30)
        return all([(await process.get(payment)).provider_id for payment in started])

    await eventually(all_created)
    await process.sandbox.faults()
    assert len({(await process.theirs(payment))["id"] for payment in started}) == len(started)


@pytest.mark.parametrize("goal", ["capture", "give_back"])
async def test_a_call_whose_answer_is_lost_has_one_effect(process: PaymentProcess, goal: str) -> None:
    payment = await process.held()
    await process.sandbox.faults(error_after_work=1)
    await process.set_goal(payment, goal)

    async def done_there() -> bool:
        return (await process.theirs(payment))["status"] != "waiting_for_capture"

    await eventually(done_there)
    assert (await process.get(payment)).status == "held", "an unknown outcome is no outcome"
    await process.sandbox.faults()
    await process.becomes(payment, "captured" if goal == "capture" else "released")
    kinds = [line["kind"] for line in await process.sandbox.journal() if line["payment_id"] == payment.provider_id]
    assert len(kinds) == 3


async def test_a_refund_whose_answer_is_lost_is_made_once(process: PaymentProcess) -> None:
    payment = await process.captured()
    await process.sandbox.faults(error_after_work=1)
    await process.set_goal(payment, "give_back")

    async def refunded_there() -> bool:
        return bool((await process.theirs(payment))["refunded"])

    await eventually(refunded_there)
    await process.sandbox.faults()
    await process.becomes(payment, "refunded")
    assert (await process.theirs(payment))["refunded"] == AMOUNT
    assert await process.ledger(payment) == HOLD + CAPTURE + REFUND


async def test_a_silent_provider_is_unavailable_and_the_same_payment_goes_on_later(process: PaymentProcess) -> None:
    await process.sandbox.faults(down=True)
    payment = await process.start()
    with pytest.raises(Unavailable):
        await process.payments.confirmation_url(payment.id, timeout=0.2)
    assert (await process.get(payment)).status == "pending"

    await process.sandbox.faults()
    assert await process.payments.confirmation_url(payment.id, timeout=10)
    assert (await process.start(payment.order_id)).id == payment.id


async def test_a_refused_creation_fails_for_good(make_process: MakeProcess) -> None:
    process = await make_process(serving=False)
    payment = await process.start()
    # More than the provider's ten digits of rubles: it says no, for ever.
    await process.db.execute("update payments set amount = 10000000000000 where id = %(id)s", id=payment.id)
    process.open()
    failed = await process.becomes(payment, "failed")
    assert failed.cancellation_party == "provider"
    assert process.facts() == ["Failed"]
    (letter,) = await process.letters()
    assert letter["failed_at"] is not None


async def test_wrong_credentials_do_not_fail_the_payment(make_process: MakeProcess) -> None:
    process = await make_process(shop={"secret_key": "changed"})
    payment = await process.start()

    async def refused() -> str | None:
        (letter,) = await process.letters()
        return letter["last_error"]

    assert "invalid_credentials" in str(await eventually(refused))
    assert (await process.get(payment)).status == "pending"
    (letter,) = await process.letters()
    assert letter["failed_at"] is None
    assert "changed" not in letter["last_error"]


async def test_a_payment_not_created_for_a_day_is_given_up(make_process: MakeProcess, clock: MovedClock) -> None:
    process = await make_process(serving=False)
    payment = await process.start()
    clock.ahead = CREATE_WITHIN + timedelta(minutes=1)
    process.open()
    failed = await process.becomes(payment, "failed")
    assert failed.cancellation_reason == "never_created"
    assert all(line["metadata"].get("order_id") != str(payment.order_id) for line in await process.sandbox.journal())


async def test_an_unavailable_provider_does_not_delay_requests(make_process: MakeProcess) -> None:
    process = await make_process(serving=False, failures=3)
    payment = await _created_without_serving(process)
    await process.sandbox.faults(down=True)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await process.payments.refresh(payment.id)
    assert process.breaker.open
    await process.sandbox.faults()
    with pytest.raises(Unavailable) as refusal:
        await process.payments.refresh(payment.id)
    assert refusal.value.details["retry_after"] >= 1

    async def asked_again() -> bool:
        try:
            await process.payments.refresh(payment.id)
        except Unavailable:
            return False
        return True

    await eventually(asked_again)
    assert not process.breaker.open


async def _created_without_serving(process: PaymentProcess) -> Payment:
    process.open()
    payment = await process.created()
    await process.outbox.stop()
    return payment
