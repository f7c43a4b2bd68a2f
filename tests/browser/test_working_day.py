"""The ten jobs of docs/panel.md, one after another, as a member of the staff does them, without reading a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from aiohttp import web
from playwright.async_api import Locator, Page, expect

from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests.admin.test_actions import captured_order
from tests.browser.conftest import Tab
from tests.browser.test_panel import sign_in
from tests.browser.test_payouts import asked
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

#: In every page that is passed: words such as "refund_part" anywhere, and English ones in what the panel itself says.
#: What is folded away is read, too; keys and documents are shown as such.
_CODES = """addEventListener('DOMContentLoaded', () => {
    const found = JSON.parse(sessionStorage.codes || '[]');
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const place = walker.currentNode.parentElement, text = walker.currentNode.data.replace(/[Ee]-mail/g, '');
        if (place.closest('.code, code, pre, textarea, script, style')) continue;
        const own = place.closest(".badge, dt, th, h2, button, summary, label, legend, option, .timeline p");
        const codes = text.match(/(?<![\\w@.\\/-])[a-z]+_[a-z_]+\\b(?!@)/g) || own && text.match(/\\b[a-z]{3,}\\b/g);
        found.push(...(codes || []).map((code) => `${location.pathname}: ${code}`));
    }
    sessionStorage.codes = JSON.stringify(found);
    sessionStorage.pages = Number(sessionStorage.pages || 0) + 1;
});"""


@dataclass
class Day:
    """What waits for a member of the staff in the morning."""

    buyer: Person
    disputed: int
    completed: int


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(PAYOUTS__COOLDOWN_DAYS=0)


async def morning(app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess) -> Day:
    database = app[DATABASE]
    completed, first = await captured_order(app, factory, sandbox)
    await app[ORDERS].approve(actor(first), completed)
    buyer = await factory.person("anna", first_name="Анна", last_name="Первоцвет", phone="+79161234567")
    disputed = await factory.order(buyer, await factory.star("second"), requirements="Поздравьте Киру")
    await factory.hold(disputed, sandbox)
    await database.execute("update orders set status = 'disputed', delivered_at = now() where id = %(id)s", id=disputed)
    await asked(api, app, await factory.creator("comet", channel="market"))
    report = {"kind": "service", "object_id": 1, "reason": "spam", "comment": "Реклама"}
    assert (await api.post("/api/v1/reports/", report, as_=buyer)).status == 201
    payment = await app[PAYMENTS].of_order(completed)
    assert payment is not None
    await database.execute(
        "insert into receipts (order_id, payment_id, kind, amount, scheme, status, reason, created_at, updated_at)"
        " values (%(order)s, %(payment)s, 'refund', 100, 'own', 'refused', 'general_decline', now(), now())",
        order=completed,
        payment=payment.id,
    )
    await database.execute(
        "insert into payment_discrepancies (payment_id, provider_id, kind, details)"
        """ values (%(payment)s, 'lost', 'refused', '{"reason": "general_decline"}')""",
        payment=payment.id,
    )
    return Day(buyer, disputed, completed)


async def test_staff_do_a_days_work_without_leaving_the_panel_or_reading_a_code(
    app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess, tab: Tab
) -> None:
    day, page = await morning(app, api, factory, sandbox), tab.page
    await page.add_init_script(_CODES)
    await sign_in(page, api, await factory.staff("operator"))
    await see_what_waits(page)
    await answer_a_caller(page, day)
    await decide_a_dispute(page)
    await give_a_part_back(app, page, day)
    await pay_a_creator(page)
    await find_lost_money(page)
    await clean_the_catalogue(page)
    await stop_an_intruder(page)
    await serve_a_letter_about_personal_data(page)
    await close_the_month(page)
    # A download is an address that the browser leaves without a page.
    tab.complaints[:] = [one for one in tab.complaints if "/csv/" not in one]
    assert await page.evaluate("sessionStorage.codes") == "[]"
    assert await page.evaluate("Number(sessionStorage.pages)") > 40


async def follow(page: Page, name: str) -> None:
    await page.get_by_role("link", name=name, exact=True).first.click()


async def overview(page: Page) -> None:
    await follow(page, "Сводка")
    await expect(page.locator("h1")).to_have_text("Сводка")


async def search(page: Page, text: str) -> None:
    box = page.locator(".side").get_by_role("searchbox")
    await box.fill(text)
    await box.press("Enter")


async def find_the_person(page: Page) -> None:
    await search(page, "первоцвет")
    await page.locator("tbody").get_by_role("link", name="anna").first.click()
    await expect(page.locator("h1")).to_have_text("anna")


def opened(page: Page) -> Locator:
    return page.locator("details[open] form")


async def confirm(page: Page, title: str, answer: str, **fields: str) -> None:
    """Open the action, fill its fields in by their labels, and confirm."""
    await page.locator("summary", has_text=title).click()
    form = opened(page).filter(has=page.get_by_role("button", name=answer, exact=True))
    for name, text in fields.items():
        await form.locator(f"[name={name}]").fill(text)
    await form.get_by_role("button", name=answer, exact=True).click()
    await done(page)


async def done(page: Page) -> None:
    await expect(page.get_by_role("status")).to_have_text("Готово.")


async def narrow(page: Page, text: str) -> None:
    """Search within the list."""
    await page.get_by_role("main").get_by_role("searchbox").fill(text)
    await page.get_by_role("button", name="Найти", exact=True).click()


async def see_what_waits(page: Page) -> None:
    waiting = page.get_by_label("Требует внимания").get_by_role("link")
    await expect(waiting).to_have_text(
        [
            *("Споры ждут решения: 1", "Жалобы ждут решения: 1", "Чеки отклонены: 1", "Выплаты ждут решения: 1"),
            "Расхождения с провайдером за неделю: 1",
        ]
    )
    await follow(page, "7 дней")
    await expect(page.get_by_text("раньше:").first).to_be_visible()


async def answer_a_caller(page: Page, day: Day) -> None:
    await find_the_person(page)
    await search(page, "8 (916) 123-45-67")
    await expect(page.locator("h1")).to_have_text("anna")
    await search(page, f"заказ {day.disputed}")
    await expect(page.locator("h1")).to_have_text(f"Заказ № {day.disputed}")
    await expect(page.get_by_text("Поздравьте Киру").first).to_be_visible()
    await page.get_by_label("Новая заметка").fill("Обещали перезвонить")
    await page.get_by_role("button", name="Добавить").click()
    await expect(page.locator(".notes")).to_contain_text("Обещали перезвонить")


async def decide_a_dispute(page: Page) -> None:
    await overview(page)
    await follow(page, "Споры ждут решения: 1")
    await page.locator("tbody a").first.click()
    await expect(page.locator(".outcomes tbody tr")).not_to_have_count(0)
    await confirm(page, "В пользу креатора", "Да, в пользу креатора", note="Видео по описанию")
    await expect(page.locator(".head").first).not_to_contain_text("спор")


async def give_a_part_back(app: web.Application, page: Page, day: Day) -> None:
    await search(page, f"заказ {day.completed}")
    await page.get_by_label("Возврат части, ₽").fill("1 000")
    await page.get_by_role("button", name="Показать, что изменит").click()
    await expect(page.locator(".outcomes")).to_contain_text("Вернуть 1\u00a0000\u00a0₽")
    await page.locator("summary", has_text="Вернуть деньги").click()
    await expect(opened(page).get_by_label("Сумма, ₽")).to_have_value("1000.00")
    await opened(page).locator("[name=reason]").fill("Не то имя")
    await opened(page).get_by_role("button", name="Вернуть", exact=True).click()
    await done(page)
    await eventually(lambda: refunded(app, day.completed, 100_000))
    await page.reload()
    await expect(page.locator(".sums")).to_contain_text("1\u00a0000\u00a0₽")
    await expect(page.locator(".timeline")).to_contain_text("Не то имя")


async def refunded(app: web.Application, order_id: int, amount: int) -> bool:
    payment = await app[PAYMENTS].of_order(order_id)
    return payment is not None and payment.refunded == amount


async def pay_a_creator(page: Page) -> None:
    await overview(page)
    await follow(page, "Выплаты ждут решения: 1")
    await page.get_by_label("Выбрать все").check()
    await page.locator("#bulk select").select_option(label="Подтвердить")
    await page.get_by_role("button", name="Дальше").click()
    await page.get_by_role("button", name="Да, подтвердить (1)").click()
    await expect(page.get_by_role("status")).to_have_text("Сделано: 1")
    await page.locator("tbody a").first.click()
    await confirm(page, "Выплачена", "Да, дошли", document="п/п 17")
    await expect(page.locator(".head").first).to_contain_text("выплачена")


async def find_lost_money(page: Page) -> None:
    await follow(page, "Расхождения")
    await expect(page.locator("tbody tr")).to_contain_text("провайдер отказал")
    await page.locator("tbody").get_by_role("link").first.click()
    await page.get_by_role("button", name="Обновить данные у провайдера").click()
    await done(page)
    await overview(page)
    await follow(page, "Чеки отклонены: 1")
    await page.locator("tbody a").first.click()
    await page.get_by_role("button", name="Отправить снова").click()
    await done(page)


async def clean_the_catalogue(page: Page) -> None:
    await overview(page)
    await follow(page, "Жалобы ждут решения: 1")
    await page.locator("tbody a").first.click()
    await expect(page.get_by_text("Реклама")).to_be_visible()
    await page.locator("[name=decision]").select_option(label="скрыть")
    await page.get_by_role("button", name="Решить", exact=True).click()
    await expect(page.locator(".head").first).to_contain_text("скрыто")
    await page.get_by_role("link", name=re.compile("услуга №")).click()
    await confirm(page, "Показать снова", "Показать", note="Не реклама")
    await follow(page, "Журнал")
    for words in ("показано снова", "скрыто"):
        await expect(page.locator("tbody")).to_contain_text(words)


async def stop_an_intruder(page: Page) -> None:
    await find_the_person(page)
    await confirm(page, "Заблокировать", "Да, заблокировать", note="Взломан")
    await expect(page.locator(".head").first).to_contain_text("заблокирован")
    await expect(page.get_by_text("Активных сеансов нет.")).to_be_visible()
    await page.get_by_role("button", name="Разблокировать").click()
    await done(page)
    number = re.findall(r"/accounts/(\d+)/", page.url)[0]
    await follow(page, "Журнал")
    await narrow(page, f"аккаунт {number}")
    await expect(page.locator("tbody")).to_contain_text("разблокировка")


async def serve_a_letter_about_personal_data(page: Page) -> None:
    await find_the_person(page)
    await confirm(page, "Выгрузить данные", "Выгрузить", reason="Письмо от 3 мая")
    await confirm(page, "Удалить аккаунт", "Да, удалить", reason="Письмо от 3 мая")
    await expect(page.locator("summary", has_text="Отменить удаление")).to_be_visible()
    await follow(page, "Заметки")
    await narrow(page, "первоцвет")
    await expect(page.locator("tbody")).to_contain_text("Взломан")


async def close_the_month(page: Page) -> None:
    await overview(page)
    for name, day in (("С", "2020-01-01"), ("По", "2030-01-31")):
        await page.get_by_label(name, exact=True).fill(day)
    await page.get_by_role("button", name="Показать", exact=True).click()
    await expect(page.get_by_role("link", name="списано с покупателей")).to_contain_text("₽")
    await page.get_by_role("link", name="возвращено покупателям").click()
    await expect(page.locator("tbody")).to_contain_text("1\u00a0000\u00a0₽")
    await page.locator("summary", has_text="Сохранить фильтр").click()
    await page.get_by_label("Название").fill("Месяц")
    await page.get_by_role("button", name="Сохранить", exact=True).click()
    await expect(page.get_by_role("link", name="Месяц")).to_be_visible()
    async with page.expect_download() as download:
        await follow(page, "CSV")
    file = await download.value
    assert await file.failure() is None
