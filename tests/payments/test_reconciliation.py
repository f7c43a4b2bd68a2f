"""Differences that are planted are found, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from mystar.errors import Unavailable
from mystar.payments.model import Payment
from mystar.payments.repository import PaymentRepository
from mystar.payments.state_machine import LedgerMove
from tests.payments.conftest import AMOUNT, MakeProcess, PaymentProcess
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.waiting import eventually


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxProcess]:
    """One of its own: the provider's whole book is compared, and its journal falsified."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


@pytest.fixture
async def all_kinds(process: PaymentProcess) -> dict[str, Payment]:
    """A payment in every state."""
    released, refunded, failed = await process.held(), await process.captured(), await process.created()
    await process.set_goal(released, "give_back")
    await process.set_goal(refunded, "give_back")
    await process.sandbox.decline(failed.provider_id)
    found = {
        "pending": await process.created(),
        "held": await process.held(),
        "captured": await process.captured(),
        "released": await process.becomes(released, "released"),
        "refunded": await process.becomes(refunded, "refunded"),
        "failed": await process.payments.refresh(failed.id),
    }
    assert {kind: payment.status for kind, payment in found.items()} == {kind: kind for kind in found}
    return found


async def differences(process: PaymentProcess) -> list[tuple[str, int | None]]:
    return sorted((one.kind, one.payment_id) for one in await process.payments.reconcile())


def falsify(sandbox: SandboxProcess, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Stop the provider, let ``change`` rewrite the lines of its journal, start it again."""
    sandbox.stop()
    path = sandbox.data_dir / "money.jsonl"
    lines = change([orjson.loads(line) for line in path.read_bytes().splitlines()])
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    sandbox.start()


async def test_equal_records_have_no_differences(process: PaymentProcess, all_kinds: dict[str, Payment]) -> None:
    assert await differences(process) == []


async def test_changes_at_the_provider_without_notification_are_found(
    process: PaymentProcess, all_kinds: dict[str, Payment]
) -> None:
    book = {payment.provider_id: payment for payment in all_kinds.values()}

    def change(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        last = {line["payment_id"]: line["payment"] for line in lines}
        for provider_id, theirs in last.items():
            match book[provider_id].status:
                case "pending":
                    theirs |= {
                        "status": "canceled",
                        "cancellation": {"party": "yoo_money", "reason": "general_decline"},
                    }
                case "held":
                    theirs |= {"status": "succeeded", "captured": AMOUNT - 100}
                case "captured":
                    theirs |= {"refunded": 100}
                case "released":
                    theirs |= {"status": "waiting_for_capture", "expires_at": "2099-01-01T00:00:00.000Z"}
                case "refunded":
                    theirs |= {"refunded": AMOUNT - 100}
                case "failed":
                    theirs |= {"amount": AMOUNT + 1}
        return lines

    falsify(process.sandbox, change)
    assert await differences(process) == sorted(
        [
            ("status", all_kinds["pending"].id),
            ("status", all_kinds["held"].id),
            ("captured", all_kinds["held"].id),
            ("refunded", all_kinds["captured"].id),
            ("status", all_kinds["released"].id),
            ("status", all_kinds["refunded"].id),
            ("refunded", all_kinds["refunded"].id),
            ("amount", all_kinds["failed"].id),
        ]
    )


async def test_payments_that_one_side_does_not_know_are_found(
    process: PaymentProcess, all_kinds: dict[str, Payment]
) -> None:
    lost, strange = all_kinds["held"], all_kinds["captured"]

    def change(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [line for line in lines if line["payment_id"] != lost.provider_id]
        copies = []
        for line in kept:
            if line["payment_id"] == strange.provider_id:
                copy = orjson.loads(orjson.dumps(line).replace(strange.provider_id.encode(), b"1" * 36))
                copies.append(copy | {"number": 1000 + line["number"], "idempotence_key": None})
        return kept + copies

    falsify(process.sandbox, change)
    found = await process.payments.reconcile()
    assert [(one.kind, one.payment_id, one.provider_id) for one in found] == [
        ("unknown_here", None, "1" * 36),
        ("missing_there", lost.id, lost.provider_id),
    ]
    assert str(found[1]) == f"payment {lost.id} ({lost.provider_id}): missing_there: held / nothing"


async def test_a_ledger_that_differs_from_its_payment_is_found(
    process: PaymentProcess, all_kinds: dict[str, Payment]
) -> None:
    await process.db.execute("alter table ledger_entries disable trigger ledger_append_only")
    captured, held = all_kinds["captured"], all_kinds["held"]
    await process.db.execute(
        "delete from ledger_entries where payment_id = %(id)s and reason = 'capture'", id=captured.id
    )
    await process.db.execute("update ledger_entries set amount = amount - 1 where payment_id = %(id)s", id=held.id)
    assert await differences(process) == sorted(
        [("ledger_capture", captured.id), ("ledger_hold", held.id), ("ledger_sum", held.id)]
    )


async def test_a_payment_being_created_is_not_a_difference(make_process: MakeProcess) -> None:
    process = await make_process()
    payment = await process.created()
    await process.db.execute("update payments set provider_id = null where id = %(id)s", id=payment.id)
    assert await differences(process) == []


async def test_many_payments_are_compared_page_by_page(process: PaymentProcess) -> None:
    for _ in range(3):
        await process.created()
    await process.db.execute(
        "insert into payments (order_id, amount, description, return_url, status, provider_id)"
        " select 10000 + n, 100, '', '', 'failed', 'gone-' || n from generate_series(1, 1100) as n"
    )
    found = await process.payments.reconcile()
    assert {one.kind for one in found} == {"missing_there"}
    assert len(found) == 1100


async def test_an_unavailable_provider_is_an_error_not_agreement(process: PaymentProcess) -> None:
    await process.sandbox.faults(down=True)
    with pytest.raises(Unavailable):
        await process.payments.reconcile()


async def test_planted_differences_of_refunds_are_found_and_none_is_invented(process: PaymentProcess) -> None:
    payments = [await process.captured() for _ in range(6)]
    agreed, unknown, missing, amount, status, _ = payments
    await part_refunded(process, agreed, 30_000)
    await part_refunded(process, agreed, 20_000)
    assert await refund_differences(process) == []

    await process.gateway.refund("a", provider_id(unknown), amount=100, description="in the provider's own pages")
    await booked(process, missing, 200)
    await process.gateway.refund("b", provider_id(amount), amount=300, description="")
    await booked(process, amount, 301)
    await process.sandbox.faults(refunds={"insufficient_funds": 1})
    await process.gateway.refund("c", provider_id(status), amount=400, description="")
    await process.sandbox.faults()
    await booked(process, status, 400)

    assert await refund_differences(process) == sorted(
        [
            ("refund_unknown_here", unknown.id),
            ("refund_missing_there", missing.id),
            ("refund_amount", amount.id),
            ("refund_status", status.id),
        ],
        key=str,
    )
    await process.db.execute("update payments set provider_id = 'none' where id = %(id)s", id=unknown.id)
    assert ("refund_unknown_here", None) in await refund_differences(process)


async def refund_differences(process: PaymentProcess) -> list[tuple[str, int | None]]:
    compared = await process.payments.reconcile_refunds(timedelta(days=3))
    return sorted(((one.kind, one.payment_id) for one in compared.differences), key=str)


def provider_id(payment: Payment) -> str:
    assert payment.provider_id is not None
    return payment.provider_id


async def part_refunded(process: PaymentProcess, payment: Payment, amount: int) -> None:
    before = (await process.get(payment)).refunded
    async with process.db.transaction() as tx:
        await process.payments.refund_part(tx, payment.order_id, amount)

    async def refunded() -> bool:
        return (await process.get(payment)).refunded == before + amount

    await eventually(refunded)


async def booked(process: PaymentProcess, payment: Payment, amount: int) -> None:
    """A refund that only the ledger knows."""
    async with process.db.transaction() as tx:
        await PaymentRepository(tx).move(payment, LedgerMove("refund", amount))
