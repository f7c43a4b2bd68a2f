"""The page of an order: what its parties wrote and delivered, and what each decision would do before it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS
from mystar.earnings.rules.schemas import read_rules
from mystar.kit.keys import DATABASE
from mystar.kit.money import format_rubles
from mystar.orders.keys import ORDERS
from tests.admin.conftest import AsRole, Panel
from tests.admin.test_actions import captured_order
from tests.factory import Factory, actor
from tests.waiting import eventually

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxClient


def sums(page: str, decision: str) -> list[str]:
    """What the page says that buyer, creator and platform would have."""
    page = page.replace("\u00a0", " ")
    row = re.search(rf"<tr>\s*<th[^>]*>{decision}</th>(.*?)</tr>", page, re.S)
    assert row is not None, decision
    return [re.sub(r"<.*", "", one, flags=re.S) for one in re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.S)]


async def test_a_dispute_shows_its_conversation_deliveries_and_what_decisions_do(
    app: web.Application, factory: Factory, sandbox: SandboxClient, operator: Panel, as_role: AsRole
) -> None:
    await app[COMMISSION_RULES].set_list(read_rules([{"name": "Все", "percent": "20"}]))
    order_id, buyer = await captured_order(app, factory, sandbox)
    star = await app[DATABASE].one("select account_id from creators")
    chat, path = app[CHAT], f"/admin/orders/{order_id}/"
    conversation = await chat.start(actor(buyer), star["account_id"], "Звук плохой, переделайте")
    page = await operator.page(path)
    assert "Звук плохой" not in page
    assert "Прочитать переписку" in page
    await app[ORDERS].dispute(actor(buyer), order_id, "Плохой звук")

    page = await operator.page(path)
    assert "Звук плохой, переделайте" in page
    assert page.count("<video") == 1
    assert "Готово" in page
    read = await app[DATABASE].all("select subject, details from audit_entries where act = 'conversation_read'")
    assert [(one["subject"], one["details"]) for one in read] == [
        (f"order:{order_id}", {"conversation": conversation.id})
    ]
    assert "прочитана переписка сторон" in await operator.page("/admin/audit/")

    # A hundred at once, and those before them.
    for number in range(100):
        await chat.send(actor(buyer), conversation.id, f"Письмо {number}")
    newest = await operator.page(path)
    assert ("Звук плохой, переделайте" in newest, "Письмо 99" in newest) == (False, True)
    assert 'href="?conversation=1#conversation"' in newest
    oldest = await operator.page(f"{path}?conversation=1")
    assert ("Звук плохой, переделайте" in oldest, "Письмо 0" in oldest) == (True, False)

    # A viewer does not read it, nor does the page say codes.
    seen = await (await as_role("viewer")).page(path)
    assert "Звук плохой" not in seen
    assert "Переписку читают операторы" in seen
    assert not re.search(r"<p>\s*[a-z]+_[a-z_]+", page)

    # 20 % are the platform's; what the page says of a part is what happens then.
    assert sums(page, "В пользу креатора") == ["0 ₽", "12 000 ₽", "3 000 ₽"]
    assert sums(page, "В пользу покупателя") == ["15 000 ₽", "0 ₽", "0 ₽"]
    page = await operator.page(f"{path}?amount=5000,50")
    expected = sums(page, "Вернуть 5 000,50 ₽")
    seen_refunds = re.findall(r'name="seen" value="(\d+)"', page)[0]
    await operator.do(f"{path}refund/", amount="5000,50", reason="Звук", seen=seen_refunds)
    await eventually(lambda: refunded(app, 500_050))
    earning = await app[EARNINGS].of_order(order_id)
    assert earning is not None
    assert expected == ["5 000,50 ₽", said(earning.share), said(earning.commission_now)]
    # What the creator has been paid already would become a debt.
    await app[DATABASE].execute("update earnings set frozen = 0, pending = 0, cleared_at = now()")
    await app[DATABASE].execute("update creator_balances set available = 100000, frozen = 0")
    page = (await operator.page(path)).replace("\u00a0", " ")
    debt = said(earning.share - 100_000)
    assert f"долг {debt}" in page
    assert f"на нём останется долг {debt}" in page
    for wrong in ("20000", "0", "x", "-1"):
        assert "Введите сумму до" in await operator.page(f"{path}?amount={wrong}")


def said(kopecks: int) -> str:
    return format_rubles(kopecks).replace("\u00a0", " ")


async def refunded(app: web.Application, amount: int) -> bool:
    return bool(await app[DATABASE].value("select refunded = %(amount)s from payments", amount=amount))
