"""From a payment by SBP to money on the way to a creator, in a browser: the pay page, and the panel's payouts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from aiohttp import web
from playwright.async_api import expect

from mystar.earnings.keys import EARNINGS, PAYOUTS
from mystar.earnings.payouts.model import Status
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.browser.conftest import Tab
from tests.browser.test_panel import sign_in
from tests.browser.test_payment import link_to_pay
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.greeting_journey import place, status_is
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    methods = '["bank_card", "sbp"]'
    return make_settings(PAYMENTS__METHODS=methods, PAYOUTS__PROVIDER="yookassa", PAYOUTS__COOLDOWN_DAYS=0)


async def test_a_customer_chooses_sbp_and_is_charged_at_once(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab
) -> None:
    order_id = await place(api, customer, star)
    page = tab.page
    await page.goto(await link_to_pay(api, customer, order_id))
    await expect(page.get_by_role("heading", name="Как вы заплатите?")).to_be_visible()
    await expect(page.get_by_text("Деньги спишутся сейчас")).to_be_visible()
    await tab.show("methods")

    await page.get_by_role("link", name="СБП").click()
    await page.get_by_role("button", name="Оплатить").click()
    await expect(page.get_by_text("Деньги списаны")).to_be_visible()
    await tab.show("charged")
    await eventually(lambda: status_is(api, customer, order_id, 2))


async def test_an_owner_pays_a_creator_and_settles_a_debt(
    api: Api, app: web.Application, factory: Factory, sandbox: SandboxProcess, tab: Tab
) -> None:
    creator = await factory.person("comet", channel="market")
    payout_id = await asked(api, app, creator)
    await app[DATABASE].execute("update payout_queue set stopped_for = 'insufficient_funds', stopped_at = now()")
    await sign_in(tab.page, api, await factory.staff("owner"))
    page = tab.page
    await tab.show("overview-payouts")
    await page.get_by_role("button", name="Запустить снова").click()
    await page.wait_for_url(re.compile("done=1"))

    await page.goto(f"{api.url}/admin/")
    await page.get_by_role("link", name="Выплаты ждут решения").click()
    await page.get_by_role("link", name=str(payout_id), exact=True).click()
    await expect(page.locator("h1")).to_have_text(f"Выплата № {payout_id}")
    await page.get_by_text("Подтвердить", exact=True).click()
    await tab.show("payout-requested")
    await page.get_by_role("button", name="Да, подтвердить").click()
    await eventually(lambda: is_paid(app, payout_id))
    await page.goto(f"{api.url}/admin/payouts/{payout_id}/")
    await tab.show("payout-paid")

    await app[EARNINGS].adjust(None, creator.id, -20_000, "a refund after the payout")
    await page.goto(f"{api.url}/admin/balances/")
    await tab.show("balances")
    await page.get_by_role("link", name="comet").first.click()
    await expect(page.get_by_text("долг", exact=True)).to_be_visible()
    await page.get_by_text("Списать долг", exact=True).click()
    await page.locator("form", has=page.get_by_role("button", name="Да, списать")).get_by_label("Причина").fill("ушёл")
    await tab.show("creator-in-debt")
    await page.get_by_role("button", name="Да, списать").click()
    await expect(page.get_by_text("долг", exact=True)).to_have_count(0)


async def asked(api: Api, app: web.Application, creator: Person) -> int:
    """A payout that waits for approval; its id."""
    await app[EARNINGS].adjust(None, creator.id, 125_000, "earned elsewhere")
    details = {"kind": "sbp", "phone": "+79161234567", "bank_id": "100000000004", "password": creator.password}
    assert (await api.put("/api/v1/payouts/details/", details, as_=creator)).status == 200
    answer = await api.post("/api/v1/payouts/", {}, as_=creator)
    assert answer.status == 201, await answer.text()
    payout_id: int = (await answer.json())["id"]
    return payout_id


async def is_paid(app: web.Application, payout_id: int) -> bool:
    rows = await app[PAYOUTS].queue(Status.PAID)
    return payout_id in {one.id for one in rows}
