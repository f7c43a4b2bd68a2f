import asyncio
from pathlib import Path

import pytest

from tests.sandbox.conftest import Sandbox, WebhookReceiver, until
from tests.sandbox_process import sandbox_in


async def test_every_change_of_a_payment_is_notified(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    taken, canceled = await sandbox.hold(), await sandbox.hold()
    await sandbox.ask("POST", f"/payments/{taken['id']}/capture")
    _, refund = await sandbox.ask(
        "POST", "/refunds", {"payment_id": taken["id"], "amount": {"value": "1.00", "currency": "RUB"}}
    )
    await sandbox.ask("POST", f"/payments/{canceled['id']}/cancel")
    await until(lambda: len(shop.received) == 5)

    assert sorted(shop.events()) == [
        "payment.canceled",
        "payment.succeeded",
        "payment.waiting_for_capture",
        "payment.waiting_for_capture",
        "refund.succeeded",
    ]
    told = {notification["event"]: notification for notification in shop.received}
    assert all(notification["type"] == "notification" for notification in shop.received)
    assert told["refund.succeeded"]["object"] == refund
    assert told["payment.succeeded"]["object"]["status"] == "succeeded"
    assert told["payment.waiting_for_capture"]["object"]["metadata"] == {"order_id": "7"}


async def test_a_notification_is_repeated_until_it_is_accepted(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    shop.answers = [500, 302]

    payment = await sandbox.hold()
    await until(lambda: len(shop.received) == 3)

    assert shop.received[0] == shop.received[1] == shop.received[2]
    async with asyncio.timeout(10):
        while not (ended := await sandbox.webhooks()):  # noqa: ASYNC110 - it is written a moment after our answer
            await asyncio.sleep(0.02)
    assert (ended[0]["end"], ended[0]["attempts"], ended[0]["id"]) == ("delivered", 3, payment["id"])


async def test_without_an_address_notifications_are_skipped(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    await sandbox.set_webhook(None)
    await sandbox.hold()
    await sandbox.set_webhook(shop.url)
    await sandbox.create()

    assert [line["end"] for line in await sandbox.webhooks()] == ["skipped"]
    assert shop.received == []


async def test_lost_notifications_never_arrive(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    await sandbox.faults(webhook_lost=1)
    await sandbox.hold()

    assert [line["end"] for line in await sandbox.webhooks()] == ["lost"]
    assert shop.received == []


async def test_notifications_can_be_duplicated_and_reordered(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    await sandbox.faults(seed=3, webhook_duplicates=2, webhook_shuffle_seconds=0.3)
    payment = await sandbox.hold()
    await sandbox.ask("POST", f"/payments/{payment['id']}/cancel")
    await until(lambda: len(shop.received) == 6)

    events = shop.events()
    assert events.count("payment.canceled") == 3
    assert events != sorted(events, reverse=True)


async def test_notifications_wait_while_the_provider_is_down(sandbox: Sandbox, shop: WebhookReceiver) -> None:
    payment = await sandbox.create()
    await sandbox.faults(down=True)
    await sandbox.pay(payment["id"])
    await sandbox.faults()
    await until(lambda: len(shop.received) == 1)

    assert shop.events() == ["payment.waiting_for_capture"]


async def test_a_notification_survives_a_kill(tmp_path: Path, sandbox: Sandbox, shop: WebhookReceiver) -> None:
    with sandbox_in(tmp_path / "other", "--webhook-url", shop.url) as other:
        client = Sandbox()
        client.http, client.yookassa = other.http, other.yookassa
        shop.answers = [503] * 2
        payment = await client.hold()
        await until(lambda: len(shop.received) == 1)

        other.restart()
        await until(lambda: len(shop.received) == 3)

    assert {notification["object"]["id"] for notification in shop.received} == {payment["id"]}


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"url": 5}', b'{"url": "ftp://x"}', b'{"url": null, "x": 1}'])
async def test_an_invalid_webhook_address_is_refused(sandbox: Sandbox, shop: WebhookReceiver, body: bytes) -> None:
    with pytest.raises(AssertionError, match="400"):
        await sandbox.call("PUT", "/sandbox/webhook", data=body)

    assert (await sandbox.call("GET", "/sandbox/webhook"))["url"] == shop.url
