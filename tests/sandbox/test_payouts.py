"""Payouts: credentials and balance of their own, endings by destination, lists and search."""

from typing import Any

import aiohttp
import pytest

from tests.sandbox.conftest import GATEWAY, SHOP, Clock, Sandbox, WebhookReceiver, until

WALLET = {"type": "yoo_money", "account_number": "4100116075156746"}
REASONS = [
    "insufficient_funds",
    "fraud_suspected",
    "one_time_limit_exceeded",
    "periodic_limit_exceeded",
    "rejected_by_payee",
    "general_decline",
    "issuer_unavailable",
    "recipient_not_found",
    "recipient_check_failed",
    "identification_required",
]


async def test_a_payout_succeeds_and_lowers_the_balance(sandbox: Sandbox) -> None:
    await sandbox.fund_payouts(500_000)

    payout = await sandbox.payout()

    assert payout == {
        "id": payout["id"],
        "status": "succeeded",
        "amount": {"value": "1200.00", "currency": "RUB"},
        "payout_destination": {
            "type": "sbp",
            "phone": "7916*****67",
            "bank_id": "100000000111",
            "recipient_checked": False,
            "sbp_operation_id": payout["payout_destination"]["sbp_operation_id"],
        },
        "created_at": "2026-11-21T12:00:00.000Z",
        "succeeded_at": "2026-11-21T12:00:00.000Z",
        "metadata": {"payout_part": "1"},
        "test": True,
    }
    assert payout["id"].startswith("po-")
    _, account = await sandbox.ask("GET", "/me", auth=GATEWAY)
    assert (account["status"], account["payout_balance"]["value"]) == ("enabled", "3800.00")
    assert await sandbox.ask("GET", f"/payouts/{payout['id']}", auth=GATEWAY) == (200, payout)


@pytest.mark.parametrize("place", range(1, 11))
@pytest.mark.parametrize("kind", ["sbp", "bank_card"])
async def test_the_number_of_a_destination_chooses_the_reason(sandbox: Sandbox, kind: str, place: int) -> None:
    phone = {"type": "sbp", "phone": f"790000000{place:02d}", "bank_id": "100000000111"}
    card = {"type": "bank_card", "card": {"number": f"22000000000000{place:02d}"}}

    payout = await sandbox.payout(phone if kind == "sbp" else card)

    assert (payout["status"], payout["cancellation_details"]["reason"]) == ("canceled", REASONS[place - 1])


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("410011806060766", "insufficient_funds"),
        ("41001614575572", "one_time_limit_exceeded"),
        ("41001614575643", "periodic_limit_exceeded"),
        ("410011788545536", "general_decline"),
    ],
)
async def test_the_providers_test_wallets_fail_as_documented(sandbox: Sandbox, number: str, reason: str) -> None:
    payout = await sandbox.payout({"type": "yoo_money", "account_number": number})

    assert payout["cancellation_details"]["reason"] == reason


async def test_an_empty_balance_cancels_the_payout(sandbox: Sandbox) -> None:
    await sandbox.fund_payouts(119_999)

    payout = await sandbox.payout()

    assert payout["cancellation_details"] == {"party": "yoo_money", "reason": "insufficient_funds"}
    assert (await sandbox.call("GET", "/sandbox/payout-balance"))["balance"] == 119_999


async def test_a_pending_payout_ends_after_its_time(sandbox: Sandbox, clock: Clock) -> None:
    await sandbox.faults(payouts={"pending_seconds": 60})
    payout = await sandbox.payout()
    clock.move(seconds=59)
    waiting = await sandbox.ask("GET", f"/payouts/{payout['id']}", auth=GATEWAY)
    clock.move(seconds=1)

    ended = await sandbox.ask("GET", f"/payouts/{payout['id']}", auth=GATEWAY)

    assert (payout["status"], waiting[1]["status"], ended[1]["status"]) == ("pending", "pending", "succeeded")


async def test_a_held_payout_waits_for_a_control(sandbox: Sandbox, clock: Clock) -> None:
    await sandbox.faults(payouts={"hold": True})
    first, second = await sandbox.payout(), await sandbox.payout()
    clock.move(days=2)

    await sandbox.payout_action(first["id"], "succeed")
    await sandbox.payout_action(second["id"], "cancel", reason="rejected_by_payee")

    assert [payout["status"] for payout in await sandbox.payouts()] == ["succeeded", "canceled"]
    with pytest.raises(AssertionError, match=r'409.*"status":"succeeded"'):
        await sandbox.payout_action(first["id"], "cancel")
    with pytest.raises(AssertionError, match="404"):
        await sandbox.payout_action("none", "succeed")


async def test_a_returned_payout_still_looks_successful(sandbox: Sandbox) -> None:
    await sandbox.fund_payouts(200_000)
    payout = await sandbox.payout()

    returned = await sandbox.payout_action(payout["id"], "return")

    assert returned["returned_at"] == "2026-11-21T12:00:00.000Z"
    assert await sandbox.ask("GET", f"/payouts/{payout['id']}", auth=GATEWAY) == (200, payout)
    assert (await sandbox.call("GET", "/sandbox/payout-balance"))["balance"] == 200_000
    with pytest.raises(AssertionError, match="409"):
        await sandbox.payout_action(payout["id"], "return")


async def test_a_hidden_payout_is_found_by_its_metadata(sandbox: Sandbox) -> None:
    await sandbox.payout()
    await sandbox.faults(error_after_work=1)
    body = {
        "amount": {"value": "5.00", "currency": "RUB"},
        "payout_destination_data": WALLET,
        "metadata": {"payout_part": "77"},
    }
    hidden, _ = await sandbox.ask("POST", "/payouts", body, key="k", auth=GATEWAY)
    await sandbox.faults()

    _, found = await sandbox.ask("GET", "/payouts/search?metadata[payout_part]=77", auth=GATEWAY)

    assert hidden == 500
    assert [payout["amount"]["value"] for payout in found["items"]] == ["5.00"]
    again, payout = await sandbox.ask("POST", "/payouts", body, key="k", auth=GATEWAY)
    assert (again, payout["id"]) == (200, found["items"][0]["id"])
    assert len(await sandbox.payouts()) == 2


async def test_a_key_is_forgotten_after_a_day_and_pays_again(sandbox: Sandbox, clock: Clock) -> None:
    body = {"amount": {"value": "5.00", "currency": "RUB"}, "payout_destination_data": WALLET}
    answers = []
    for hours in (0, 23, 2):
        clock.move(hours=hours)
        answers.append((await sandbox.ask("POST", "/payouts", body, key="k", auth=GATEWAY))[1]["id"])

    assert answers[0] == answers[1] != answers[2]


async def test_the_list_of_payouts_ends_three_months_back(sandbox: Sandbox, clock: Clock) -> None:
    await sandbox.payout()
    clock.move(days=93)

    _, found = await sandbox.ask("GET", "/payouts/search?metadata[payout_part]=1", auth=GATEWAY)
    _, listed = await sandbox.ask("GET", "/payouts", auth=GATEWAY)

    assert (len(found["items"]), len(listed["items"])) == (0, 1)
    assert (await sandbox.ask("GET", "/payouts/search", auth=GATEWAY))[0] == 400


async def test_payouts_are_filtered_by_time_status_and_destination(sandbox: Sandbox, clock: Clock) -> None:
    first = await sandbox.payout()
    clock.move(hours=1)
    second = await sandbox.payout(WALLET)
    third = await sandbox.payout({"type": "yoo_money", "account_number": "410011788545536"})

    async def ids(query: str) -> list[str]:
        _, page = await sandbox.ask("GET", f"/payouts?{query}", auth=GATEWAY)
        return [payout["id"] for payout in page["items"]]

    assert await ids("created_at.gte=2026-11-21T12:30:00.000Z") == [third["id"], second["id"]]
    assert await ids("created_at.lt=2026-11-21T13:00:00Z") == [first["id"]]
    assert await ids("status=canceled") == [third["id"]]
    assert await ids("payout_destination.type=yoo_money&status=succeeded") == [second["id"]]
    for wrong in (
        "created_at.gte=yesterday",
        "created_at.lt=9999-12-31T23:59:59-23:00",
        "created_at.eq=2026-11-21",
        "size=1",
    ):
        assert (await sandbox.ask("GET", f"/payouts?{wrong}", auth=GATEWAY))[0] == 400


async def test_payments_and_payouts_have_different_credentials(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("GET", "/payments", auth=GATEWAY))[0] == 401
    assert (await sandbox.ask("GET", "/sbp_banks", auth=SHOP))[0] == 401
    payout = await sandbox.payout()
    assert (await sandbox.ask("GET", f"/payouts/{payout['id']}", auth=SHOP))[0] == 404


async def test_banks_are_listed(sandbox: Sandbox) -> None:
    _, banks = await sandbox.ask("GET", "/sbp_banks", auth=GATEWAY)

    assert {"bank_id": "100000000111", "name": "Сбербанк", "bic": "044525225"} in banks["items"]


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"amount": None}, "amount"),
        ({"amount": {"value": "500000.01", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "0.99", "currency": "RUB"}}, "amount.value"),
        ({"payout_destination_data": None}, "payout_destination_data"),
        ({"payout_destination_data": {"type": "cash"}}, "payout_destination_data.type"),
        ({"payout_destination_data": {"type": "sbp", "phone": "8"}}, "payout_destination_data.phone"),
        ({"payout_destination_data": {"type": "sbp", "phone": "79161234567"}}, "payout_destination_data.bank_id"),
        ({"payout_destination_data": {"type": "yoo_money"}}, "payout_destination_data.account_number"),
        ({"payout_token": "none"}, "payout_token"),
        ({"personal_data": [{"id": "none"}]}, "personal_data.id"),
        ({"deal": {"id": "dl-none"}}, "deal"),
    ],
)
async def test_an_invalid_payout_is_refused(sandbox: Sandbox, changes: dict[str, Any], parameter: str) -> None:
    body = {
        "amount": {"value": "10.00", "currency": "RUB"},
        "payout_destination_data": {"type": "sbp", "phone": "79161234567", "bank_id": "100000000111"},
    }

    status, refusal = await sandbox.ask("POST", "/payouts", body | changes, auth=GATEWAY)

    assert (status, refusal["code"], refusal["parameter"]) == (400, "invalid_request", parameter)
    assert await sandbox.payouts() == []


async def test_the_card_page_gives_a_token_and_keeps_no_number(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{sandbox.http}/payouts/card/", data={"number": "2202 2000 0000 0047"}) as answer:
            page = await answer.text()
        async with session.post(f"{sandbox.http}/payouts/card/", data={"number": "12"}) as answer:
            assert answer.status == 400
    token = page.partition('id="token">')[2].partition("<")[0]

    payout = await sandbox.payout(payout_destination_data=None, payout_token=token)

    assert payout["payout_destination"]["card"]["last4"] == "0047"
    assert "2202200000000047" not in str(await sandbox.journal())


async def test_a_mismatched_name_fails_the_recipient_check(sandbox: Sandbox) -> None:
    body = {"type": "sbp_payout_recipient", "last_name": "Несовпадающий", "first_name": "Иван"}
    _, data = await sandbox.ask("POST", "/personal_data", body, auth=GATEWAY)

    payout = await sandbox.payout(personal_data=[{"id": data["id"]}])

    assert (data["status"], "name" in data) == ("active", False)
    assert payout["cancellation_details"]["reason"] == "recipient_check_failed"


async def test_payouts_are_notified_and_journaled(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    paid = await sandbox.payout()
    await sandbox.payout({"type": "yoo_money", "account_number": "410011788545536"})
    await until(lambda: len(shop.received) == 2)

    assert sorted(shop.events()) == ["payout.canceled", "payout.succeeded"]
    assert paid in [notification["object"] for notification in shop.received]
    lines = [line for line in await sandbox.journal() if line["payout_id"] == paid["id"]]
    assert [(line["kind"], line["amount"]) for line in lines] == [
        ("payout.created", 120_000),
        ("payout.succeeded", 120_000),
    ]
    assert lines[0]["metadata"] == {"payout_part": "1"}
