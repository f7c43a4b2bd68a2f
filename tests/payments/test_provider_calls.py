"""Answers that the sandbox never gives: refunds that take their time, refusals without a reason we could see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mystar.payments.model import Payment
from tests.payments.conftest import AMOUNT, MakeProcess, PaymentProcess
from tests.waiting import eventually

MONEY = {"value": "15000.00", "currency": "RUB"}
PAYMENT = {"id": "p-1", "amount": MONEY}
HELD = (200, {**PAYMENT, "status": "waiting_for_capture"})
TAKEN = (200, {**PAYMENT, "status": "succeeded"})
RETURNED = (200, {**PAYMENT, "status": "succeeded", "refunded_amount": MONEY})


def refund(status: str) -> tuple[int, Any]:
    return 200, {"id": "r-1", "payment_id": "p-1", "status": status, "amount": MONEY}


class Scripted:
    """A provider that answers what it is told: ``says[call]`` in turn, the last one for ever; ``asked`` counts."""

    def __init__(self) -> None:
        self.says: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[str] = []
        self.keys: dict[str, set[str]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        call = f"{request.method} {request.path.removeprefix('/v3/')}"
        self.asked.append(call)
        self.keys.setdefault(call, set()).add(request.headers.get("Idempotence-Key", ""))
        script = self.says[call]
        status, body = script.pop(0) if len(script) > 1 else script[0]
        return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


@pytest.fixture
async def provider() -> Scripted:
    return Scripted()


@pytest.fixture
async def process(make_process: MakeProcess, provider: Scripted) -> AsyncIterator[PaymentProcess]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", provider.answer)
    async with TestServer(app) as server:
        yield await make_process(serving=False, shop={"url": str(server.make_url("/v3"))})


async def stand(process: PaymentProcess, status: str, goal: str) -> Payment:
    """A payment in this state, as if it had come there in the ordinary way, on its way to its goal."""
    payment = await process.start()
    await process.db.execute("delete from outbox")
    await process.db.execute(
        "update payments set provider_id = 'p-1', status = %(status)s, captured = %(captured)s, held_at = now()"
        " where id = %(id)s",
        id=payment.id,
        status=status,
        captured=AMOUNT if status == "captured" else 0,
    )
    for reason in ("hold", "capture")[: 1 + (status == "captured")]:
        source, target = {"hold": ("payer", "held"), "capture": ("held", "creator")}[reason]
        await process.db.execute(
            "insert into ledger_entries (move_id, payment_id, account, amount, currency, reason)"
            " values ('00000000-0000-4000-8000-00000000000%(n)s', %(id)s, %(source)s, -%(amount)s, 'RUB', %(reason)s),"
            " ('00000000-0000-4000-8000-00000000000%(n)s', %(id)s, %(target)s, %(amount)s, 'RUB', %(reason)s)",
            n=len(reason),
            id=payment.id,
            source=source,
            target=target,
            amount=AMOUNT,
            reason=reason,
        )
    await process.set_goal(payment, goal)
    return await process.get(payment)


async def times(process: PaymentProcess, provider: Scripted, call: str, count: int) -> None:
    """Wait until the call was made so often; time flies meanwhile."""

    async def made() -> bool:
        process.clock.ahead += timedelta(seconds=120)
        return provider.asked.count(call) >= count

    await eventually(made)


async def test_a_pending_refund_is_awaited(process: PaymentProcess, provider: Scripted) -> None:
    provider.says = {
        "POST refunds": [refund("pending")],
        "GET refunds/r-1": [refund("pending"), refund("succeeded")],
        "GET payments/p-1": [RETURNED],
    }
    payment = await stand(process, "captured", "give_back")
    process.open()
    await times(process, provider, "GET refunds/r-1", 2)
    await process.becomes(payment, "refunded")
    assert len(provider.keys["POST refunds"]) == 1


async def test_a_refund_canceled_at_once_waits_for_staff(process: PaymentProcess, provider: Scripted) -> None:
    provider.says = {"POST refunds": [refund("canceled")], "GET payments/p-1": [TAKEN]}
    payment = await stand(process, "captured", "give_back")
    process.open()
    await times(process, provider, "POST refunds", 1)

    async def failure() -> str | None:
        return (await process.get(payment)).refund_failure

    assert await eventually(failure) == "canceled"


async def test_a_refund_made_outside_is_recognised(process: PaymentProcess, provider: Scripted) -> None:
    provider.says = {
        "POST refunds": [(400, {"type": "error", "code": "invalid_request"})],
        "GET payments/p-1": [RETURNED],
    }
    payment = await stand(process, "captured", "give_back")
    process.open()
    await process.becomes(payment, "refunded")
    assert provider.asked == ["POST refunds", "GET payments/p-1"]


async def test_after_a_partial_refund_outside_the_remainder_is_refunded(
    process: PaymentProcess, provider: Scripted
) -> None:
    part = {"value": "5000.00", "currency": "RUB"}
    provider.says = {
        "POST refunds": [(400, {"type": "error", "code": "invalid_request"}), refund("succeeded")],
        "GET payments/p-1": [(200, {**TAKEN[1], "refunded_amount": part}), RETURNED],
    }
    payment = await stand(process, "captured", "give_back")
    process.open()
    refunded = await process.becomes(payment, "refunded")
    assert refunded.refunded == AMOUNT
    assert len(provider.keys["POST refunds"]) == 2, "another operation, another key"
    refunds = [
        amount for reason, account, amount in await process.ledger(payment) if (reason, account) == ("refund", "payer")
    ]
    assert refunds == [500_000, 1_000_000]


async def test_a_capture_refused_without_reason_is_tried_again_and_never_given_up(
    process: PaymentProcess, provider: Scripted
) -> None:
    provider.says = {
        "POST payments/p-1/capture": [(400, {"type": "error", "code": "invalid_request"})] * 3 + [TAKEN],
        "GET payments/p-1": [HELD],
    }
    payment = await stand(process, "held", "capture")
    process.open()
    await times(process, provider, "POST payments/p-1/capture", 4)
    await process.becomes(payment, "captured")
    assert len(provider.keys["POST payments/p-1/capture"]) == 1


async def test_after_429_calls_wait_as_long_as_the_provider_says(process: PaymentProcess, provider: Scripted) -> None:
    provider.says = {
        "POST payments/p-1/cancel": [
            (429, {"type": "error", "code": "too_many_requests", "retry_after": 90_000}),
            (200, {**PAYMENT, "status": "canceled", "cancellation_details": {"party": "merchant", "reason": "x"}}),
        ],
    }
    payment = await stand(process, "held", "give_back")
    process.open()

    async def refused() -> Any:
        return (await process.letters())[0]["last_error"]

    assert await eventually(refused) == "too_many_requests"
    due = await process.db.value("select extract(epoch from next_attempt_at - now()) from outbox")
    assert 80 < due <= 90
    await times(process, provider, "POST payments/p-1/cancel", 2)
    await process.becomes(payment, "released")


async def test_an_obsolete_call_is_not_made(process: PaymentProcess, provider: Scripted) -> None:
    provider.says = {"POST payments/p-1/cancel": [(500, {})]}
    payment = await stand(process, "held", "capture")
    await process.set_goal(payment, "give_back")
    process.open()
    await times(process, provider, "POST payments/p-1/cancel", 1)
    assert "POST payments/p-1/capture" not in provider.asked

    async def is_done() -> bool:
        return any(one["name"] == f"{payment.id}:capture" and one["done_at"] for one in await process.letters())

    await eventually(is_done)
