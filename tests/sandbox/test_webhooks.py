import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox.conftest import Sandbox, Shop
from tests.sandbox_process import sandbox_in


async def test_the_shop_is_told_of_every_turn(sandbox: Sandbox, shop: Shop) -> None:
    taken, canceled = await sandbox.hold(), await sandbox.hold()
    await sandbox.ask("POST", f"/payments/{taken['id']}/capture")
    _, refund = await sandbox.ask(
        "POST", "/refunds", {"payment_id": taken["id"], "amount": {"value": "1.00", "currency": "RUB"}}
    )
    await sandbox.ask("POST", f"/payments/{canceled['id']}/cancel")
    await _until(lambda: len(shop.came) == 5)

    assert sorted(shop.events()) == [
        "payment.canceled",
        "payment.succeeded",
        "payment.waiting_for_capture",
        "payment.waiting_for_capture",
        "refund.succeeded",
    ]
    told = {notification["event"]: notification for notification in shop.came}
    assert all(notification["type"] == "notification" for notification in shop.came)
    assert told["refund.succeeded"]["object"] == refund
    assert told["payment.succeeded"]["object"]["status"] == "succeeded"
    assert told["payment.waiting_for_capture"]["object"]["metadata"] == {"order_id": "7"}


async def test_a_deaf_shop_is_told_again(sandbox: Sandbox, shop: Shop) -> None:
    shop.answers = [500, 302]

    payment = await sandbox.hold()
    await _until(lambda: len(shop.came) == 3)

    assert shop.came[0] == shop.came[1] == shop.came[2]
    async with asyncio.timeout(10):
        while not (ended := await sandbox.webhooks()):  # noqa: ASYNC110 - it is written a moment after our answer
            await asyncio.sleep(0.02)
    assert (ended[0]["end"], ended[0]["attempts"], ended[0]["id"]) == ("delivered", 3, payment["id"])


async def test_without_an_address_nobody_is_told(sandbox: Sandbox, shop: Shop) -> None:
    await sandbox.set_webhook(None)
    await sandbox.hold()
    await sandbox.set_webhook(shop.url)
    await sandbox.create()

    assert [line["end"] for line in await sandbox.webhooks()] == ["skipped"]
    assert shop.came == []


async def test_lost_notifications_never_come(sandbox: Sandbox, shop: Shop) -> None:
    await sandbox.faults(webhook_lost=1)
    await sandbox.hold()

    assert [line["end"] for line in await sandbox.webhooks()] == ["lost"]
    assert shop.came == []


async def test_notifications_are_doubled_and_disordered(sandbox: Sandbox, shop: Shop) -> None:
    await sandbox.faults(seed=3, webhook_duplicates=2, webhook_shuffle_seconds=0.3)
    payment = await sandbox.hold()
    await sandbox.ask("POST", f"/payments/{payment['id']}/cancel")
    await _until(lambda: len(shop.came) == 6)

    events = shop.events()
    assert events.count("payment.canceled") == 3
    assert events != sorted(events, reverse=True)


async def test_a_provider_that_is_down_tells_when_it_is_up(sandbox: Sandbox, shop: Shop) -> None:
    payment = await sandbox.create()
    await sandbox.faults(down=True)
    await sandbox.pay(payment["id"])
    await sandbox.faults()
    await _until(lambda: len(shop.came) == 1)

    assert shop.events() == ["payment.waiting_for_capture"]


async def test_a_kill_does_not_swallow_a_notification(tmp_path: Path, sandbox: Sandbox, shop: Shop) -> None:
    with sandbox_in(tmp_path / "other", "--webhook-url", shop.url) as other:
        client = Sandbox()
        client.http, client.yookassa = other.http, other.yookassa
        shop.answers = [503] * 2
        payment = await client.hold()
        await _until(lambda: len(shop.came) == 1)

        other.restart()
        await _until(lambda: len(shop.came) == 3)

    assert {notification["object"]["id"] for notification in shop.came} == {payment["id"]}


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"url": 5}', b'{"url": "ftp://x"}', b'{"url": null, "x": 1}'])
async def test_a_senseless_address_is_refused(sandbox: Sandbox, shop: Shop, body: bytes) -> None:
    with pytest.raises(AssertionError, match="400"):
        await sandbox.call("PUT", "/sandbox/webhook", data=body)

    assert (await sandbox.call("GET", "/sandbox/webhook"))["url"] == shop.url


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - what happens is at the other end of a socket
            await asyncio.sleep(0.02)
