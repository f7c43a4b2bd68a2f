"""What we hear about payments: late, doubled, disordered, forged."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from mystar.errors import Forbidden
from mystar.kit.web.http import networks
from mystar.payments.model import (
    Payment,
    PaymentOpen,
)
from mystar.payments.provider import ProviderPayment
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, Desk, MakeDesk
from tests.size import dice, size
from tests.waiting import eventually


async def test_late_and_repeated_notifications_change_nothing(desk: Desk) -> None:
    payment = await desk.created()
    words = [await word_about(desk, payment)]
    await desk.sandbox.pay(payment.provider_id)
    words.append(await word_about(desk, payment))
    await desk.set_goal(payment, "capture")
    for one in (words[1], words[0], words[1]):
        await desk.settlement.settle(payment.id, one)
    captured = await desk.becomes(payment, "captured")

    for one in (*words, *reversed(words)):
        await desk.settlement.settle(payment.id, one)
    assert (await desk.get(payment)).status == captured.status
    assert await desk.ledger(payment) == HOLD + CAPTURE
    assert desk.facts() == ["Held", "Captured"]


async def test_webhook_return_and_poll_in_every_order_are_one_change(desk: Desk) -> None:
    chance = dice(20)

    async def webhook(payment: Payment) -> None:
        await desk.payments.notified(str(payment.provider_id), {}, "127.0.0.1")

    async def coming_back(payment: Payment) -> None:
        await desk.payments.returned(
            payment.order_id, desk.signer.sign_until(datetime.now(UTC), "payment-return", payment.order_id)
        )

    async def poll(payment: Payment) -> None:
        await desk.db.execute(
            "update payments set check_at = now() where id = %(id)s and check_at > now()", id=payment.id
        )
        await desk.payments.poll()

    async def tell(ways: list[Any], payment: Payment) -> None:
        for way in ways:
            await asyncio.sleep(chance.uniform(0, 0.05))
            await way(payment)

    for order in (*itertools.permutations([webhook, coming_back, poll]),) * size(1, 167):
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

    await asyncio.gather(*(desk.set_goal(payment, "capture") for desk in (first, second)))
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


async def test_a_notification_only_causes_a_request_to_the_provider(desk: Desk) -> None:
    payment = await desk.created()
    await desk.payments.notified(str(payment.provider_id), {"payment_id": str(payment.id)}, "127.0.0.1")
    assert (await desk.get(payment)).status == "pending"


async def test_a_hundred_forged_notifications_change_nothing(desk: Desk) -> None:
    pending, held, captured = await desk.created(), await desk.held(), await desk.captured()
    before, chance = await state(desk), dice(5)
    made_up = [f"2e{number:06x}-000f-5000-8000-0123456789ab" for number in range(30)]
    real = [str(payment.provider_id) for payment in (pending, held, captured)]
    for _ in range(size(100, 500)):
        provider_id = chance.choice(made_up + real)
        claimed = chance.choice([pending.id, held.id, captured.id, 10**9])
        await desk.payments.notified(provider_id, {"payment_id": str(claimed)}, "203.0.113.9")
    assert await state(desk) == before


async def test_notifications_from_other_networks_cause_no_request(make_desk: MakeDesk) -> None:
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


async def test_a_payment_of_another_order_is_refused(make_desk: MakeDesk) -> None:
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


async def test_a_wrong_amount_is_recorded_once_and_never_applied(desk: Desk) -> None:
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


async def word_about(desk: Desk, payment: Payment) -> ProviderPayment:
    return await desk.gateway.get(str(payment.provider_id))


async def state(desk: Desk) -> list[Any]:
    return [
        await desk.db.all(f"select * from {table} order by id")
        for table in ("payments", "ledger_entries", "outbox", "payment_discrepancies")
    ]
