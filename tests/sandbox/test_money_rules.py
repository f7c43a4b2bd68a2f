"""SBP, income, refunds that fail, receipts, chargebacks and safe deals."""

from typing import Any

import pytest

from tests.sandbox.conftest import DRAFT, GATEWAY, Clock, Sandbox, WebhookReceiver, until

SBP = {"payment_method_data": {"type": "sbp"}, "capture": True}
ITEM = {
    "description": "Поздравление",
    "quantity": "1.00",
    "amount": {"value": "1500.50", "currency": "RUB"},
    "vat_code": 1,
}


def rubles(value: str) -> dict[str, str]:
    return {"value": value, "currency": "RUB"}


# SBP and fees


async def test_sbp_takes_the_money_at_once(sandbox: Sandbox) -> None:
    paid = await sandbox.hold(**SBP)

    _, payment = await sandbox.ask("GET", f"/payments/{paid['id']}")

    assert (payment["status"], payment["payment_method"]["type"]) == ("succeeded", "sbp")
    assert payment["payment_method"]["sbp_operation_id"]


async def test_sbp_cannot_hold(sandbox: Sandbox) -> None:
    status, refusal = await sandbox.ask("POST", "/payments", DRAFT | SBP | {"capture": False})

    assert (status, refusal["parameter"]) == (400, "capture")


async def test_an_sbp_qr_code_needs_no_address(sandbox: Sandbox) -> None:
    payment = await sandbox.create(**SBP, confirmation={"type": "qr"})

    assert payment["confirmation"] == {"type": "qr", "confirmation_data": f"{sandbox.http}/pay/{payment['id']}"}


@pytest.mark.parametrize(
    ("method", "value", "parameter"),
    [
        ("bank_card", "0.99", "amount.value"),
        ("bank_card", "350000.01", "amount.value"),
        ("sbp", "700000.01", "amount.value"),
        ("cash", "10.00", "payment_method_data.type"),
    ],
)
async def test_limits_of_methods_are_kept(sandbox: Sandbox, method: str, value: str, parameter: str) -> None:
    changes = {"amount": rubles(value), "capture": True, "payment_method_data": {"type": method}}

    status, refusal = await sandbox.ask("POST", "/payments", DRAFT | changes)

    assert (status, refusal["parameter"]) == (400, parameter)


@pytest.mark.parametrize(("changes", "income"), [({"capture": True}, "1435.95"), (SBP, "1481.70")])
async def test_income_is_the_amount_less_the_fee_and_its_tax(
    sandbox: Sandbox, changes: dict[str, Any], income: str
) -> None:
    paid = await sandbox.hold(amount=rubles("1500.00"), **changes)

    _, payment = await sandbox.ask("GET", f"/payments/{paid['id']}")

    assert payment["income_amount"]["value"] == income


async def test_a_payment_can_be_refused_for_good(sandbox: Sandbox) -> None:
    await sandbox.faults(refuse_payments="receipt")

    status, refusal = await sandbox.ask("POST", "/payments", DRAFT)

    assert (status, refusal["code"], refusal["parameter"]) == (400, "invalid_request", "receipt")


# refunds and chargebacks


async def test_a_pending_refund_counts_until_it_fails(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    paid = await sandbox.hold(capture=True)
    await sandbox.faults(refunds={"pending": 1})
    body = {"payment_id": paid["id"], "amount": rubles("1500.50")}
    _, refund = await sandbox.ask("POST", "/refunds", body)

    too_much, _ = await sandbox.ask("POST", "/refunds", body | {"amount": rubles("1.00")})
    await sandbox.refund_action(refund["id"], "cancel", reason="rejected_by_payee")

    assert (refund["status"], too_much) == ("pending", 400)
    _, failed = await sandbox.ask("GET", f"/refunds/{refund['id']}")
    assert failed["cancellation_details"] == {"party": "yoo_money", "reason": "rejected_by_payee"}
    _, payment = await sandbox.ask("GET", f"/payments/{paid['id']}")
    assert (payment["refunded_amount"]["value"], payment["refundable"]) == ("0.00", True)
    await until(lambda: "payment.succeeded" in shop.events())
    assert "refund.succeeded" not in shop.events()


async def test_a_pending_refund_succeeds_later(sandbox: Sandbox) -> None:
    paid = await sandbox.hold(capture=True)
    await sandbox.faults(refunds={"pending": 1})
    _, refund = await sandbox.ask("POST", "/refunds", {"payment_id": paid["id"], "amount": rubles("500.00")})

    await sandbox.refund_action(refund["id"], "succeed")

    assert (await sandbox.ask("GET", f"/refunds/{refund['id']}"))[1]["status"] == "succeeded"
    _, page = await sandbox.ask("GET", f"/refunds?payment_id={paid['id']}&status=succeeded")
    assert [one["id"] for one in page["items"]] == [refund["id"]]
    with pytest.raises(AssertionError, match="409"):
        await sandbox.refund_action(refund["id"], "cancel")


async def test_a_refund_can_fail_at_once_for_lack_of_money(sandbox: Sandbox) -> None:
    paid = await sandbox.hold(capture=True)
    await sandbox.faults(refunds={"insufficient_funds": 1})

    status, refund = await sandbox.ask("POST", "/refunds", {"payment_id": paid["id"], "amount": rubles("500.00")})

    assert (status, refund["status"]) == (200, "canceled")
    assert refund["cancellation_details"]["reason"] == "insufficient_funds"


async def test_a_chargeback_is_a_mail_and_a_journal_line(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    paid = await sandbox.hold(capture=True)

    await sandbox.charge_back(paid["id"], 100_000)

    [letter] = await sandbox.mails("merchant@sandbox.example")
    assert paid["id"] in letter["text"]
    assert (await sandbox.journal())[-1]["kind"] == "payment.charged_back"
    too_much, _ = await sandbox.ask("POST", "/refunds", {"payment_id": paid["id"], "amount": rubles("500.51")})
    assert too_much == 400
    assert not [event for event in shop.events() if "charge" in event]


# receipts


async def test_a_receipt_is_registered_later_or_canceled(sandbox: Sandbox) -> None:
    paid = await sandbox.hold(capture=True)
    await sandbox.faults(receipts={"pending": 1})
    body = {
        "type": "payment",
        "payment_id": paid["id"],
        "customer": {"email": "buyer@example.com"},
        "items": [ITEM | {"supplier": {"name": "Иван"}, "agent_type": "agent"}],
        "settlements": [{"type": "cashless", "amount": rubles("1500.50")}],
        "send": True,
    }
    _, first = await sandbox.ask("POST", "/receipts", body)
    _, second = await sandbox.ask("POST", "/receipts", body)

    await sandbox.call("POST", f"/sandbox/receipts/{first['id']}/register")
    await sandbox.call("POST", f"/sandbox/receipts/{second['id']}/cancel")

    assert (first["status"], "fiscal_document_number" in first) == ("pending", False)
    _, registered = await sandbox.ask("GET", f"/receipts/{first['id']}")
    assert (registered["status"], registered["fiscal_document_number"]) == ("succeeded", "1234")
    _, page = await sandbox.ask("GET", f"/receipts?payment_id={paid['id']}&status=canceled")
    assert [one["id"] for one in page["items"]] == [second["id"]]


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"type": "sale"}, "type"),
        ({"customer": {}}, "customer"),
        ({"settlements": []}, "settlements"),
        ({"items": [ITEM | {"vat_code": 13}]}, "items.vat_code"),
        ({"payment_id": "none"}, "payment_id"),
        ({"type": "refund"}, "refund_id"),
    ],
)
async def test_an_invalid_receipt_is_refused(sandbox: Sandbox, changes: dict[str, Any], parameter: str) -> None:
    paid = await sandbox.hold(capture=True)
    body = {"type": "payment", "payment_id": paid["id"], "customer": {"email": "a@b.ru"}, "items": [ITEM]}
    settlements = {"settlements": [{"type": "cashless", "amount": rubles("1500.50")}]}

    status, refusal = await sandbox.ask("POST", "/receipts", body | settlements | changes)

    assert (status, refusal["parameter"]) == (400, parameter)


async def test_a_supplier_is_refused_inside_a_payment(sandbox: Sandbox) -> None:
    receipt = {"customer": {"email": "a@b.ru"}, "items": [ITEM | {"supplier": {"name": "Иван"}}]}

    status, refusal = await sandbox.ask("POST", "/payments", DRAFT | {"receipt": receipt})

    assert (status, refusal["parameter"]) == (400, "receipt.items")


# safe deals


async def deal_with_payment(sandbox: Sandbox, fee_moment: str) -> tuple[str, str]:
    """A deal with a successful payment of 1500.00, of which 1200.00 are the seller's."""
    _, deal = await sandbox.ask("POST", "/deals", {"type": "safe_deal", "fee_moment": fee_moment})
    settlements = [{"type": "payout", "amount": rubles("1200.00")}]
    changes = {"capture": True, "amount": rubles("1500.00"), "deal": {"id": deal["id"], "settlements": settlements}}
    return deal["id"], (await sandbox.hold(**changes))["id"]


async def balances(sandbox: Sandbox, deal_id: str) -> tuple[str, str, str]:
    _, deal = await sandbox.ask("GET", f"/deals/{deal_id}")
    return deal["status"], deal["balance"]["value"], deal["payout_balance"]["value"]


def refund_of(payment_id: str, deal_id: str, amount: str, settlement: str) -> dict[str, Any]:
    settlements = [{"type": "payout", "amount": rubles(settlement)}]
    deal = {"id": deal_id, "refund_settlements": settlements}
    return {"payment_id": payment_id, "amount": rubles(amount), "deal": deal}


async def test_with_the_fee_at_payment_a_deal_holds_the_sellers_part(sandbox: Sandbox) -> None:
    deal_id, payment_id = await deal_with_payment(sandbox, "payment_succeeded")
    before = await balances(sandbox, deal_id)

    ok, _ = await sandbox.ask("POST", "/refunds", refund_of(payment_id, deal_id, "400.00", "400.00"))
    too_much, _ = await sandbox.ask("POST", "/refunds", refund_of(payment_id, deal_id, "1300.00", "800.00"))

    assert before == ("opened", "1200.00", "1200.00")
    assert (ok, too_much) == (200, 400)
    assert await balances(sandbox, deal_id) == ("opened", "800.00", "800.00")


async def test_with_the_fee_at_close_a_deal_holds_the_income(sandbox: Sandbox) -> None:
    deal_id, payment_id = await deal_with_payment(sandbox, "deal_closed")
    before = await balances(sandbox, deal_id)

    await sandbox.ask("POST", "/refunds", refund_of(payment_id, deal_id, "500.00", "400.00"))

    assert before == ("opened", "1435.95", "1200.00")
    assert await balances(sandbox, deal_id) == ("opened", "935.95", "800.00")


async def test_a_payout_closes_its_deal(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    deal_id, payment_id = await deal_with_payment(sandbox, "payment_succeeded")
    body = {
        "amount": rubles("1200.00"),
        "payout_destination_data": {"type": "yoo_money", "account_number": "4100116075156746"},
        "deal": {"id": deal_id},
    }
    wrong_credentials, _ = await sandbox.ask("POST", "/payouts", body, auth=GATEWAY)

    status, payout = await sandbox.ask("POST", "/payouts", body)
    late, refusal = await sandbox.ask("POST", "/refunds", refund_of(payment_id, deal_id, "1.00", "1.00"))

    assert (wrong_credentials, status, payout["deal"]) == (400, 200, {"id": deal_id})
    assert (late, refusal["parameter"]) == (400, "deal.id")
    await until(lambda: "deal.closed" in shop.events())


async def test_an_expired_deal_returns_the_money(sandbox: Sandbox, clock: Clock) -> None:
    deal_id, _ = await deal_with_payment(sandbox, "deal_closed")
    clock.move(days=90)

    assert (await balances(sandbox, deal_id))[0] == "closed"
    [payment] = await sandbox.payments()
    assert payment["refunded"] == 143_595


@pytest.mark.parametrize(("changes", "parameter"), [(SBP, "payment_method_data.type"), ({}, "deal.settlements")])
async def test_a_payment_that_a_deal_cannot_take_is_refused(
    sandbox: Sandbox, changes: dict[str, Any], parameter: str
) -> None:
    _, deal = await sandbox.ask("POST", "/deals", {"type": "safe_deal"})
    settlements = [{"type": "payout", "amount": rubles("194.00" if not changes else "100.00")}]
    draft = DRAFT | {"amount": rubles("200.00"), "deal": {"id": deal["id"], "settlements": settlements}} | changes

    status, refusal = await sandbox.ask("POST", "/payments", draft)

    assert (status, refusal["parameter"]) == (400, parameter)


async def test_a_part_of_a_deal_is_captured_with_its_settlement(sandbox: Sandbox) -> None:
    _, deal = await sandbox.ask("POST", "/deals", {"type": "safe_deal"})
    settlements = [{"type": "payout", "amount": rubles("1200.00")}]
    held = await sandbox.hold(amount=rubles("1500.00"), deal={"id": deal["id"], "settlements": settlements})
    path, part = f"/payments/{held['id']}/capture", {"amount": rubles("1000.00")}

    without, refusal = await sandbox.ask("POST", path, part)
    settlement = {"settlements": [{"type": "payout", "amount": rubles("800.00")}]}
    await sandbox.ask("POST", path, part | {"deal": settlement})

    assert (without, refusal["parameter"]) == (400, "deal.settlements")
    assert await balances(sandbox, deal["id"]) == ("opened", "800.00", "800.00")
