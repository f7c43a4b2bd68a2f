"""The method is chosen on the pay page; SBP charges at once; what the provider refuses for good stops the payment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from mystar.app import broken_invariants
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.orders.market import Market
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

BROWSER = {"Accept": "text/html"}


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


def link_of(app: web.Application, order_id: int) -> URL:
    return URL(app[ORDERS].link_to_pay(order_id))


async def greeting(api: Api, customer: Person, order_id: int) -> dict[str, Any]:
    answer = await api.get("/api/order/list/", params={"is_star": "false", "user_id": customer.id}, as_=customer)
    orders = await answer.json()
    found: dict[str, Any] = next(one for one in orders if one["id"] == order_id)
    return found


async def becomes(app: web.Application, order_id: int, status: str) -> None:
    async def look() -> bool:
        payment = await app[PAYMENTS].of_order(order_id)
        return payment is not None and payment.status == status

    await eventually(look)


async def test_the_pay_page_offers_both_methods_and_says_when_money_moves(
    api: Api, app: web.Application, order_id: int
) -> None:
    link = link_of(app, order_id)
    answer = await api.get(link.path, params=dict(link.query), headers=BROWSER, language="en")
    page = await answer.text()

    assert answer.status == 200
    assert "The money is charged now" in page
    assert "held on the card" in page
    assert f"order_id={order_id}" in page
    assert "method=sbp" in page
    assert await app[PAYMENTS].of_order(order_id) is None


async def test_the_chosen_method_stays_with_the_open_payment(api: Api, app: web.Application, order_id: int) -> None:
    link = link_of(app, order_id)
    first = await api.get(link.path, params={**link.query, "method": "sbp"}, headers=BROWSER)
    second = await api.get(link.path, params={**link.query, "method": "bank_card"}, headers=BROWSER)
    third = await api.get(link.path, params=dict(link.query), headers=BROWSER)

    assert [answer.status for answer in (first, second, third)] == [302, 302, 302]
    assert len({answer.headers["Location"] for answer in (first, second, third)}) == 1
    payment = await app[PAYMENTS].of_order(order_id)
    assert payment is not None
    assert payment.chosen_method == "sbp"


async def test_a_method_that_is_not_offered_names_the_field(api: Api, app: web.Application, order_id: int) -> None:
    link = link_of(app, order_id)
    answer = await api.get(link.path, params={**link.query, "method": "cash"})

    assert answer.status == 400
    assert "method" in await answer.text()


@pytest.mark.parametrize(
    ("body", "query", "accept", "status", "paid_by"),
    [
        (None, {}, "*/*", 302, "bank_card"),
        (None, {}, "text/html", 200, None),
        (None, {"method": "sbp"}, "text/html", 302, "sbp"),
        ({"payment_method": "sbp"}, {"method": "bank_card"}, "text/html", 302, "sbp"),
    ],
    ids=["a programme", "a browser", "chosen on the page", "chosen by the client"],
)
async def test_a_payment_that_was_begun_waits_for_the_choice_of_a_person_only(
    market: Market, body: Any, query: dict[str, str], accept: str, status: int, paid_by: str | None
) -> None:
    order_id = (await market.place())["id"]
    answer = await market.api.post(f"/api/v1/orders/{order_id}/pay/", body, as_=market.buyer)
    assert answer.status == 200, await answer.text()
    assert (await market.read(order_id))["money"] == "pending"
    link = URL((await answer.json())["link"])
    followed = await market.api.get(link.path, params={**link.query, **query}, headers={"Accept": accept})
    assert followed.status == status
    [payment] = await market.app[PAYMENTS].all_of_order(order_id)
    assert (payment.chosen_method if payment.provider_id else None) == paid_by


async def test_a_payment_whose_method_is_not_chosen_ends_like_one_that_is_not_paid(market: Market) -> None:
    order_id = (await market.place())["id"]
    link = URL(await market.app[ORDERS].pay(actor(market.buyer), order_id))
    ago = "interval '51 minutes'"
    await market.app[DATABASE].execute(
        f"update payments set created_at = created_at - {ago}, check_at = check_at - {ago}"
    )
    assert await market.app[PAYMENTS].poll() == 1
    assert (await market.read(order_id))["money"] == "failed"
    await market.app[ORDERS].pay_by_link(order_id, link.query["sig"], "sbp")
    states = [(one.status, one.chosen_method) for one in await market.app[PAYMENTS].all_of_order(order_id)]
    assert states == [("pending", "sbp"), ("failed", "bank_card")]


@pytest.mark.one_process("rely on what one process remembers")
async def test_a_shop_without_sbp_offers_the_card_and_says_why(market: Market, sandbox: SandboxProcess) -> None:
    order_id = (await market.place())["id"]
    await sandbox.faults(refuse_payments="payment_method_data.type")
    link = URL(market.app[ORDERS].link_to_pay(order_id))
    by_sbp = {**link.query, "method": "sbp"}
    for language, words in (("en", "You were not charged"), ("ru", "Деньги не списаны")):
        page = await market.api.get(link.path, params=by_sbp, headers=BROWSER, language=language)
        by_sbp.pop("method", None)
        text = await page.text()
        assert (page.status, words in text, 'id="bank_card"' in text, 'id="sbp"' in text) == (409, True, True, False)
    [note] = await market.app[DATABASE].all("select kind from payment_discrepancies")
    assert note["kind"] == "refused"
    paid = await market.api.get(link.path, params={**link.query, "method": "bank_card"}, headers=BROWSER)
    assert paid.status == 302
    # The next buyer is not offered what the provider has just refused.
    another = (await market.place())["id"]
    link = URL(market.app[ORDERS].link_to_pay(another))
    assert (await market.api.get(link.path, params=dict(link.query), headers=BROWSER)).status == 302


async def test_a_greeting_charged_by_sbp_is_paid_and_not_accepted(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    await factory.hold(order_id, sandbox, "sbp")
    before = await greeting(api, customer, order_id)

    answer = await api.post(f"/payments/notifications/?order_id={order_id}", as_=star)
    after = await greeting(api, customer, order_id)

    assert (before["money"], before["status_order"]) == ("captured", 2)
    assert (answer.status, after["status"], after["status_order"]) == (200, "accepted", 3)
    calls = [row["name"] for row in await app[DATABASE].all("select name from outbox where topic = 'payments'")]
    assert not [name for name in calls if "capture" in name]
    assert not await broken_invariants(app)


async def test_a_declined_greeting_that_was_charged_is_refunded_in_full(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order_id: int,
) -> None:
    await factory.hold(order_id, sandbox, "sbp")
    await app[ORDERS].reject(actor(star), order_id)
    await becomes(app, order_id, "refunded")

    payment = await app[PAYMENTS].of_order(order_id)
    assert payment is not None
    assert (payment.captured, payment.refunded) == (payment.amount, payment.amount)
    letter = await sandbox.wait_for_mail(customer.email, "отклонён")
    assert "на ваш счёт" in letter["text"]
    assert not await broken_invariants(app)


async def test_paying_is_shown_as_a_charge_once_sbp_is_chosen(market: Market) -> None:
    order = await market.place()
    link = link_of(market.app, order["id"])
    moves = [_pay_move(await market.read(order["id"]))]
    await market.app[ORDERS].pay_by_link(order["id"], link.query["sig"], "sbp")
    moves.append(_pay_move(await market.read(order["id"])))

    assert moves == ["hold", "capture"]


def _pay_move(order: dict[str, Any]) -> str:
    move: str = next(one["money"]["move"] for one in order["allowed_actions"] if one["name"] == "pay")
    return move


async def test_a_refused_payment_waits_until_staff_retry_it(market: Market, sandbox: SandboxProcess) -> None:
    order = await market.place()
    link = link_of(market.app, order["id"])
    await sandbox.faults(refuse_payments="receipt")
    for _ in range(2):
        answer = await market.api.get(link.path, params={**link.query, "method": "bank_card"}, language="en")
        assert answer.status == 409
        assert "the receipt cannot be made" in await answer.text()
    assert len(await market.app[PAYMENTS].all_of_order(order["id"])) == 1
    assert "pay" not in {one["name"] for one in (await market.read(order["id"]))["allowed_actions"]}
    told = await sandbox.wait_for_mail(market.buyer.email)
    assert "оформить чек" in told["text"]
    staff_letter = await sandbox.wait_for_mail("support@localhost")
    assert str(order["id"]) in staff_letter["text"]

    await sandbox.faults()
    operator = await market.factory.staff("operator")
    page = await market.api.get(f"/admin/orders/{order['id']}/", as_=operator)
    assert "receipt: The sandbox is told to refuse payments" in await page.text()
    answer = await market.api.post(f"/admin/orders/{order['id']}/resume-payment/", as_=operator)
    assert answer.status == 204, await answer.text()
    again = await market.api.get(link.path, params={**link.query, "method": "bank_card"})
    assert again.status == 302


async def test_a_failed_refund_is_mailed_to_staff_and_retried_in_the_panel(
    market: Market, sandbox: SandboxProcess
) -> None:
    order_id = (await market.place())["id"]
    await market.factory.hold(order_id, sandbox, "sbp")
    await sandbox.faults(refunds={"insufficient_funds": 1})
    await market.app[ORDERS].reject(actor(market.creator), order_id)

    async def failed() -> bool:
        payment = await market.app[PAYMENTS].of_order(order_id)
        return payment is not None and payment.refund_failure == "insufficient_funds"

    await eventually(failed)
    await sandbox.faults()
    operator = await market.factory.staff("operator")
    answer = await market.api.post(f"/admin/orders/{order_id}/refund-again/", as_=operator)
    assert answer.status == 204, await answer.text()
    await becomes(market.app, order_id, "refunded")
    assert not await broken_invariants(market.app)
