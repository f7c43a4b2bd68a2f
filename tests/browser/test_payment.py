"""Paying through the provider's page, as a customer's browser does it: the tab knows the link and has no token."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Person
from tests.greeting_journey import money_word_is, ok, place, status_is
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually


async def link_to_pay(api: Api, customer: Person, order_id: int) -> str:
    answer = await ok(await api.get("/api/order/pay/", params={"order_id": order_id}, as_=customer))
    return str(answer["link"])


async def by_card(page: Page) -> None:
    """Choose on the page of methods."""
    await page.get_by_role("link", name="Банковская карта").click()


async def test_a_customer_pays_and_comes_back(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab
) -> None:
    order_id = await place(api, customer, star)
    link = await link_to_pay(api, customer, order_id)
    page = tab.page
    await page.goto(link)
    await expect(page.get_by_role("link", name="СБП")).to_be_visible()
    await tab.show("methods")
    await by_card(page)
    assert page.url.startswith(sandbox.http)
    await expect(page.get_by_role("heading", name=f"Заказ №{order_id}")).to_be_visible()
    await tab.show("till")

    await page.get_by_role("button", name="Оплатить").click()
    await expect(page.get_by_role("heading", name="Оплата получена")).to_be_visible()
    assert page.url.startswith(f"{api.url}/payments/return/")
    await tab.show("paid")
    await eventually(lambda: status_is(api, customer, order_id, 2))

    # The link is of no use any more, and says so in a page.
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Не получилось")).to_be_visible()
    await tab.show("paid-already")
    tab.complaints.clear()


async def test_a_customer_declines_and_may_try_again(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab
) -> None:
    order_id = await place(api, customer, star)
    link = await link_to_pay(api, customer, order_id)
    page = tab.page
    await page.goto(link)
    await by_card(page)
    await page.get_by_role("button", name="Отказаться").click()
    await expect(page.get_by_role("heading", name="Оплата не прошла")).to_be_visible()
    await tab.show("failed")
    await eventually(lambda: money_word_is(api, customer, order_id, "failed"))

    await page.goto(link)
    await by_card(page)
    await page.get_by_role("button", name="Оплатить").click()
    await expect(page.get_by_role("heading", name="Оплата получена")).to_be_visible()
    await eventually(lambda: status_is(api, customer, order_id, 2))


async def test_while_the_provider_does_not_answer_the_page_reloads_by_itself(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab
) -> None:
    order_id = await place(api, customer, star)
    page = tab.page
    await page.goto(await link_to_pay(api, customer, order_id))
    await by_card(page)
    payment = await sandbox.find_payment(order_id=str(order_id))
    await sandbox.set_webhook(None)
    await sandbox.faults(error_before_work=1.0)
    await sandbox.pay(payment["id"])

    await page.goto(payment["return_url"])
    await expect(page.get_by_role("heading", name="Ждём подтверждения оплаты…")).to_be_visible()
    await tab.show("waiting")
    await sandbox.faults()
    await expect(page.get_by_role("heading", name="Оплата получена")).to_be_visible()
