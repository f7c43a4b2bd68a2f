"""Money that is held, taken, let go and refunded, at a provider that behaves and at one that does not."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import timedelta
from typing import Any

import pytest

from mystar.errors import Forbidden, Unavailable
from mystar.kit.http import networks
from mystar.payments.model import (
    GivingBack,
    HoldRunsOut,
    Payment,
    PaymentHeld,
    PaymentOpen,
    PaymentOver,
    PaymentSettled,
)
from mystar.payments.process import CREATE_WITHIN, HOLD_MARGIN, PAY_WITHIN
from mystar.payments.provider import ProviderPayment
from tests.payments.conftest import AMOUNT, Desk, MakeDesk, MovedClock
from tests.waiting import eventually

HOLD = [("hold", "payer", -AMOUNT), ("hold", "held", AMOUNT)]
CAPTURE = [("capture", "held", -AMOUNT), ("capture", "creator", AMOUNT)]
RELEASE = [("release", "held", -AMOUNT), ("release", "payer", AMOUNT)]
REFUND = [("refund", "creator", -AMOUNT), ("refund", "payer", AMOUNT)]


async def test_a_payment_is_held_and_captured(desk: Desk) -> None:
    payment = await desk.created()
    assert payment.confirmation_url == (await desk.theirs(payment))["confirmation_url"]

    await desk.sandbox.pay(payment.provider_id)
    held = await desk.payments.refresh(payment.id)
    assert (held.status, held.method) == ("held", "bank_card")
    assert held.expires_at is not None
    assert held.held_at is not None

    await desk.aim(payment, "capture")
    captured = await desk.becomes(payment, "captured")
    assert captured.captured == AMOUNT
    assert (await desk.theirs(payment))["captured"] == AMOUNT
    assert await desk.ledger(payment) == HOLD + CAPTURE
    assert desk.facts() == ["Held", "Captured"]
    assert set(desk.begun) == {payment.order_id}


async def test_a_hold_is_let_go(desk: Desk) -> None:
    payment = await desk.held()
    await desk.aim(payment, "give_back")
    await desk.becomes(payment, "released")
    theirs = await desk.theirs(payment)
    assert (theirs["held"], theirs["released"], theirs["captured"]) == (0, AMOUNT, 0)
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_what_was_captured_is_refunded_in_full(desk: Desk) -> None:
    payment = await desk.captured()
    await desk.aim(payment, "give_back")
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


async def test_an_open_payment_is_used_again(desk: Desk) -> None:
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

    await desk.aim(payment, "capture")
    await desk.becomes(payment, "captured")
    with pytest.raises(PaymentSettled):
        await desk.start(payment.order_id)


async def test_a_hold_made_after_the_order_was_called_off_is_given_back(desk: Desk) -> None:
    payment = await desk.created()
    await desk.aim(payment, "give_back")
    with pytest.raises(GivingBack):
        await desk.start(payment.order_id)
    with pytest.raises(GivingBack):
        await desk.aim(payment, "capture")

    await desk.sandbox.pay(payment.provider_id)
    await desk.payments.refresh(payment.id)
    await desk.becomes(payment, "released")
    assert await desk.ledger(payment) == HOLD + RELEASE


async def test_a_hold_awaited_by_a_delivered_order_is_captured_at_once(desk: Desk) -> None:
    payment = await desk.created()
    await desk.aim(payment, "capture")
    await desk.sandbox.pay(payment.provider_id)
    await desk.payments.refresh(payment.id)
    await desk.becomes(payment, "captured")


async def test_a_capture_that_comes_too_late_releases(desk: Desk) -> None:
    payment = await desk.held()
    await desk.sandbox.expire(payment.provider_id)
    await desk.aim(payment, "capture")
    released = await desk.becomes(payment, "released")
    assert released.cancellation_reason == "expired_on_capture"
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_a_hold_that_came_and_went_while_we_slept_is_in_the_ledger(desk: Desk) -> None:
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    await desk.sandbox.expire(payment.provider_id)
    assert (await desk.payments.refresh(payment.id)).status == "released"
    assert await desk.ledger(payment) == HOLD + RELEASE
    assert desk.facts() == ["Held", "Released"]


async def test_an_accepted_and_at_once_cancelled_order_gets_all_its_money_back(desk: Desk) -> None:
    payment = await desk.held()
    await desk.aim(payment, "capture")
    await desk.aim(payment, "give_back")

    async def over() -> bool:
        return (await desk.get(payment)).is_over

    await eventually(over)
    theirs = await desk.theirs(payment)
    assert theirs["held"] == 0
    assert theirs["captured"] == theirs["refunded"]


async def test_a_listener_decides_in_the_payment_s_own_transaction(desk: Desk) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await desk.payments.aim(tx, event.payment.order_id, "capture")

    desk.db.events.on(PaymentHeld, capture)
    payment = await desk.held()
    await desk.becomes(payment, "captured")
    assert await desk.ledger(payment) == HOLD + CAPTURE


async def test_what_a_listener_refuses_has_not_happened(desk: Desk) -> None:
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


# A provider on a bad day


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
async def test_a_deed_whose_answer_is_lost_is_done_once(desk: Desk, goal: str) -> None:
    payment = await desk.held()
    await desk.sandbox.faults(error_after_work=1)
    await desk.aim(payment, goal)

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
    await desk.aim(payment, "give_back")

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


async def test_wrong_credentials_are_our_trouble_not_the_payment_s(make_desk: MakeDesk) -> None:
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


async def test_a_payment_that_could_not_be_created_for_a_day_is_given_up(
    make_desk: MakeDesk, clock: MovedClock
) -> None:
    desk = await make_desk(serving=False)
    payment = await desk.start()
    clock.ahead = CREATE_WITHIN + timedelta(minutes=1)
    desk.open()
    failed = await desk.becomes(payment, "failed")
    assert failed.cancellation_reason == "never_created"
    assert all(line["metadata"].get("order_id") != str(payment.order_id) for line in await desk.sandbox.journal())


async def test_a_dead_provider_does_not_hold_anybody_up(make_desk: MakeDesk) -> None:
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


# Late, doubled, disordered


async def test_late_and_repeated_words_change_nothing(desk: Desk) -> None:
    payment = await desk.created()
    words = [await word_about(desk, payment)]
    await desk.sandbox.pay(payment.provider_id)
    words.append(await word_about(desk, payment))
    await desk.aim(payment, "capture")
    for one in (words[1], words[0], words[1]):
        await desk.settlement.settle(payment.id, one)
    captured = await desk.becomes(payment, "captured")

    for one in (*words, *reversed(words)):
        await desk.settlement.settle(payment.id, one)
    assert (await desk.get(payment)).status == captured.status
    assert await desk.ledger(payment) == HOLD + CAPTURE
    assert desk.facts() == ["Held", "Captured"]


async def test_webhook_return_and_poll_in_every_order_are_one_change(desk: Desk) -> None:
    chance = random.Random(20)

    async def webhook(payment: Payment) -> None:
        await desk.payments.notified(str(payment.provider_id), {}, "127.0.0.1")

    async def coming_back(payment: Payment) -> None:
        await desk.payments.returned(payment.order_id, desk.signer.sign("payment-return", payment.order_id))

    async def poll(payment: Payment) -> None:
        await desk.db.execute(
            "update payments set check_at = now() where id = %(id)s and check_at > now()", id=payment.id
        )
        await desk.payments.poll()

    async def tell(ways: list[Any], payment: Payment) -> None:
        for way in ways:
            await asyncio.sleep(chance.uniform(0, 0.05))
            await way(payment)

    for order in itertools.permutations([webhook, coming_back, poll]):
        desk.heard.clear()
        payment = await desk.created()
        await desk.sandbox.pay(payment.provider_id)
        await asyncio.gather(*(tell([way] * 3, payment) for way in order))
        assert desk.facts() == ["Held"]
        assert await desk.ledger(payment) == HOLD


async def test_two_processes_settle_at_once(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    payment = await first.created()
    await first.sandbox.pay(payment.provider_id)
    await asyncio.gather(*(desk.payments.refresh(payment.id) for desk in (first, second) for _ in range(5)))
    assert first.facts() + second.facts() == ["Held"]
    assert await first.ledger(payment) == HOLD

    await asyncio.gather(*(desk.aim(payment, "capture") for desk in (first, second)))
    await first.becomes(payment, "captured")
    captures = [
        line
        for line in await first.sandbox.journal()
        if line["payment_id"] == payment.provider_id and line["kind"] == "payment.captured"
    ]
    assert len(captures) == 1
    assert sorted(first.facts() + second.facts()) == ["Captured", "Held"]


async def test_two_processes_start_one_payment(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    results = await asyncio.gather(
        *(desk.start(order_id=10**9) for desk in (first, second) for _ in range(4)), return_exceptions=True
    )
    assert {type(result) for result in results} <= {Payment, PaymentOpen}
    assert len({result.id for result in results if isinstance(result, Payment)}) == 1


async def test_two_processes_poll_and_share_the_work(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    payments = [await first.created() for _ in range(6)]
    for payment in payments:
        await first.sandbox.pay(payment.provider_id)
    await first.db.execute("update payments set check_at = now()")
    asked = await asyncio.gather(first.payments.poll(), second.payments.poll())
    assert sum(asked) == len(payments)
    for payment in payments:
        assert (await first.get(payment)).status == "held"
    assert sorted(first.facts() + second.facts()) == ["Held"] * len(payments)


# What is not believed


async def test_a_notification_only_makes_us_ask(desk: Desk) -> None:
    payment = await desk.created()
    await desk.payments.notified(str(payment.provider_id), {"payment_id": str(payment.id)}, "127.0.0.1")
    assert (await desk.get(payment)).status == "pending"


async def test_a_hundred_forged_notifications_change_nothing(desk: Desk) -> None:
    pending, held, captured = await desk.created(), await desk.held(), await desk.captured()
    before, chance = await state(desk), random.Random(5)
    made_up = [f"2e{number:06x}-000f-5000-8000-0123456789ab" for number in range(30)]
    real = [str(payment.provider_id) for payment in (pending, held, captured)]
    for _ in range(100):
        provider_id = chance.choice(made_up + real)
        claimed = chance.choice([pending.id, held.id, captured.id, 10**9])
        await desk.payments.notified(provider_id, {"payment_id": str(claimed)}, "203.0.113.9")
    assert await state(desk) == before


async def test_notifications_from_elsewhere_are_not_even_asked_about(make_desk: MakeDesk) -> None:
    desk = await make_desk(webhook_networks=networks(["185.71.76.0/27"]))
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    with pytest.raises(Forbidden):
        await desk.payments.notified(str(payment.provider_id), {}, "203.0.113.9")
    assert (await desk.get(payment)).status == "pending"
    await desk.payments.notified(str(payment.provider_id), {}, "::ffff:185.71.76.5")
    assert (await desk.get(payment)).status == "held"


async def test_a_notification_names_the_payment_whose_creation_was_not_answered(make_desk: MakeDesk) -> None:
    desk = await make_desk(serving=False)
    payment = await desk.start()
    await desk.sandbox.faults(error_after_work=1)
    desk.open()

    async def at_the_provider() -> dict[str, Any] | None:
        found = [
            one for one in await desk.sandbox.payments() if one["metadata"].get("order_id") == str(payment.order_id)
        ]
        return found[0] if found else None

    theirs = await eventually(at_the_provider)
    assert theirs is not None
    await desk.sandbox.pay(theirs["id"])
    assert (await desk.get(payment)).provider_id is None
    await desk.sandbox.faults()
    await desk.payments.notified(theirs["id"], theirs["metadata"], "127.0.0.1")
    found = await desk.get(payment)
    assert (found.provider_id, found.status) == (theirs["id"], "held")
    assert len([one for one in await desk.letters() if one["name"] == f"{payment.id}:create"]) == 1


async def test_another_order_s_payment_is_not_taken_for_ours(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    other = await desk.held()
    await desk.outbox.stop()
    payment = await desk.start()
    await desk.db.execute("update payments set provider_id = null where id = %(id)s", id=other.id)
    await desk.payments.notified(str(other.provider_id), {"payment_id": str(payment.id)}, "127.0.0.1")
    assert (await desk.get(payment)).provider_id is None
    noted = await desk.db.all("select kind, provider_id from payment_discrepancies")
    assert noted == [{"kind": "unknown_here", "provider_id": other.provider_id}]
    desk.open()


async def test_a_wrong_amount_is_recorded_once_and_never_believed(desk: Desk) -> None:
    payment = await desk.created()
    await desk.db.execute("update payments set amount = amount - 1 where id = %(id)s", id=payment.id)
    await desk.sandbox.pay(payment.provider_id)
    for _ in range(3):
        assert (await desk.payments.refresh(payment.id)).status == "pending"
    noted = await desk.db.all("select payment_id, provider_id, kind, details from payment_discrepancies")
    assert [(one["payment_id"], one["kind"]) for one in noted] == [(payment.id, "amount")]
    assert noted[0]["details"]["said"]["amount"] == AMOUNT
    assert await desk.ledger(payment) == []


async def test_a_payment_that_the_provider_forgot_is_recorded(desk: Desk) -> None:
    payment = await desk.created()
    await desk.db.execute(
        "update payments set provider_id = 'ffffffff-000f-5000-8000-000000000000' where id = %(id)s", id=payment.id
    )
    assert (await desk.payments.refresh(payment.id)).status == "pending"
    assert [one["kind"] for one in await desk.db.all("select kind from payment_discrepancies")] == ["missing"]


# Time


async def test_the_poll_finds_what_nobody_told(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.created()
    await desk.sandbox.pay(payment.provider_id)
    clock.ahead = timedelta(seconds=5)
    assert await desk.payments.poll() == 1
    held = await desk.get(payment)
    assert held.status == "held"
    assert held.check_at is not None
    assert await desk.payments.poll() == 0


async def test_the_poll_comes_back_when_the_provider_was_down(desk: Desk, clock: MovedClock) -> None:
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


async def test_a_hold_nobody_decided_about_is_given_back_twelve_hours_before_its_end(
    desk: Desk, clock: MovedClock
) -> None:
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
    assert desk.facts() == ["Held", "HoldRunsOut", "Released"]


async def test_a_listener_saves_a_hold_by_capturing_it(desk: Desk, clock: MovedClock) -> None:
    async def capture(tx: Any, event: Any) -> None:
        await desk.payments.aim(tx, event.payment.order_id, "capture")

    desk.db.events.on(HoldRunsOut, capture)
    payment = await desk.held()
    clock.ahead = timedelta(days=7) - HOLD_MARGIN + timedelta(minutes=5)
    await desk.payments.poll()
    await desk.becomes(payment, "captured")


async def test_a_page_that_was_not_paid_in_time_asks_for_a_new_payment(desk: Desk, clock: MovedClock) -> None:
    payment = await desk.created()
    await desk.sandbox.expire(payment.provider_id)
    assert await desk.payments.confirmation_url(payment.id) == payment.confirmation_url
    clock.ahead = PAY_WITHIN + timedelta(minutes=1)
    with pytest.raises(PaymentOver):
        await desk.payments.confirmation_url(payment.id)
    assert (await desk.start(payment.order_id)).id != payment.id


# Helpers


async def word_about(desk: Desk, payment: Payment) -> ProviderPayment:
    return await desk.gateway.get(str(payment.provider_id))


async def state(desk: Desk) -> list[Any]:
    return [
        await desk.db.all(f"select * from {table} order by id")
        for table in ("payments", "ledger_entries", "outbox", "payment_discrepancies")
    ]


async def _created_without_serving(desk: Desk) -> Payment:
    desk.open()
    payment = await desk.created()
    await desk.outbox.stop()
    return payment
