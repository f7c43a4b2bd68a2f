"""A member of the staff sets up a passkey, and signs in with it: Chromium with an authenticator of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Factory, Person

#: Always present, with a fingerprint that fits.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(SECURITY__STAFF_SECOND_FACTOR="true")


async def sign_in(page: Page, person: Person) -> None:
    await page.get_by_label("E-mail, телефон или имя").fill(person.email)
    await page.get_by_label("Пароль").fill(person.password)
    await page.get_by_role("button", name="Войти", exact=True).click()


async def test_staff_set_up_a_passkey_and_sign_in_with_it(
    app: web.Application, api: Api, factory: Factory, tab: Tab
) -> None:
    page, person = tab.page, await factory.staff("operator")
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    # Passkeys know no addresses.
    panel = f"{api.url.replace('127.0.0.1', 'localhost')}/admin/"

    await page.goto(panel)
    await sign_in(page, person)
    await expect(page.locator("h1")).to_have_text("Вход и время")
    await page.goto(f"{panel}orders/")
    await expect(page.get_by_role("status")).to_contain_text("Сотрудникам нужен второй фактор")
    await page.get_by_label("Название").fill("Ноутбук")
    await tab.show("security")
    await page.get_by_role("button", name="Добавить ключ доступа").click()
    await expect(page.locator("h1")).to_have_text("Резервные коды")
    await tab.show("recovery-codes")
    await page.get_by_role("link", name="Коды сохранены").click()
    await expect(page.locator("main")).to_contain_text("Ноутбук")

    # A passkey that exists is not made again.
    await page.get_by_role("button", name="Добавить ключ доступа").click()
    await expect(page.locator("[data-refusal]")).to_have_text("Ключ доступа не ответил.")

    # After the password, and alone.
    for first in (True, False):
        await page.get_by_role("button", name="Выйти").locator("visible=true").click()
        if first:
            await sign_in(page, person)
            await expect(page.locator("h1")).to_have_text("Второй фактор")
            await tab.show("second-step")
            await page.get_by_role("button", name="Ключ доступа").click()
        else:
            await page.get_by_role("button", name="Войти ключом доступа").click()
        await expect(page.locator("h1")).to_have_text("Сводка")

    # It confirms a sensitive action as well.
    other = await factory.person()
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    await app[DATABASE].execute("update accounts set has_second_factor = true where id = %(id)s", id=other.id)
    await page.goto(f"{panel}accounts/{other.id}/")
    await page.get_by_text("Сбросить второй фактор").click()
    await page.get_by_role("button", name="Да, сбросить").click()
    await expect(page.locator("h1")).to_have_text("Подтвердите, что это вы")
    await tab.show("step-up")
    await page.get_by_role("button", name="Ключ доступа").click()
    await expect(page.get_by_role("status")).to_have_text("Подтверждено. Повторите действие.")
    await expect(page.locator("h1")).to_have_text(other.username)
