import uuid
from typing import Any

import aiohttp
import pytest

from tests.sandbox.conftest import DRAFT, SHOP, Clock, Sandbox


async def test_a_new_payment_is_pending(sandbox: Sandbox) -> None:
    payment = await sandbox.create()

    assert str(uuid.UUID(payment["id"])) == payment["id"]
    assert payment == {
        "id": payment["id"],
        "status": "pending",
        "amount": {"value": "1500.50", "currency": "RUB"},
        "description": "Заказ №7",
        "recipient": {"account_id": "100500", "gateway_id": "100700"},
        "created_at": "2026-11-21T12:00:00.000Z",
        "confirmation": {
            "type": "redirect",
            "return_url": "http://shop.example/thanks?order=7",
            "confirmation_url": f"{sandbox.http}/pay/{payment['id']}",
        },
        "test": True,
        "paid": False,
        "refundable": False,
        "metadata": {"order_id": "7"},
    }
    assert await sandbox.ask("GET", f"/payments/{payment['id']}") == (200, payment)


async def test_a_paid_payment_is_held_for_seven_days(sandbox: Sandbox) -> None:
    held = await sandbox.hold()
    _, payment = await sandbox.ask("GET", f"/payments/{held['id']}")

    assert (payment["status"], payment["paid"], payment["refundable"]) == ("waiting_for_capture", True, False)
    assert payment["expires_at"] == "2026-11-28T12:00:00.000Z"
    assert payment["authorization_details"]["rrn"]
    assert payment["payment_method"]["type"] == "bank_card"
    assert "confirmation" not in payment
    assert (held["authorized"], held["held"], held["captured"], held["released"]) == (150050, 150050, 0, 0)


async def test_a_hold_is_captured_whole(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    status, payment = await sandbox.ask("POST", f"/payments/{held['id']}/capture")

    assert (status, payment["status"], payment["amount"]["value"]) == (200, "succeeded", "1500.50")
    assert (payment["paid"], payment["refundable"]) == (True, True)
    assert payment["captured_at"] == "2026-11-21T12:00:00.000Z"


async def test_a_partial_capture_releases_the_rest(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    _, payment = await sandbox.ask("POST", f"/payments/{held['id']}/capture", {"amount": _rubles("500.00")})

    [state] = await sandbox.payments()
    assert payment["amount"]["value"] == "500.00"
    assert (state["captured"], state["released"], state["held"]) == (50000, 100050, 0)


async def test_a_hold_is_canceled_by_the_merchant(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    status, payment = await sandbox.ask("POST", f"/payments/{held['id']}/cancel", {})

    assert (status, payment["status"], payment["paid"]) == (200, "canceled", False)
    assert payment["cancellation_details"] == {"party": "merchant", "reason": "canceled_by_merchant"}
    [state] = await sandbox.payments()
    assert (state["released"], state["held"]) == (150050, 0)


async def test_one_stage_takes_the_money_at_once(sandbox: Sandbox) -> None:
    payment = await sandbox.hold(capture=True)

    assert (payment["status"], payment["captured"]) == ("succeeded", 150050)


async def test_a_declined_payment_says_why(sandbox: Sandbox) -> None:
    payment = await sandbox.create()

    await sandbox.decline(payment["id"], "insufficient_funds")

    _, payment = await sandbox.ask("GET", f"/payments/{payment['id']}")
    assert payment["status"] == "canceled"
    assert payment["cancellation_details"] == {"party": "payment_network", "reason": "insufficient_funds"}


async def test_refunds_never_exceed_what_was_captured(sandbox: Sandbox) -> None:
    payment = await sandbox.hold(capture=True)
    body = {"payment_id": payment["id"], "amount": _rubles("1000.00")}

    _, refund = await sandbox.ask("POST", "/refunds", body)
    too_much, refusal = await sandbox.ask("POST", "/refunds", body)
    rest, _ = await sandbox.ask("POST", "/refunds", body | {"amount": _rubles("500.50")})

    assert (refund["status"], refund["payment_id"]) == ("succeeded", payment["id"])
    assert await sandbox.ask("GET", f"/refunds/{refund['id']}") == (200, refund)
    assert (too_much, refusal["code"], refusal["parameter"]) == (400, "invalid_request", "amount.value")
    _, payment = await sandbox.ask("GET", f"/payments/{payment['id']}")
    assert (rest, payment["refunded_amount"]["value"], payment["refundable"]) == (200, "1500.50", False)


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("pending", "capture"),
        ("pending", "cancel"),
        ("pending", "refund"),
        ("held", "refund"),
        ("succeeded", "capture"),
        ("succeeded", "cancel"),
        ("canceled", "capture"),
        ("canceled", "cancel"),
        ("canceled", "refund"),
    ],
)
async def test_a_call_in_the_wrong_status_changes_nothing(sandbox: Sandbox, state: str, action: str) -> None:
    payment_id = await _payment_in(sandbox, state)
    before = await sandbox.payments(), await sandbox.journal()

    if action == "refund":
        answer = await sandbox.ask("POST", "/refunds", {"payment_id": payment_id, "amount": _rubles("1.00")})
    else:
        answer = await sandbox.ask("POST", f"/payments/{payment_id}/{action}")

    status, body = answer
    assert (status, body["type"], body["code"]) == (400, "error", "invalid_request")
    assert before == (await sandbox.payments(), await sandbox.journal())


async def test_no_more_is_captured_than_held(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    status, body = await sandbox.ask("POST", f"/payments/{held['id']}/capture", {"amount": _rubles("1500.51")})

    assert (status, body["parameter"]) == (400, "amount.value")


# idempotence


async def test_the_same_call_gives_the_first_result(sandbox: Sandbox) -> None:
    first = await sandbox.ask("POST", "/payments", DRAFT, key="k")
    await sandbox.pay(first[1]["id"])
    again = await sandbox.ask("POST", "/payments", dict(reversed(DRAFT.items())), key="k")

    assert again == first
    assert len(await sandbox.payments()) == 1


async def test_a_repeated_capture_takes_the_money_once(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    answers = [await sandbox.ask("POST", f"/payments/{held['id']}/capture", key="c") for _ in range(3)]

    assert answers[0][0] == 200
    assert answers[1:] == answers[:1] * 2
    assert [line["kind"] for line in await sandbox.journal()].count("payment.captured") == 1


@pytest.mark.parametrize("other", ["body", "address"])
async def test_a_key_is_not_used_for_another_call(sandbox: Sandbox, other: str) -> None:
    payment = await sandbox.hold()
    await sandbox.ask("POST", f"/payments/{payment['id']}/cancel", {}, key="k")

    path = f"/payments/{payment['id']}/" + ("cancel" if other == "body" else "capture")
    status, body = await sandbox.ask("POST", path, {"x": 1} if other == "body" else {}, key="k")

    assert (status, body["code"], body["parameter"]) == (400, "invalid_request", "Idempotence-Key")


async def test_a_refused_call_leaves_its_key_free(sandbox: Sandbox) -> None:
    payment = await sandbox.create()

    early, _ = await sandbox.ask("POST", f"/payments/{payment['id']}/capture", key="k")
    await sandbox.pay(payment["id"])
    late, _ = await sandbox.ask("POST", f"/payments/{payment['id']}/capture", key="k")

    assert (early, late) == (400, 200)


async def test_a_key_is_forgotten_after_a_day(sandbox: Sandbox, clock: Clock) -> None:
    _, first = await sandbox.ask("POST", "/payments", DRAFT, key="k")
    clock.move(hours=25)
    _, second = await sandbox.ask("POST", "/payments", DRAFT, key="k")

    assert first["id"] != second["id"]


@pytest.mark.parametrize("key", [None, "k" * 65, "ключ"])
async def test_a_post_needs_a_key_of_at_most_64_characters(sandbox: Sandbox, key: str | None) -> None:
    status, body = await sandbox.ask("POST", "/payments", DRAFT, key=key)

    assert (status, body["parameter"]) == (400, "Idempotence-Key")


# time


async def test_an_unpaid_payment_expires_after_an_hour(sandbox: Sandbox, clock: Clock) -> None:
    payment = await sandbox.create()
    clock.move(minutes=59)
    assert (await sandbox.ask("GET", f"/payments/{payment['id']}"))[1]["status"] == "pending"

    clock.move(minutes=1)

    _, payment = await sandbox.ask("GET", f"/payments/{payment['id']}")
    assert payment["cancellation_details"] == {"party": "yoo_money", "reason": "expired_on_confirmation"}


async def test_an_uncaptured_hold_expires_after_seven_days(sandbox: Sandbox, clock: Clock) -> None:
    held = await sandbox.hold()
    clock.move(days=7)

    status, refusal = await sandbox.ask("POST", f"/payments/{held['id']}/capture")

    assert (status, refusal["code"]) == (400, "invalid_request")
    _, payment = await sandbox.ask("GET", f"/payments/{held['id']}")
    assert payment["cancellation_details"] == {"party": "yoo_money", "reason": "expired_on_capture"}
    assert (await sandbox.journal())[-1]["amount"] == 150050


async def test_expiry_can_be_forced(sandbox: Sandbox) -> None:
    held = await sandbox.hold()

    assert (await sandbox.expire(held["id"]))["cancellation"]["reason"] == "expired_on_capture"
    with pytest.raises(AssertionError, match="409"):
        await sandbox.expire(held["id"])


# credentials and bodies


@pytest.mark.parametrize(
    "auth",
    [None, "Bearer x", "Basic", "Basic ключ", "Basic !!!", aiohttp.encode_basic_auth("100500", "wrong"), SHOP + "A"],
)
async def test_wrong_credentials_are_refused(sandbox: Sandbox, auth: str | None) -> None:
    status, body = await sandbox.ask("POST", "/payments", DRAFT, auth=auth)

    assert (status, body["type"], body["code"]) == (401, "error", "invalid_credentials")
    assert await sandbox.payments() == []


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"amount": None}, "amount"),
        ({"amount": {"value": 10, "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "10,00", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "0.00", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "-1.00", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "1.001", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "1.00", "currency": "USD"}}, "amount.currency"),
        ({"capture": "false"}, "capture"),
        ({"description": "я" * 129}, "description"),
        ({"confirmation": None}, "confirmation.type"),
        ({"confirmation": {"type": "redirect"}}, "confirmation.return_url"),
        ({"confirmation": {"type": "redirect", "return_url": "javascript:alert(1)"}}, "confirmation.return_url"),
        ({"metadata": ["x"]}, "metadata"),
        ({"metadata": {f"k{number}": "" for number in range(17)}}, "metadata"),
        ({"metadata": {"order": {"id": 1}}}, "metadata.order"),
        ({"receipt": {"items": []}}, "receipt.customer"),
        ({"receipt": {"customer": {"email": "a@b.ru"}, "items": []}}, "receipt.items"),
    ],
)
async def test_an_invalid_payment_is_refused_by_field(sandbox: Sandbox, changes: Any, parameter: str) -> None:
    status, body = await sandbox.ask("POST", "/payments", DRAFT | changes)

    assert (status, body["code"], body["parameter"]) == (400, "invalid_request", parameter)
    assert await sandbox.payments() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b"[" * 5000])
async def test_a_body_that_is_not_an_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    status, answer = await sandbox.ask("POST", "/payments", body)

    assert (status, answer["code"]) == (400, "invalid_request")


async def test_a_receipt_is_accepted(sandbox: Sandbox) -> None:
    item = {"description": "Поздравление", "quantity": "1.00", "amount": _rubles("1500.50"), "vat_code": 1}

    await sandbox.create(receipt={"customer": {"email": "buyer@example.com"}, "items": [item]})


@pytest.mark.parametrize("path", ["/payments/none", "/refunds/none", "/nowhere"])
async def test_an_unknown_resource_is_not_found(sandbox: Sandbox, path: str) -> None:
    status, body = await sandbox.ask("GET", path)

    assert (status, body["type"], body["code"]) == (404, "error", "not_found")


async def test_lists_are_paged_by_cursor(sandbox: Sandbox) -> None:
    made = [(await sandbox.create())["id"] for _ in range(5)]

    _, first = await sandbox.ask("GET", "/payments?limit=3")
    _, second = await sandbox.ask("GET", f"/payments?limit=3&cursor={first['next_cursor']}")

    assert [payment["id"] for payment in first["items"] + second["items"]] == made[::-1]
    assert "next_cursor" not in second
    for wrong in ("limit=0", "limit=101", "limit=x", "cursor=x", "amount=1"):
        assert (await sandbox.ask("GET", f"/payments?{wrong}"))[0] == 400


# the journal


async def test_every_change_of_money_is_journaled(sandbox: Sandbox) -> None:
    _, payment = await sandbox.ask("POST", "/payments", DRAFT, key="create")
    await sandbox.pay(payment["id"])
    await sandbox.ask("POST", f"/payments/{payment['id']}/capture", {"amount": _rubles("1000.00")}, key="capture")
    await sandbox.ask("POST", "/refunds", {"payment_id": payment["id"], "amount": _rubles("400.00")}, key="refund")

    lines = await sandbox.journal()

    assert [(line["kind"], line["amount"], line["idempotence_key"]) for line in lines] == [
        ("payment.created", 150050, "create"),
        ("payment.held", 150050, None),
        ("payment.captured", 100000, "capture"),
        ("payment.refunded", 40000, "refund"),
    ]
    assert {line["payment_id"] for line in lines} == {payment["id"]}
    assert all(line["metadata"] == {"order_id": "7"} for line in lines)
    [state] = await sandbox.payments()
    assert (state["authorized"], state["captured"], state["released"], state["refunded"]) == (
        150050,
        100000,
        50050,
        40000,
    )


def _rubles(value: str) -> dict[str, str]:
    return {"value": value, "currency": "RUB"}


async def _payment_in(sandbox: Sandbox, state: str) -> str:
    payment_id = (await sandbox.create())["id"]
    if state == "canceled":
        await sandbox.decline(payment_id)
    elif state != "pending":
        await sandbox.pay(payment_id)
    if state == "succeeded":
        await sandbox.ask("POST", f"/payments/{payment_id}/capture")
    return payment_id
