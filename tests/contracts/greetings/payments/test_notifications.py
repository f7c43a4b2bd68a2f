"""Paying for a greeting: the signed link, the way back, notifications, captures; and what is refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from yarl import URL

from mystar.app import create_app
from mystar.orders.keys import ORDER_READS
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.subtests import as_subtests
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

NOTIFICATIONS = "/payments/notifications/"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star()


@pytest.fixture
async def order_id(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)


async def link_to_pay(api: Api, customer: Person, order_id: object) -> URL:
    answer = await api.get("/api/order/pay/", params={"order_id": str(order_id)}, as_=customer)
    assert answer.status == 200, await answer.text()
    return URL((await answer.json())["link"])


async def follow(api: Api, link: URL, **options: Any) -> ClientResponse:
    return await api.get(link.path, params=dict(link.query), **options)


async def payment_of(app: web.Application, order_id: int) -> Any:
    return await app[PAYMENTS].of_order(order_id)


async def begun(api: Api, app: web.Application, customer: Person, order_id: int) -> Any:
    """The order's payment, whose page waits for the customer."""
    answer = await follow(api, await link_to_pay(api, customer, order_id))
    assert answer.status == 302, await answer.text()
    return await payment_of(app, order_id)


def notification(provider_id: object, event: str = "payment.waiting_for_capture", **about: Any) -> dict[str, Any]:
    return {"type": "notification", "event": event, "object": {"id": provider_id, **about}}


async def money_becomes(app: web.Application, order_id: int, status: str) -> None:
    async def there() -> bool:
        return bool((await payment_of(app, order_id)).status == status)

    await eventually(there)


# The link


async def test_the_link_leads_any_tab_to_the_provider_s_page(
    api: Api, app: web.Application, settings: Settings, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    link = await link_to_pay(api, customer, order_id)
    assert str(link).startswith(f"{settings.http.public_url}/payments/?order_id={order_id}&sig=")
    assert await payment_of(app, order_id) is None, "a link alone begins nothing"

    answer = await follow(api, link, headers=BROWSER)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(sandbox.http)
    again = await follow(api, link)
    assert again.headers["Location"] == answer.headers["Location"]
    assert await again.json() == {"link": answer.headers["Location"]}
    mine = [one for one in await sandbox.payments() if one["confirmation_url"] == answer.headers["Location"]]
    assert [one["amount"] for one in mine] == [1_500_000]
    assert mine[0]["description"] == f"Заказ №{order_id}"


@as_subtests
@pytest.mark.parametrize("wrong", ["undefined", "", "0", "-5", "1.5", "99999999999999999999", "1;drop"])
async def test_an_order_id_must_be_a_number(api: Api, customer: Person, wrong: str) -> None:
    for path in ("/api/order/pay/", "/api/order/pay/capture/"):
        answer = await api.get(path, params={"order_id": wrong}, as_=customer)
        assert answer.status == 400
        assert list(await answer.json()) == ["order_id"]
    assert (await api.get("/api/order/pay/", as_=customer)).status == 400


async def test_only_the_customer_gets_a_link(
    api: Api, factory: Factory, customer: Person, star: Person, order_id: int
) -> None:
    stranger = await factory.person()
    for person, status in ((None, 401), (stranger, 404), (star, 403)):
        answer = await api.get("/api/order/pay/", params={"order_id": order_id}, as_=person)
        assert answer.status == status
        assert len(await answer.json()) == 1
    assert (await api.get("/api/order/pay/", params={"order_id": 10**9}, as_=customer)).status == 404


@as_subtests
@pytest.mark.parametrize("signature", ["", "0" * 40, "я", "x" * 100])
async def test_a_link_with_a_wrong_signature_is_refused(
    api: Api, app: web.Application, order_id: int, signature: str
) -> None:
    answer = await api.get("/payments/", params={"order_id": order_id, "sig": signature})
    assert (answer.status, await answer.json()) == (
        403,
        ["Ссылка на оплату недействительна или устарела. Новая есть на странице заказа."],
    )
    page = await api.get("/payments/", params={"order_id": order_id, "sig": signature}, headers=BROWSER)
    assert (page.status, page.content_type) == (403, "text/html")
    assert await payment_of(app, order_id) is None


async def test_a_signature_is_good_for_its_own_order_and_purpose(
    api: Api, factory: Factory, customer: Person, star: Person, order_id: int
) -> None:
    link = await link_to_pay(api, customer, order_id)
    other = await factory.order(customer, star)
    assert (await api.get("/payments/", params={"order_id": other, "sig": link.query["sig"]})).status == 403
    assert (await api.get("/payments/return/", params=dict(link.query))).status == 404


async def test_a_closed_order_cannot_be_paid(
    api: Api,
    app: web.Application,
    factory: Factory,
    customer: Person,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
) -> None:
    link = await link_to_pay(api, customer, order_id)
    await factory.hold(order_id, sandbox)
    assert (await follow(api, link)).status == 409
    assert (await api.get("/api/order/pay/", params={"order_id": order_id}, as_=customer)).status == 409

    rejected = await factory.order(customer, star)
    link = await link_to_pay(api, customer, rejected)
    answer = await api.post("/api/orderaccept/", {"order_id": rejected, "accept": "reject"}, as_=star)
    assert answer.status == 201
    page = await follow(api, link, headers=BROWSER)
    assert (page.status, page.content_type) == (409, "text/html")
    assert await payment_of(app, rejected) is None


async def test_an_unavailable_provider_yields_a_page_that_reloads(
    api: Api,
    app: web.Application,
    customer: Person,
    order_id: int,
    sandbox: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mystar.orders.service.PAYMENT_PATIENCE", 0.3)
    await sandbox.faults(down=True)
    link = await link_to_pay(api, customer, order_id)
    page = await follow(api, link, headers={**BROWSER, "Accept-Language": "en"})
    assert (page.status, page.content_type) == (503, "text/html")
    assert int(page.headers["Retry-After"]) > 0
    assert page.headers["Refresh"] == page.headers["Retry-After"]
    assert "you will not be charged twice" in await page.text()
    plain = await follow(api, link)
    assert plain.status == 503
    assert isinstance(await plain.json(), list)
    waiting = await payment_of(app, order_id)
    assert waiting.status == "pending"

    await sandbox.faults()

    async def leads_on() -> bool:
        return (await follow(api, link)).status == 302

    await eventually(leads_on)
    assert (await payment_of(app, order_id)).id == waiting.id


# The way back


async def test_the_return_page_shows_the_state_of_the_payment(
    api: Api, app: web.Application, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    payment = await begun(api, app, customer, order_id)
    back = URL(payment.return_url)
    waiting = await follow(api, back, headers=BROWSER)
    assert (waiting.status, waiting.headers["Refresh"]) == (200, "4")
    assert "Ждём подтверждения оплаты" in await waiting.text()

    # No notification was received; opening the return page is enough.
    await sandbox.pay(payment.provider_id)
    paid = await follow(api, back, headers=BROWSER)
    assert "Оплата получена" in await paid.text()
    assert "Refresh" not in paid.headers
    assert await (await follow(api, back)).json() == {"order_id": order_id, "status": "held"}
    english = await follow(api, back, headers=BROWSER, language="en")
    assert "Payment received" in await english.text()


async def test_the_return_page_of_a_declined_card_and_of_a_rejected_order(
    api: Api,
    app: web.Application,
    factory: Factory,
    customer: Person,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
) -> None:
    payment = await begun(api, app, customer, order_id)
    await sandbox.decline(payment.provider_id)
    page = await follow(api, URL(payment.return_url), headers=BROWSER)
    assert "Оплата не прошла" in await page.text()

    other = await factory.order(customer, star)
    await factory.hold(other, sandbox)
    await api.post("/api/orderaccept/", {"order_id": other, "accept": "reject"}, as_=star)
    page = await follow(api, URL((await payment_of(app, other)).return_url), headers=BROWSER)
    assert "Деньги возвращаются" in await page.text()


async def test_the_return_page_needs_a_signature(
    api: Api, app: web.Application, customer: Person, order_id: int
) -> None:
    await begun(api, app, customer, order_id)
    for query in ({"order_id": order_id}, {"order_id": order_id, "sig": "0" * 40}):
        assert (await api.get("/payments/return/", params=query)).status == 404
        assert (await api.get("/payments/return/", params=query, headers=BROWSER)).content_type == "text/html"
    assert (await api.get("/payments/return/")).status == 400


async def test_the_return_page_works_while_the_provider_is_unavailable(
    api: Api, app: web.Application, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    payment = await begun(api, app, customer, order_id)
    await sandbox.faults(down=True)
    assert (await follow(api, URL(payment.return_url), headers=BROWSER)).status == 200


# Notifications


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


async def test_a_notification_of_a_refund_is_about_its_payment(
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


# Captures


async def held_after_acceptance(
    api: Api, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await api.post("/api/orderaccept/", {"order_id": order_id, "accept": "accept"}, as_=star)
    await factory.hold(order_id, sandbox)


@pytest.mark.parametrize("spelling", ["order_id{}", "order_id={}"])
async def test_the_star_captures_by_both_spellings_of_the_link(
    api: Api,
    app: web.Application,
    factory: Factory,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
    spelling: str,
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    answer = await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=star)
    assert (await answer.json())["link"] == f"{api.url}{NOTIFICATIONS}?order_id{order_id}"
    assert (await payment_of(app, order_id)).goal == "hold", "the link alone captures nothing"

    answer = await api.post(f"{NOTIFICATIONS}?{spelling.format(order_id)}", as_=star)
    assert (answer.status, await answer.json()) == (200, {"status": "OK"})
    await money_becomes(app, order_id, "captured")


async def test_only_the_star_and_staff_capture(
    api: Api,
    app: web.Application,
    factory: Factory,
    customer: Person,
    star: Person,
    order_id: int,
    sandbox: SandboxProcess,
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    stranger, other_star, staff = await factory.person(), await factory.star(), await factory.staff()
    link = f"{NOTIFICATIONS}?order_id{order_id}"
    for person, status in ((None, 401), (customer, 403), (stranger, 404), (other_star, 404)):
        assert (await api.post(link, as_=person)).status == status
        asked = await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=person)
        assert asked.status == status
    assert (await payment_of(app, order_id)).goal == "hold"
    assert (await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=staff)).status == 200
    assert (await api.post(link, as_=staff)).status == 200
    await money_becomes(app, order_id, "captured")


@as_subtests
@pytest.mark.parametrize("query", ["order_id=", "order_id=x", "order_id", "order_id=-1", "my_order_id5"])
async def test_a_capture_of_no_order_is_refused(api: Api, star: Person, query: str) -> None:
    answer = await api.post(f"{NOTIFICATIONS}?{query}", as_=star)
    assert answer.status == 400


async def test_a_capture_with_nothing_held_is_refused(api: Api, star: Person, order_id: int) -> None:
    assert (await api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star)).status == 409


async def test_concurrent_captures_take_the_money_once(
    api: Api, app: web.Application, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    answers = await asyncio.gather(*(api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star) for _ in range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] + [409] * 7
    await money_becomes(app, order_id, "captured")
    payment = await payment_of(app, order_id)
    kinds = [one["kind"] for one in await sandbox.journal() if one["payment_id"] == payment.provider_id]
    assert kinds.count("payment.captured") == 1


async def test_a_capture_with_a_key_has_one_answer(
    api: Api, app: web.Application, factory: Factory, star: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    await held_after_acceptance(api, factory, star, order_id, sandbox)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = [await api.post(f"{NOTIFICATIONS}?order_id={order_id}", as_=star, headers=key) for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    assert second.headers["Idempotent-Replayed"] == "true"
    # A notification carries no effect of its own, so a key of its sender is not in its way.
    payment = await payment_of(app, order_id)
    news = notification(payment.provider_id)
    assert (await api.post(NOTIFICATIONS, news, as_=star, headers={"Idempotency-Key": "another"})).status == 200


async def test_calls_to_the_provider_are_measured(
    api: Api, app: web.Application, customer: Person, order_id: int
) -> None:
    await begun(api, app, customer, order_id)
    metrics = await (await api.get("/metrics")).text()
    assert 'mystar_payment_provider_calls_total{call="create",outcome="ok"} 1.0' in metrics
    assert "mystar_payment_provider_breaker_open 0.0" in metrics
