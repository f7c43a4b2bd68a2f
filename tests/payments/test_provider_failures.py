"""A provider that fails, hangs, refuses or forgets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mystar.errors import Unavailable
from mystar.payments.model import (
    Payment,
)
from mystar.payments.process import CREATE_WITHIN
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, REFUND, Desk, MakeDesk, MovedClock
from tests.waiting import eventually


async def test_errors_after_the_work_make_no_second_payment(desk: Desk) -> None:
    await desk.sandbox.faults(seed=1, error_after_work=0.4)
    started = [await desk.start() for _ in range(8)]

    async def all_created() -> bool:
        # Back-off is patient; time flies.
        desk.clock.ahead += timedelta(seconds=30)
        return all([(await desk.get(payment)).provider_id for payment in started])

    await eventually(all_created)
    await desk.sandbox.faults()
    assert len({(await desk.theirs(payment))["id"] for payment in started}) == len(started)


@pytest.mark.parametrize("goal", ["capture", "give_back"])
async def test_a_call_whose_answer_is_lost_has_one_effect(desk: Desk, goal: str) -> None:
    payment = await desk.held()
    await desk.sandbox.faults(error_after_work=1)
    await desk.set_goal(payment, goal)

    async def done_there() -> bool:
        return (await desk.theirs(payment))["status"] != "waiting_for_capture"

    await eventually(done_there)
    assert (await desk.get(payment)).status == "held", "an unknown outcome is no outcome"
    await desk.sandbox.faults()
    await desk.becomes(payment, "captured" if goal == "capture" else "released")
    kinds = [line["kind"] for line in await desk.sandbox.journal() if line["payment_id"] == payment.provider_id]
    assert len(kinds) == 3


async def test_a_refund_whose_answer_is_lost_is_made_once(desk: Desk) -> None:
    payment = await desk.captured()
    await desk.sandbox.faults(error_after_work=1)
    await desk.set_goal(payment, "give_back")

    async def refunded_there() -> bool:
        return bool((await desk.theirs(payment))["refunded"])

    await eventually(refunded_there)
    await desk.sandbox.faults()
    await desk.becomes(payment, "refunded")
    assert (await desk.theirs(payment))["refunded"] == AMOUNT
    assert await desk.ledger(payment) == HOLD + CAPTURE + REFUND


async def test_a_silent_provider_is_unavailable_and_the_same_payment_goes_on_later(desk: Desk) -> None:
    await desk.sandbox.faults(down=True)
    payment = await desk.start()
    with pytest.raises(Unavailable):
        await desk.payments.confirmation_url(payment.id, timeout=0.2)
    assert (await desk.get(payment)).status == "pending"

    await desk.sandbox.faults()
    assert await desk.payments.confirmation_url(payment.id, timeout=10)
    assert (await desk.start(payment.order_id)).id == payment.id


async def test_a_refused_creation_fails_for_good(make_desk: MakeDesk) -> None:
    desk = await make_desk(serving=False)
    payment = await desk.start()
    # More than the provider's ten digits of rubles: it says no, for ever.
    await desk.db.execute("update payments set amount = 10000000000000 where id = %(id)s", id=payment.id)
    desk.open()
    failed = await desk.becomes(payment, "failed")
    assert failed.cancellation_party == "provider"
    assert desk.facts() == ["Failed"]
    (letter,) = await desk.letters()
    assert letter["failed_at"] is not None


async def test_wrong_credentials_do_not_fail_the_payment(make_desk: MakeDesk) -> None:
    desk = await make_desk(shop={"secret_key": "changed"})
    payment = await desk.start()

    async def refused() -> str | None:
        (letter,) = await desk.letters()
        return letter["last_error"]

    assert "invalid_credentials" in str(await eventually(refused))
    assert (await desk.get(payment)).status == "pending"
    (letter,) = await desk.letters()
    assert letter["failed_at"] is None
    assert "changed" not in letter["last_error"]


async def test_a_payment_not_created_for_a_day_is_given_up(make_desk: MakeDesk, clock: MovedClock) -> None:
    desk = await make_desk(serving=False)
    payment = await desk.start()
    clock.ahead = CREATE_WITHIN + timedelta(minutes=1)
    desk.open()
    failed = await desk.becomes(payment, "failed")
    assert failed.cancellation_reason == "never_created"
    assert all(line["metadata"].get("order_id") != str(payment.order_id) for line in await desk.sandbox.journal())


async def test_an_unavailable_provider_does_not_delay_requests(make_desk: MakeDesk) -> None:
    desk = await make_desk(serving=False, failures=3)
    payment = await _created_without_serving(desk)
    await desk.sandbox.faults(down=True)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await desk.payments.refresh(payment.id)
    assert desk.breaker.open
    await desk.sandbox.faults()
    with pytest.raises(Unavailable) as refusal:
        await desk.payments.refresh(payment.id)
    assert refusal.value.details["retry_after"] >= 1

    async def asked_again() -> bool:
        try:
            await desk.payments.refresh(payment.id)
        except Unavailable:
            return False
        return True

    await eventually(asked_again)
    assert not desk.breaker.open


async def _created_without_serving(desk: Desk) -> Payment:
    desk.open()
    payment = await desk.created()
    await desk.outbox.stop()
    return payment
