"""Receipts of captures, completions and refunds by every scheme, and those that are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from mystar.errors import Forbidden
from mystar.kit.keys import DATABASE
from mystar.receipts.keys import RECEIPTS
from mystar.receipts.model import ReceiptNotRefused, vat_code_of
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.factory import actor
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

PRICE = 150_000


def scheme(name: str, **further: object) -> Any:
    variables = {"RECEIPTS__SCHEME": name, "RECEIPTS__VAT_CODE": 11, "RECEIPTS__TAX_SYSTEM": 1, **further}
    return pytest.mark.parametrize("further_settings", [variables], indirect=True)


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


async def made(scenario: EarningsScenario, order_id: int) -> list[dict[str, Any]]:
    """The order's receipts, once none of them is on its way."""

    async def look() -> list[dict[str, Any]] | None:
        rows = await scenario.app[DATABASE].all(
            "select * from receipts where order_id = %(id)s order by id", id=order_id
        )
        is_done = rows and all(row["status"] in ("registered", "refused") for row in rows)
        return [dict(row) for row in rows] if is_done else None

    found = await eventually(look)
    assert found is not None
    return found


async def at_provider(scenario: EarningsScenario, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    receipts = {one["id"]: one for one in await scenario.sandbox.call("GET", "/sandbox/receipts.json")}
    return [receipts[row["provider_id"]] for row in rows]


@scheme("own")
async def test_a_sale_has_a_prepayment_receipt_and_its_offset(
    scenario: EarningsScenario, sandbox: SandboxProcess
) -> None:
    order_id = await scenario.completed(PRICE)
    rows = await made(scenario, order_id)
    prepayment, offset = await at_provider(scenario, rows)

    assert [(row["kind"], row["amount"], row["status"]) for row in rows] == [
        ("prepayment", PRICE, "registered"),
        ("offset", PRICE, "registered"),
    ]
    assert rows[0]["fiscal"]["fiscal_document_number"] == "1234"
    [item] = prepayment["items"]
    assert (item["payment_mode"], item["vat_code"], "supplier" in item) == ("full_prepayment", 12, False)
    assert prepayment["settlements"] == [{"type": "cashless", "amount": {"value": "1500.00", "currency": "RUB"}}]
    [item] = offset["items"]
    assert (item["payment_mode"], item["vat_code"]) == ("full_payment", 11)
    assert offset["settlements"][0]["type"] == "prepayment"
    assert await scenario.is_sound()


@scheme("agent")
async def test_a_receipt_of_an_agent_names_the_supplier(scenario: EarningsScenario, sandbox: SandboxProcess) -> None:
    rows = await made(scenario, await scenario.completed(PRICE))
    [item] = (await at_provider(scenario, rows))[0]["items"]

    assert item["agent_type"] == "agent"
    assert item["supplier"]["inn"] == "000000000000"
    assert item["supplier"]["name"]


@scheme("fee_only")
async def test_only_the_commission_is_on_the_receipt(scenario: EarningsScenario, sandbox: SandboxProcess) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(PRICE)
    await scenario.refund(order_id, 50_000)

    async def three() -> bool:
        return len(await made(scenario, order_id)) == 3

    await eventually(three)
    rows = await made(scenario, order_id)
    assert [(row["kind"], row["amount"]) for row in rows] == [
        ("prepayment", 30_000),
        ("offset", 30_000),
        ("refund", 10_000),
    ]


@scheme("own")
async def test_every_refund_has_a_receipt_of_its_own(scenario: EarningsScenario, sandbox: SandboxProcess) -> None:
    order_id = await scenario.completed(PRICE)
    await made(scenario, order_id)
    await scenario.refund(order_id, 50_000)
    await made(scenario, order_id)
    await scenario.refund(order_id)

    async def four() -> bool:
        return len(await made(scenario, order_id)) == 4

    await eventually(four)
    rows = await made(scenario, order_id)
    refunds = await at_provider(scenario, rows[2:])
    assert [(row["kind"], row["amount"], row["status"]) for row in rows[2:]] == [
        ("refund", 50_000, "registered"),
        ("refund", 100_000, "registered"),
    ]
    assert len({refund["refund_id"] for refund in refunds}) == 2
    assert refunds[0]["items"][0]["payment_mode"] == "full_payment"
    assert await scenario.is_sound()


async def test_without_a_scheme_there_are_no_receipts(scenario: EarningsScenario) -> None:
    await scenario.completed(PRICE)

    assert await scenario.app[DATABASE].all("select * from receipts") == []


@scheme("own")
async def test_a_canceled_receipt_waits_for_staff_who_send_it_again(
    scenario: EarningsScenario, sandbox: SandboxProcess
) -> None:
    await sandbox.faults(receipts={"canceled": 1})
    order_id = await scenario.completed(PRICE)
    rows = await made(scenario, order_id)
    assert {(row["status"], row["reason"]) for row in rows} == {("refused", "canceled")}
    letter = await sandbox.wait_for_mail("support@localhost")
    assert f"№{order_id}" in letter["text"]

    await sandbox.faults()
    operator = await scenario.factory.staff("operator")
    page = await scenario.api.get("/admin/receipts/?status=refused", as_=operator)
    assert "canceled" in await page.text()
    for row in rows:
        answer = await scenario.api.post(f"/admin/receipts/{row['id']}/send/", as_=operator)
        assert answer.status == 204, await answer.text()
    again = await made(scenario, order_id)

    assert {row["status"] for row in again} == {"registered"}
    assert not {row["provider_id"] for row in rows} & {row["provider_id"] for row in again}
    page = await scenario.api.get(f"/admin/receipts/{rows[0]['id']}/", as_=operator)
    assert "Номер документа" in await page.text()
    with pytest.raises(ReceiptNotRefused):
        await scenario.app[RECEIPTS].send_again(None, rows[0]["id"])


@scheme("own")
async def test_a_pending_receipt_is_followed_until_it_is_registered(
    scenario: EarningsScenario, sandbox: SandboxProcess
) -> None:
    await sandbox.faults(receipts={"pending": 1})
    order_id = await scenario.completed(PRICE)

    async def pending() -> list[str] | None:
        rows = await scenario.app[DATABASE].all(
            "select provider_id from receipts where order_id = %(id)s and status = 'pending'", id=order_id
        )
        return [row["provider_id"] for row in rows] if len(rows) == 2 else None

    for provider_id in await eventually(pending) or ():
        await sandbox.call("POST", f"/sandbox/receipts/{provider_id}/register")
    await sandbox.faults()
    await scenario.later(minutes=2)

    assert {row["status"] for row in await made(scenario, order_id)} == {"registered"}


@scheme("own")
async def test_a_lost_answer_makes_no_second_receipt(scenario: EarningsScenario, sandbox: SandboxProcess) -> None:
    order_id = await scenario.place(PRICE)
    await scenario.deliver(order_id)
    await sandbox.faults(error_after_work=0.5, seed=3)
    await scenario.act(order_id, "approve", as_=scenario.buyer)

    async def captured() -> bool:
        return (await scenario.order(order_id))["money"] == "captured"

    async def all_there() -> bool:
        rows = await scenario.app[DATABASE].all("select status from receipts where order_id = %(id)s", id=order_id)
        scenario.clock.ahead += timedelta(minutes=2)
        return len(rows) == 2 and all(row["status"] == "registered" for row in rows)

    await eventually(captured)
    await eventually(all_there)
    payment = await sandbox.find_payment(order_id=str(order_id))
    listed = await sandbox.call("GET", "/sandbox/receipts.json")
    assert len([one for one in listed if one["payment_id"] == payment["id"]]) == 2


@pytest.mark.parametrize(
    ("code", "kind", "is_offset", "expected"),
    [
        (11, "prepayment", False, 12),
        (11, "offset", False, 11),
        (11, "refund", False, 12),
        (11, "refund", True, 11),
        (1, "prepayment", False, 1),
        (7, "prepayment", False, 9),
    ],
)
def test_an_advance_has_a_vat_code_of_its_own(code: int, kind: Any, is_offset: bool, expected: int) -> None:
    assert vat_code_of(code, kind, is_offset=is_offset) == expected


async def test_only_staff_send_receipts_again(scenario: EarningsScenario) -> None:
    answer = await scenario.api.post("/admin/receipts/1/send/", as_=scenario.buyer)

    assert answer.status == 403
    with pytest.raises(Forbidden):
        await scenario.app[RECEIPTS].send_again(actor(scenario.buyer), 1)
