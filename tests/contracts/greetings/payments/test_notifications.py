"""Notifications of the payment provider, and what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.orders.keys import ORDER_READS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.contracts.greetings.payments.payment_requests import begun, money_becomes, notification, payment_of
from tests.factory import Person, actor
from tests.subtests import as_subtests
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

NOTIFICATIONS = "/payments/notifications/"


async def test_duplicate_and_unordered_notifications_have_one_effect(
    api: Api, app: web.Application, customer: Person, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await sandbox.set_webhook(f"{api.url}{NOTIFICATIONS}")
    await sandbox.faults(seed=3, webhook_duplicates=4, webhook_shuffle_seconds=0.3)
    payment = await begun(api, app, customer, order_id)
    await sandbox.pay(payment.provider_id)
    await money_becomes(app, order_id, "held")
    await api.post("/api/orderaccept/", {"order_id": order_id, "accept": "accept"}, as_=star)
    await money_becomes(app, order_id, "captured")

    async def all_told() -> bool:
        ended = [one for one in await sandbox.webhooks() if one["id"] == payment.provider_id]
        return len(ended) == 10 and all(one["end"] == "delivered" for one in ended)

    await eventually(all_told)
    timeline = await app[ORDER_READS].timeline(actor(customer), order_id)
    assert [event.to_money for event in timeline] == ["none", "pending", "held", "held", "captured"]
    assert (await payment_of(app, order_id)).status == "captured"


async def test_a_notification_is_verified_at_the_provider(
    api: Api, app: web.Application, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    payment = await begun(api, app, customer, order_id)
    lie = notification(
        payment.provider_id, "payment.succeeded", status="succeeded", paid=True, metadata={"order_id": str(order_id)}
    )
    answer = await api.post(NOTIFICATIONS, lie)
    assert (answer.status, await answer.json()) == (200, {})
    assert (await payment_of(app, order_id)).status == "pending"

    await sandbox.pay(payment.provider_id)
    await api.post(NOTIFICATIONS, notification(payment.provider_id, "payment.canceled"))
    assert (await payment_of(app, order_id)).status == "held"


async def test_a_notification_of_a_refund_updates_its_payment(
    api: Api, app: web.Application, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    payment = await begun(api, app, customer, order_id)
    await sandbox.pay(payment.provider_id)
    refund = notification(str(uuid.uuid4()), "refund.succeeded", payment_id=payment.provider_id)
    assert (await api.post(NOTIFICATIONS, refund)).status == 200
    assert (await payment_of(app, order_id)).status == "held"


@as_subtests
@pytest.mark.parametrize(
    "unknown",
    [
        notification("2e2e6d5c-000f-5000-8000-18db351245c7"),
        notification("2e2e6d5c-000f-5000-8000-18db351245c7", metadata={"order_id": "1", "payment_id": "1"}),
        notification("2e2e6d5c", metadata={"payment_id": {"$gt": 0}}),
        notification("../payments"),
        notification("po-1", "payout.succeeded"),
        notification("r-1", "refund.succeeded"),
        notification("x", "something.new"),
    ],
)
async def test_notifications_of_unknown_objects_are_accepted_and_ignored(
    api: Api, app: web.Application, order_id: int, unknown: dict[str, Any]
) -> None:
    answer = await api.post(NOTIFICATIONS, unknown)
    assert (answer.status, await answer.json()) == (200, {})


@as_subtests
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"payment"',
        b"{}",
        b'{"type": "notification"}',
        b'{"type": "notification", "event": "payment.succeeded"}',
        b'{"type": "notification", "event": "payment.succeeded", "object": "p-1"}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": {}}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "a\\u0000b"}}',
        b'{"type": "notification", "event": ["payment.succeeded"], "object": {"id": "p-1"}}',
        b'{"type": "order", "event": "payment.succeeded", "object": {"id": "p-1"}}',
        "type=notification&event=payment.succeeded".encode("utf-16"),
    ],
)
async def test_an_invalid_notification_is_refused(api: Api, body: bytes) -> None:
    answer = await api.request("POST", NOTIFICATIONS, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400, await answer.text()
    assert await answer.json()


async def test_a_notification_is_refused_while_the_provider_is_unavailable(
    api: Api, app: web.Application, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    payment = await begun(api, app, customer, order_id)
    await sandbox.faults(down=True)
    answer = await api.post(NOTIFICATIONS, notification(payment.provider_id))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert isinstance(await answer.json(), list)


async def test_notifications_are_accepted_from_the_provider_s_networks_only(
    make_settings: Callable[..., Settings],
    customer: Person,
    order_id: int,
    api: Api,
    app: web.Application,
    sandbox: SandboxProcess,
) -> None:
    payment = await begun(api, app, customer, order_id)
    await sandbox.pay(payment.provider_id)
    strict = make_settings(
        PAYMENTS__YOOKASSA__WEBHOOK_NETWORKS="185.71.76.0/27",
        HTTP__TRUSTED_PROXIES="127.0.0.1",
        PAYMENTS__POLL_SECONDS=3600,
    )
    other = await create_app(strict, strict.database.url)
    async with TestClient(ApiTestServer(other)) as client:
        news = notification(payment.provider_id)
        for forwarded in ("203.0.113.7", "185.71.76.5, 203.0.113.7", "nonsense"):
            answer = await client.post(NOTIFICATIONS, json=news, headers={"X-Forwarded-For": forwarded})
            assert answer.status == 403
        assert (await client.post(NOTIFICATIONS, json=news)).status == 403
        heard = await client.post(NOTIFICATIONS, json=news, headers={"X-Forwarded-For": "203.0.113.7, 185.71.76.5"})
        assert heard.status == 200
    assert (await payment_of(app, order_id)).status == "held"


@pytest.mark.one_process("read the metrics of one process")
async def test_calls_to_the_provider_are_measured(
    api: Api, app: web.Application, customer: Person, order_id: int
) -> None:
    await begun(api, app, customer, order_id)
    metrics = await (await api.get("/metrics")).text()
    assert 'mystar_payment_provider_calls_total{call="create",outcome="ok"} 1.0' in metrics
    assert "mystar_payment_provider_breaker_open 0.0" in metrics
