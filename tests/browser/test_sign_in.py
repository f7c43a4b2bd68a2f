"""Sign-in through each provider in a browser: cookies, redirects, and the page of the redirect address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.accounts.oauth.oauth_flow import FLOWS, Flow, login, register
from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.sandbox_process import SandboxProcess


async def shown(page: Page) -> Any:
    """The JSON that the tab shows."""
    return json.loads(await page.evaluate("document.body.innerText"))


async def returned(api: Api, flow: Flow, page: Page) -> None:
    """The provider redirects to a page without tokens; then the client sends what it was given."""
    await page.wait_for_url(f"{api.url}/*/callback?**")
    title = "Вход не состоялся" if "error=" in page.url else "Вход почти завершён"
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await page.goto(f"{api.url}{flow.code}?{page.url.partition('?')[2]}")


async def to_the_provider(api: Api, flow: Flow, page: Page) -> None:
    await page.goto(f"{api.url}{flow.link}")
    body = await shown(page)
    await page.goto(body["link"] if flow.is_greetings else body)


@pytest.mark.parametrize("flow", FLOWS, ids=str)
async def test_a_person_chosen_at_the_provider_is_signed_in(
    api: Api, sandbox_process: SandboxProcess, tab: Tab, flow: Flow
) -> None:
    page = tab.page
    await to_the_provider(api, flow, page)
    assert page.url.startswith(sandbox_process.http)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Вход через")
    await tab.show(f"people-{flow}")
    await page.get_by_role("button", name="Ольга Светлова").click()
    await returned(api, flow, page)
    token = (await shown(page))["access_token"]
    assert await page.context.cookies() == []

    registered = await register(api, flow, token)
    assert registered.status in (200, 201), await registered.text()
    assert (await login(api, flow, token)).status == 200
    # The way back again: the attempt is over.
    await page.reload()
    assert page.url.startswith(api.url)
    assert "access_token" not in await shown(page)
    tab.complaints.clear()


async def test_a_person_enters_their_name_at_the_provider_or_declines(api: Api, tab: Tab) -> None:
    flow, page = FLOWS[0], tab.page
    await to_the_provider(api, flow, page)
    await page.get_by_label("Логин").fill("typed.in")
    await page.get_by_label("Почта").fill("typed.in@example.com")
    await page.get_by_role("button", name="Войти").click()
    await returned(api, flow, page)
    assert "access_token" in await shown(page)

    await to_the_provider(api, flow, page)
    await page.get_by_role("button", name="Отказаться").click()
    await returned(api, flow, page)
    assert (await shown(page))["code"] == "provider_refused"
    tab.complaints.clear()
