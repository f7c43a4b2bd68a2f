"""The client of the provider's API: what it sends, and what it makes of every kind of answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, generate_latest

from mystar.kit.postgres.database import Database
from mystar.payments.gateways.breaker import Breaker
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.provider import (
    CircuitOpen,
    PaymentNotFound,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    UnknownOutcome,
)

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

SECRET = "a-very-secret-key"


@pytest.fixture
async def gateway(sandbox: SandboxProcess) -> AsyncIterator[YooKassa]:
    shop = YooKassa(url=sandbox.yookassa, shop_id="100500", secret_key="sandbox-secret-key", timeout=5)
    yield shop
    await shop.close()


async def create(gateway: YooKassa, key: str | None = None, **changes: Any) -> Any:
    draft = {
        "amount": 1050,
        "description": "Заказ №56",
        "return_url": "http://mystar.example/back/",
        "metadata": {"order_id": "56", "payment_id": "17"},
    }
    return await gateway.create_payment(key or str(uuid.uuid4()), **{**draft, **changes})


async def test_a_payment_is_created_captured_and_refunded(gateway: YooKassa, sandbox: SandboxProcess) -> None:
    created = await create(gateway)
    assert (created.status, created.amount, created.currency, created.captured) == ("pending", 1050, "RUB", 0)
    assert created.confirmation_url.startswith(sandbox.http)
    assert created.metadata == {"order_id": "56", "payment_id": "17"}

    await sandbox.pay(created.id)
    held = await gateway.get(created.id)
    assert (held.status, held.method) == ("waiting_for_capture", "bank_card")
    assert held.expires_at.utcoffset() == timedelta()

    captured = await gateway.capture(str(uuid.uuid4()), created.id, amount=1000)
    assert (captured.status, captured.captured, captured.refunded) == ("succeeded", 1000, 0)

    refund = await gateway.refund(str(uuid.uuid4()), created.id, amount=400, description="")
    assert (refund.status, refund.amount, refund.payment_id) == ("succeeded", 400, created.id)
    assert await gateway.get_refund(refund.id) == refund
    assert (await gateway.get(created.id)).refunded == 400


async def test_a_hold_is_cancelled(gateway: YooKassa, sandbox: SandboxProcess) -> None:
    created = await create(gateway)
    await sandbox.pay(created.id)
    cancelled = await gateway.cancel(str(uuid.uuid4()), created.id)
    assert (cancelled.status, cancelled.cancellation_party) == ("canceled", "merchant")
    assert cancelled.cancellation_reason == "canceled_by_merchant"


async def test_the_same_key_is_the_same_payment(gateway: YooKassa) -> None:
    key = str(uuid.uuid4())
    assert (await create(gateway, key)).id == (await create(gateway, key)).id
    with pytest.raises(Refused):
        await create(gateway, key, amount=1051)


async def test_a_long_description_is_cut(gateway: YooKassa) -> None:
    assert (await create(gateway, description="ы" * 500)).status == "pending"


async def test_the_list_is_read_to_its_end(gateway: YooKassa, sandbox: SandboxProcess) -> None:
    for _ in range(3):
        await create(gateway)
    seen, cursor = [], None
    while True:
        page = await gateway.list_payments(cursor)
        seen += [payment.id for payment in page.payments]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert set(seen) == {payment["id"] for payment in await sandbox.payments()}


async def test_an_unknown_payment_is_not_found_and_an_invalid_call_refused(gateway: YooKassa) -> None:
    for unknown in ("2e2e6d5c-000f-5000-8000-18db351245c7", "../refunds", "a/b", "?limit=1", ""):
        with pytest.raises(PaymentNotFound):
            await gateway.get(unknown)
    created = await create(gateway)
    with pytest.raises(Refused, match="invalid_request"):
        await gateway.capture(str(uuid.uuid4()), created.id, amount=1050)


async def test_calls_inside_a_transaction_are_refused(gateway: YooKassa, db: Database) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await gateway.get("2e2e6d5c-000f-5000-8000-18db351245c7")


# A provider that answers strangely

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Strange = Callable[..., Awaitable[YooKassa]]


@pytest.fixture
async def strange() -> AsyncIterator[Strange]:
    """Makes a client of a provider that always answers so."""
    opened: list[Any] = []

    async def make(answer: Answer, **options: Any) -> YooKassa:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        server = TestServer(app)
        await server.start_server()
        url = str(server.make_url("/v3"))
        gateway = YooKassa(**{"url": url, "shop_id": "1", "secret_key": SECRET, "timeout": 1, **options})
        opened.extend((gateway, server))
        return gateway

    yield make
    for one in opened:
        await one.close()


def saying(status: int, body: Any, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return web.Response(status=status, body=raw, headers=headers, content_type="application/json")

    return answer


GOOD = {"id": "p-1", "status": "pending", "amount": {"value": "10.50", "currency": "RUB"}}


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (saying(200, b"not json"), UnknownOutcome),
        (saying(200, b""), UnknownOutcome),
        (saying(200, [GOOD]), UnknownOutcome),
        (saying(200, {"id": "p-1"}), UnknownOutcome),
        (saying(200, {**GOOD, "amount": {"value": 10.5, "currency": "RUB"}}), UnknownOutcome),
        (saying(200, {**GOOD, "amount": {"value": "10.505", "currency": "RUB"}}), UnknownOutcome),
        (saying(200, {**GOOD, "amount": {"value": "NaN", "currency": "RUB"}}), UnknownOutcome),
        (saying(200, {**GOOD, "confirmation": {"confirmation_url": "javascript:alert(1)"}}), UnknownOutcome),
        (saying(200, {**GOOD, "expires_at": "tomorrow"}), UnknownOutcome),
        (saying(200, {**GOOD, "expires_at": "2026-11-21T12:00:00"}), UnknownOutcome),
        (saying(200, b"[" + b" " * 3_000_000 + b"]"), UnknownOutcome),
        (saying(202, {"type": "processing", "retry_after": 1800}), UnknownOutcome),
        (saying(302, GOOD, Location="http://elsewhere.example/"), UnknownOutcome),
        (saying(500, {"type": "error", "code": "internal_server_error"}), UnknownOutcome),
        (saying(503, b"<html>"), UnknownOutcome),
        (saying(408, b""), UnknownOutcome),
        (saying(429, {"type": "error", "code": "too_many_requests"}), RateLimited),
        (saying(401, {"type": "error", "code": "invalid_credentials"}), Unauthorized),
        (saying(403, {"type": "error", "code": "forbidden"}), Unauthorized),
        (saying(404, {"type": "error", "code": "not_found"}), PaymentNotFound),
        (saying(400, {"type": "error", "code": "invalid_request", "parameter": "amount"}), Refused),
        (saying(422, b"?"), Refused),
    ],
)
async def test_every_unexpected_answer_has_its_error(
    strange: Strange, answer: Answer, trouble: type[ProviderError]
) -> None:
    gateway = await strange(answer)
    with pytest.raises(ProviderError) as met:
        await gateway.get("p-1")
    assert type(met.value) is trouble
    assert SECRET not in str(met.value)


async def test_retry_after_of_the_provider_is_honoured(strange: Strange) -> None:
    in_body = await strange(saying(429, {"code": "too_many_requests", "retry_after": 30_000}))
    in_header = await strange(saying(429, {"code": "too_many_requests"}, **{"Retry-After": "40"}))
    for gateway, seconds in ((in_body, 30.0), (in_header, 40.0)):
        with pytest.raises(RateLimited) as met:
            await gateway.get("p-1")
        assert met.value.retry_after == seconds


async def test_a_hanging_provider_is_an_unknown_outcome(strange: Strange) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.Response()

    gateway = await strange(hang, timeout=0.2)
    with pytest.raises(UnknownOutcome):
        await gateway.capture("key", "p-1", amount=1)
    with pytest.raises(UnknownOutcome):
        await gateway.get("p-1", within=0.05)


async def test_a_refused_connection_is_an_unknown_outcome(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v3"
    gateway = YooKassa(url=url, shop_id="1", secret_key=SECRET, timeout=1)
    with pytest.raises(UnknownOutcome) as met:
        await gateway.get("p-1")
    assert SECRET not in repr(met.value)
    await gateway.close()


async def test_requests_have_the_documented_headers_and_bodies(strange: Strange) -> None:
    came: list[tuple[web.Request, Any]] = []

    async def keep(request: web.Request) -> web.Response:
        came.append((request, orjson.loads(await request.read() or b"null")))
        return web.Response(body=orjson.dumps(GOOD), content_type="application/json")

    gateway = await strange(keep)
    await create(gateway, "the-key")
    await gateway.get("p-1")
    (created, body), (got, nothing) = came
    assert (created.method, created.path) == ("POST", "/v3/payments")
    assert created.headers["Idempotence-Key"] == "the-key"
    assert created.headers["Authorization"].startswith("Basic ")
    assert body == {
        "amount": {"value": "10.50", "currency": "RUB"},
        "capture": False,
        "confirmation": {"type": "redirect", "return_url": "http://mystar.example/back/"},
        "description": "Заказ №56",
        "metadata": {"order_id": "56", "payment_id": "17"},
    }
    assert (got.method, got.path, nothing) == ("GET", "/v3/payments/p-1", None)
    assert "Idempotence-Key" not in got.headers


# The breaker


async def test_the_breaker_opens_half_opens_and_closes() -> None:
    time = 0.0
    breaker = Breaker("provider", failures=2, pause=10, longest=15, now=lambda: time)

    def call(trouble: Exception | None = None) -> None:
        with breaker.call():
            if trouble:
                raise trouble

    def fail() -> None:
        with pytest.raises(UnknownOutcome):
            call(UnknownOutcome("silence"))

    def not_asked() -> float:
        with pytest.raises(CircuitOpen) as met:
            call()
        return met.value.retry_after

    fail()
    with pytest.raises(Refused):
        call(Refused("no"))
    fail()
    assert not breaker.open, "an answer in between counts"
    fail()
    assert breaker.open
    assert not_asked() == 10

    time = 10.0
    with breaker.call():
        assert not_asked() == 1, "one tries, the others wait"
    assert not breaker.open

    fail()
    fail()
    time = 20.0
    fail()
    assert not_asked() == 15, "longer, but not for ever"


async def test_a_burst_of_failures_is_one_reason_to_pause() -> None:
    breaker = Breaker("provider", failures=2, pause=10, now=lambda: 0.0)
    all_under_way = asyncio.Barrier(10)

    async def call() -> None:
        with pytest.raises(UnknownOutcome), breaker.call():
            await all_under_way.wait()
            raise UnknownOutcome("silence")

    await asyncio.gather(*(call() for _ in range(10)))
    with pytest.raises(CircuitOpen) as met, breaker.call():
        pass
    assert met.value.retry_after == 10


async def test_calls_and_the_breaker_are_counted(strange: Strange) -> None:
    registry = CollectorRegistry()
    gateway = await strange(saying(500, {}), breaker=Breaker("YooKassa", failures=2), registry=registry)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await gateway.get("p-1")
    text = generate_latest(registry).decode()
    assert 'mystar_payment_provider_calls_total{call="get",outcome="unknown"} 2.0' in text
    assert 'mystar_payment_provider_calls_total{call="get",outcome="not_asked"} 1.0' in text
    assert "mystar_payment_provider_breaker_open 1.0" in text
