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
from tests.payments.conftest import AMOUNT, CAPTURE, HOLD, MakeProcess, PaymentProcess
from tests.size import dice, size
from tests.waiting import eventually


async def test_late_and_repeated_notifications_change_nothing(process: PaymentProcess) -> None:
    payment = await process.created()
    words = [await word_about(process, payment)]
    await process.sandbox.pay(payment.provider_id)
    words.append(await word_about(process, payment))
    await process.set_goal(payment, "capture")
    for one in (words[1], words[0], words[1]):
        await process.settlement.settle(payment.id, one)
    captured = await process.becomes(payment, "captured")

    for one in (*words, *reversed(words)):
        await process.settlement.settle(payment.id, one)
    assert (await process.get(payment)).status == captured.status
    assert await process.ledger(payment) == HOLD + CAPTURE
    assert process.facts() == ["Held", "Captured"]


async def test_webhook_return_and_poll_in_every_order_are_one_change(process: PaymentProcess) -> None:
    chance = dice(20)

    async def webhook(payment: Payment) -> None:
        await process.payments.notified(str(payment.provider_id), {}, "127.0.0.1")

    async def coming_back(payment: Payment) -> None:
        await process.payments.returned(
            payment.order_id, process.signer.sign_until(datetime.now(UTC), "payment-return", payment.order_id)
        )

    async def poll(payment: Payment) -> None:
        await process.db.execute(
            "update payments set check_at = now() where id = %(id)s and check_at > now()", id=payment.id
        )
        await process.payments.poll()

    async def tell(ways: list[Any], payment: Payment) -> None:
        for way in ways:
            await asyncio.sleep(chance.uniform(0, 0.05))
            await way(payment)

    for order in (*itertools.permutations([webhook, coming_back, poll]),) * size(1, 167):
        process.heard.clear()
        payment = await process.created()
        await process.sandbox.pay(payment.provider_id)
        await asyncio.gather(*(tell([way] * 3, payment) for way in order))
        assert process.facts() == ["Held"]
        assert await process.ledger(payment) == HOLD


async def test_two_processes_settle_at_once(make_process: MakeProcess) -> None:
    first, second = await make_process(), await make_process()
    payment = await first.created()
    await first.sandbox.pay(payment.provider_id)
    await asyncio.gather(*(process.payments.refresh(payment.id) for process in (first, second) for _ in range(5)))
    assert first.facts() + second.facts() == ["Held"]
    assert await first.ledger(payment) == HOLD

    await asyncio.gather(*(process.set_goal(payment, "capture") for process in (first, second)))
    await first.becomes(payment, "captured")
    captures = [
        line
        for line in await first.sandbox.journal()
        if line["payment_id"] == payment.provider_id and line["kind"] == "payment.captured"
    ]
    assert len(captures) == 1
    assert sorted(first.facts() + second.facts()) == ["Captured", "Held"]


async def test_two_processes_start_one_payment(make_process: MakeProcess) -> None:
    first, second = await make_process(), await make_process()
    results = await asyncio.gather(
        *(process.start(order_id=10**9) for process in (first, second) for _ in range(4)), return_exceptions=True
    )
    assert {type(result) for result in results} <= {Payment, PaymentOpen}
    assert len({result.id for result in results if isinstance(result, Payment)}) == 1


async def test_two_processes_poll_and_share_the_work(make_process: MakeProcess) -> None:
    first, second = await make_process(), await make_process()
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


async def test_a_notification_only_causes_a_request_to_the_provider(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.payments.notified(str(payment.provider_id), {"payment_id": str(payment.id)}, "127.0.0.1")
    assert (await process.get(payment)).status == "pending"


async def test_a_hundred_forged_notifications_change_nothing(process: PaymentProcess) -> None:
    pending, held, captured = await process.created(), await process.held(), await process.captured()
    before, chance = await state(process), dice(5)
    made_up = [f"2e{number:06x}-000f-5000-8000-0123456789ab" for number in range(30)]
    real = [str(payment.provider_id) for payment in (pending, held, captured)]
    for _ in range(size(100, 500)):
        provider_id = chance.choice(made_up + real)
        claimed = chance.choice([pending.id, held.id, captured.id, 10**9])
        await process.payments.notified(provider_id, {"payment_id": str(claimed)}, "203.0.113.9")
    assert await state(process) == before


async def test_notifications_from_other_networks_cause_no_request(make_process: MakeProcess) -> None:
    process = await make_process(webhook_networks=networks(["185.71.76.0/27"]))
    payment = await process.created()
    await process.sandbox.pay(payment.provider_id)
    with pytest.raises(Forbidden):
        await process.payments.notified(str(payment.provider_id), {}, "203.0.113.9")
    assert (await process.get(payment)).status == "pending"
    await process.payments.notified(str(payment.provider_id), {}, "::ffff:185.71.76.5")
    assert (await process.get(payment)).status == "held"


async def test_a_notification_names_the_payment_whose_creation_was_not_answered(make_process: MakeProcess) -> None:
    process = await make_process(serving=False)
    payment = await process.start()
    await process.sandbox.faults(error_after_work=1)
    process.open()

    async def at_the_provider() -> dict[str, Any] | None:
        found = [
            one for one in await process.sandbox.payments() if one["metadata"].get("order_id") == str(payment.order_id)
        ]
        return found[0] if found else None

    theirs = await eventually(at_the_provider)
    assert theirs is not None
    await process.sandbox.pay(theirs["id"])
    assert (await process.get(payment)).provider_id is None
    await process.sandbox.faults()
    await process.payments.notified(theirs["id"], theirs["metadata"], "127.0.0.1")
    found = await process.get(payment)
    assert (found.provider_id, found.status) == (theirs["id"], "held")
    assert len([one for one in await process.letters() if one["name"] == f"{payment.id}:create"]) == 1


async def test_a_payment_of_another_order_is_refused(make_process: MakeProcess) -> None:
    process = await make_process()
    other = await process.held()
    await process.outbox.stop()
    payment = await process.start()
    await process.db.execute("update payments set provider_id = null where id = %(id)s", id=other.id)
    await process.payments.notified(str(other.provider_id), {"payment_id": str(payment.id)}, "127.0.0.1")
    assert (await process.get(payment)).provider_id is None
    noted = await process.db.all("select kind, provider_id from payment_discrepancies")
    assert noted == [{"kind": "unknown_here", "provider_id": other.provider_id}]
    process.open()


async def test_a_wrong_amount_is_recorded_once_and_never_applied(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.db.execute("update payments set amount = amount - 1 where id = %(id)s", id=payment.id)
    await process.sandbox.pay(payment.provider_id)
    for _ in range(3):
        assert (await process.payments.refresh(payment.id)).status == "pending"
    noted = await process.db.all("select payment_id, provider_id, kind, details from payment_discrepancies")
    assert [(one["payment_id"], one["kind"]) for one in noted] == [(payment.id, "amount")]
    assert noted[0]["details"]["said"]["amount"] == AMOUNT
    assert await process.ledger(payment) == []


async def test_a_payment_that_the_provider_forgot_is_recorded(process: PaymentProcess) -> None:
    payment = await process.created()
    await process.db.execute(
        "update payments set provider_id = 'ffffffff-000f-5000-8000-000000000000' where id = %(id)s", id=payment.id
    )
    assert (await process.payments.refresh(payment.id)).status == "pending"
    assert [one["kind"] for one in await process.db.all("select kind from payment_discrepancies")] == ["missing"]


async def word_about(process: PaymentProcess, payment: Payment) -> ProviderPayment:
    return await process.gateway.get(str(payment.provider_id))


async def state(process: PaymentProcess) -> list[Any]:
    return [
        await process.db.all(f"select * from {table} order by id")
        for table in ("payments", "ledger_entries", "outbox", "payment_discrepancies")
    ]
