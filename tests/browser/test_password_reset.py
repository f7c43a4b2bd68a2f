"""A forgotten password, from the mail to the next log-in."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Person
from tests.greeting_journey import ok
from tests.sandbox_process import SandboxProcess


async def test_a_person_sets_a_new_password_by_the_mailed_link(
    api: Api, sandbox: SandboxProcess, customer: Person, tab: Tab
) -> None:
    await ok(await api.post("/password_reset/", {"email": customer.email}))
    await sandbox.wait_for_mail(customer.email, "Password Reset")

    # The mailbox, the mail, the link in it.
    page = tab.page
    await page.goto(f"{sandbox.http}/mail/")
    await page.get_by_role("link", name="Password Reset").click()
    await page.locator("a.link", has_text="/password_reset/confirm/").first.click()
    await expect(page.get_by_role("heading", name="Новый пароль")).to_be_visible()
    await tab.show("form")

    # A weak password comes back with the reason, and what else was typed is typed again.
    password, repeat = page.get_by_label("Новый пароль"), page.get_by_label("Ещё раз")
    await password.fill("password1")
    await repeat.fill("password1")
    await page.get_by_role("button", name="Сохранить").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await tab.show("refused")
    tab.complaints.clear()  # Chromium tells the console of every answer with a 400.

    await password.fill("Another-Word-For-Mum-8")
    await repeat.fill("Another-Word-For-Mum-9")
    await page.get_by_role("button", name="Сохранить").click()
    await expect(page.get_by_role("alert")).to_have_text("Пароли не совпадают.")
    await expect(repeat).to_have_accessible_description("Пароли не совпадают.")
    tab.complaints.clear()

    await password.fill("Another-Word-For-Mum-8")
    await repeat.fill("Another-Word-For-Mum-8")
    await page.get_by_role("button", name="Сохранить").click()
    await expect(page.get_by_role("heading", name="Пароль изменён")).to_be_visible()
    await tab.show("done")

    for old_or_new, status in ((customer.password, 404), ("Another-Word-For-Mum-8", 201)):
        answer = await api.post("/api/login/", {"login": customer.email, "password": old_or_new})
        assert answer.status == status


async def test_a_used_link_says_so_in_a_page(api: Api, sandbox: SandboxProcess, customer: Person, tab: Tab) -> None:
    await tab.page.goto(f"{api.url}/password_reset/confirm/?token=0123456789abcdef0123456789abcdef")
    await expect(tab.page.get_by_role("heading", name="Не получилось")).to_be_visible()
    await tab.show("unknown-link")
    tab.complaints.clear()
