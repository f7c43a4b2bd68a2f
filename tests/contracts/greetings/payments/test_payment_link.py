"""The signed link to the provider's page, and the page to which the customer returns."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from yarl import URL

from mystar.settings import Settings
from tests.conftest import Api
from tests.contracts.greetings.payments.payment_requests import BROWSER, begun, follow, link_to_pay, payment_of
from tests.factory import Factory, Person
from tests.subtests import as_subtests
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess


async def test_the_payment_link_redirects_to_the_page_of_the_provider(
    api: Api, app: web.Application, settings: Settings, customer: Person, order_id: int, sandbox: SandboxProcess
) -> None:
    link = await link_to_pay(api, customer, order_id)
    assert str(link).startswith(f"{settings.http.public_url}/payments/?order_id={order_id}&sig=")
    assert await payment_of(app, order_id) is None, "a link alone begins nothing"

    page = await follow(api, link, headers=BROWSER)
    assert (page.status, page.content_type, await payment_of(app, order_id)) == (200, "text/html", None)
    found = re.search('id="bank_card" href="([^"]+)"', await page.text())
    assert found is not None
    answer = await follow(api, URL(found[1].replace("&amp;", "&")), headers=BROWSER)
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


async def test_a_signature_is_valid_for_its_own_order_and_purpose(
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
    by_card = link.update_query(method="bank_card")
    page = await follow(api, by_card, headers={**BROWSER, "Accept-Language": "en"})
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
    shown = await page.text()
    assert "Оплата не прошла" in shown
    again = re.search(r'href="([^"]*/payments/\?[^"]*)"', shown)
    assert again is not None
    path = URL(html.unescape(again[1])).relative()
    assert (await api.get(str(path), allow_redirects=False)).status == 302

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
