"""Two people in two tabs: they chat and are notified over plain WebSockets, and a break loses nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, expect

from mystar.kit.keys import DATABASE
from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.sandbox_process import SandboxProcess
from tests.tcp_proxy import TcpProxy


@pytest_asyncio.fixture(loop_scope="session")
async def second_page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page(locale="en-GB")
    page.set_default_timeout(15_000)
    yield page
    await page.close()


async def sign_in(page: Page, service: str, sandbox: SandboxProcess, person: Person) -> Locator:
    """The person's half of the page, logged in and connected."""
    await page.goto(f"{sandbox.http}/live/?service={service}")
    half = page.locator("#left")
    await half.locator(".enter [name=username]").fill(person.email)
    await half.locator(".enter [name=password]").fill(person.password)
    await half.locator(".enter button").click()
    await expect(half.locator(".name")).to_have_text(person.username)
    await expect(half.locator("h2 .line")).to_have_text(re.compile("^(на связи|connected)$"))
    return half


async def say(half: Locator, words: str) -> None:
    await half.locator(".say input").fill(words)
    await half.locator(".say button").click()


async def test_two_people_chat_and_are_notified_live(
    app: web.Application,
    api: Api,
    sandbox: SandboxProcess,
    factory: Factory,
    customer: Person,
    star: Person,
    tab: Tab,
    second_page: Page,
) -> None:
    # Some browsers name no language when they open a WebSocket: it speaks that of the account then.
    await app[DATABASE].execute("update accounts set language = 'en' where id = %(id)s", id=star.id)
    olga = await sign_in(tab.page, api.url, sandbox, customer)
    comet = await sign_in(second_page, api.url, sandbox, star)

    # An order is told at once.
    await factory.order(customer, star)
    await expect(comet.locator(".news li")).to_have_text("New order: You have a new order!")
    await expect(comet.locator(".unread-count")).to_have_text("1")

    # A message too, and a click on its news opens the conversation.
    await olga.locator(".find input").fill(star.username)
    await olga.locator(".find button").click()
    await say(olga, "Здравствуйте! <b>Успеете</b> к пятнице?")
    await expect(comet.locator(".news li").first).to_have_text("New message: olga wrote to you.")
    await comet.locator(".news button").first.click()
    await expect(comet.locator(".talk li")).to_have_text(["Здравствуйте! <b>Успеете</b> к пятнице?"])
    await expect(comet.locator(".unread-count")).to_have_text("1")

    # Both ways, in order, each once.
    for number in range(5):
        await say(comet if number % 2 else olga, f"Слово {number}")
        for half in (olga, comet):
            await expect(half.locator(".talk li:not(.waiting)")).to_have_count(2 + number)
    for half in (olga, comet):
        assert (await half.locator(".talk li").all_inner_texts())[1:] == [f"Слово {number}" for number in range(5)]
    await tab.show("live")


async def test_messages_sent_during_an_outage_arrive_once_after_it(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab, second_page: Page
) -> None:
    proxy = TcpProxy("127.0.0.1", int(api.url.rpartition(":")[2]))
    await proxy.start()
    olga = await sign_in(tab.page, api.url, sandbox, customer)
    comet = await sign_in(second_page, f"http://127.0.0.1:{proxy.port}", sandbox, star)
    await olga.locator(".find input").fill(star.username)
    await olga.locator(".find button").click()
    await say(olga, "раз")
    await comet.locator(".news button").first.click()
    await expect(comet.locator(".talk li")).to_have_text(["раз"])

    await proxy.stop()
    await expect(comet.locator(".conversation .line")).to_contain_text("no connection")
    await say(olga, "два")
    await say(comet, "три")
    await expect(comet.locator(".talk .waiting")).to_have_text(["три"])
    await proxy.start()
    for half in (olga, comet):
        await expect(half.locator(".talk li:not(.waiting)")).to_have_text(["раз", "два", "три"])
    await expect(comet.locator(".conversation .line")).to_have_text("connected")
    await proxy.stop()


async def test_a_wrong_password_is_reported_in_the_page(
    api: Api, sandbox: SandboxProcess, customer: Person, tab: Tab
) -> None:
    await tab.page.goto(f"{sandbox.http}/live/?service={api.url}")
    half = tab.page.locator("#right")
    await half.locator(".enter [name=username]").fill(customer.email)
    await half.locator(".enter [name=password]").fill("not this one")
    await half.locator(".enter button").click()
    await expect(half.get_by_role("alert")).not_to_be_empty()
    await expect(half.locator(".inside")).to_be_hidden()
    tab.complaints.clear()  # Chromium tells the console of every answer with a 401.


async def test_a_person_signs_in_with_a_token(api: Api, sandbox: SandboxProcess, customer: Person, tab: Tab) -> None:
    await tab.page.goto(f"{sandbox.http}/live/?service={api.url}")
    half = tab.page.locator("#right")
    await half.locator(".enter [name=token]").fill(customer.token)
    await half.locator(".enter button").click()
    await expect(half.locator(".name")).to_have_text(customer.username)
    await expect(half.locator("h2 .line")).to_have_text("на связи")
