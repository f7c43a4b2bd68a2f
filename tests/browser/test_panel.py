"""The panel as its staff use it: in a browser, on a phone and at a desk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from psycopg2.extras import Json

from mystar.catalog.keys import TAXONOMY
from mystar.creators.keys import SKILLS
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.browser.conftest import WIDTHS, Tab
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.sandbox_process import SandboxProcess


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """An order is in process a second after the button."""
    return make_settings(STUDIO__PROCESS_SECONDS=1)


async def sign_in(page: Page, api: Api, person: Person) -> None:
    await page.goto(f"{api.url}/admin/")
    await page.get_by_label(re.compile("E-mail|e-mail")).fill(person.email)
    await page.get_by_label(re.compile("Пароль|Password")).fill(person.password)
    await page.get_by_role("button", name=re.compile("^(Войти|Sign in)$")).click()
    await expect(page.locator("h1")).to_have_text(re.compile("Сводка|Overview"))


@pytest_asyncio.fixture(loop_scope="session")
async def operator(api: Api, factory: Factory, tab: Tab) -> Person:
    """Signed in, in the tab."""
    person = await factory.staff("operator")
    await sign_in(tab.page, api, person)
    return person


async def test_an_order_is_found_by_number_and_its_page_updates_while_it_is_processed(
    api: Api, tab: Tab, operator: Person
) -> None:
    placed = [await place(api, f"Сайт {number}") for number in range(3)]
    page = tab.page
    await page.get_by_role("link", name="Заказы студии").first.click()
    await page.get_by_role("main").get_by_role("searchbox").fill(placed[1])
    await page.get_by_role("button", name="Найти").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("link", name=placed[1]).click()
    await expect(page.locator("h1")).to_have_text(f"Заказ № {placed[1]}")
    await page.get_by_role("button", name="В обработку").click()

    state = page.locator(".head [data-live]")
    await page.evaluate("window.same = true")
    await expect(state).to_have_text("в очереди")
    await tab.show("order-queued")
    await expect(state).to_have_text("в обработке")
    assert await page.evaluate("window.same"), "the page was loaded again"
    await expect(page.get_by_role("button", name="В обработку")).to_have_count(0)

    # The rest in bulk, on a phone.
    await page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    await page.goto(f"{api.url}/admin/studio-orders/?status=new")
    await page.get_by_label("Выбрать все").check()
    await page.get_by_role("button", name="Выбранные — в обработку").click()
    await expect(page.locator('[data-live][data-state="queued"]')).to_have_count(2)
    await expect(page.locator('[data-live][data-state="in_process"]')).to_have_count(2)


async def place(api: Api, title: str) -> str:
    answer = await api.post("/api/orders/orders/", {"title": title, "description": "Три страницы и форма"})
    number: str = (await answer.json())["order_number"]
    return number


async def test_a_blocked_member_of_the_staff_is_signed_out_in_the_other_tab(
    api: Api, factory: Factory, browser: Browser, tab: Tab
) -> None:
    await sign_in(tab.page, api, await factory.staff("owner"))
    viewer = await factory.staff("viewer")
    theirs = await browser.new_page(locale="en-GB")
    await sign_in(theirs, api, viewer)

    page = tab.page
    await page.goto(f"{api.url}/admin/accounts/?q={viewer.email}")
    await page.get_by_role("link", name=viewer.username).click()
    await page.get_by_text("Заблокировать", exact=True).click()
    await page.get_by_role("button", name="Да, заблокировать").click()
    await expect(page.locator(".head")).to_contain_text("заблокирован")

    await theirs.get_by_role("link", name="Orders", exact=True).first.click()
    await expect(theirs.locator("h1")).to_have_text("Staff sign-in")
    await theirs.close()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser) -> AsyncIterator[Page]:
    """Without scripts, in the dark."""
    context = await browser.new_context(
        java_script_enabled=False, color_scheme="dark", locale="ru-RU", viewport={"width": WIDTHS[0], "height": 800}
    )
    yield await context.new_page()
    await context.close()


async def test_the_panel_works_on_a_phone_without_javascript(api: Api, factory: Factory, phone: Page) -> None:
    await sign_in(phone, api, await factory.staff("operator"))
    number = await place(api, "Сайт")
    await phone.get_by_label("Меню").click()
    await phone.locator("header").get_by_role("link", name="Заказы студии").click()
    await phone.get_by_role("link", name=number).click()
    await phone.get_by_role("button", name="В обработку").click()
    await expect(phone.get_by_role("status")).to_have_text("Готово.")
    await expect(phone.locator(".head [data-live]")).to_have_text(re.compile("в очереди|в обработке"))


async def test_long_words_do_not_make_a_page_scroll_sideways(
    app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess, tab: Tab
) -> None:
    await tab.page.goto(f"{api.url}/admin/")
    await tab.show("sign-in")
    await sign_in(tab.page, api, await factory.staff("owner"))
    star = await factory.star(profession="Певица, актриса и ведущая вечеров с очень длинным названием профессии")
    order_id = await factory.order(await factory.person(), star, requirements="Поздравьте " * 60)
    await factory.hold(order_id, sandbox)
    await place(api, "Очень-длинное-название-без-единого-пробела-" * 3)
    operator = actor(await factory.staff("operator"), "operator")
    await app[SKILLS].add(operator, "Превысокомногорассмотрительствующий-" * 2, "Умение")
    await app[TAXONOMY].add_tag(operator, "рентгеноэлектрокардиографический")
    payment_id = await app[DATABASE].value("select id from payments")
    said = {"status": "captured", "amount": 1_589_027_992, "said": {"status": "succeeded", "amount": 1, "refunded": 0}}
    await app[DATABASE].execute(
        "insert into payment_discrepancies (payment_id, provider_id, kind, details)"
        " values (%(id)s, '2d1c3f9a-000f-5000-9000-1b68e7b15f3f', 'refund_canceled', %(said)s)",
        id=payment_id,
        said=Json(said),
    )
    pages = ["", "creators/", "studio-orders/", f"orders/{order_id}/", "orders/2/", "creators/1/", "nowhere/"]
    for path in (*pages, "skills/", "tags/", "discrepancies/"):
        await tab.page.goto(f"{api.url}/admin/{path}")
        await tab.show(path.strip("/").replace("/", "-") or "overview")
    # Ours and the provider's stand below each other on a phone, not side by side.
    await tab.page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    first, second = [await one.bounding_box() for one in await tab.page.locator(".c-difference p").all()]
    assert first is not None and second is not None  # noqa: PT018
    assert second["y"] >= first["y"] + first["height"]
    tab.complaints.clear()  # Chromium tells the console of every answer with a 404.


async def test_what_is_jumped_to_is_not_below_the_bar_of_a_phone(api: Api, tab: Tab, operator: Person) -> None:
    await tab.page.set_viewport_size({"width": WIDTHS[0], "height": 400})
    await tab.page.goto(f"{api.url}/admin/#statistics")
    heading, bar = [await tab.page.locator(one).bounding_box() for one in ("#statistics", ".top")]
    assert heading is not None and bar is not None  # noqa: PT018
    assert bar["y"] == 0, "the page has not been scrolled"
    assert bar["height"] <= heading["y"] <= 400
