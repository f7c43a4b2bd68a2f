"""Commission rules in the panel, and the earnings of an order on its page."""

from __future__ import annotations

import re

import orjson
import pytest

from mystar.earnings.keys import COMMISSION_RULES
from tests.admin.conftest import Panel, sign_in
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.earnings.test_statements import close


@pytest.fixture
async def owner(scenario: EarningsScenario) -> Panel:
    return await sign_in(scenario.api, scenario.staff)


def seen(page: str) -> str:
    """The mark by which a form that is sent twice is told."""
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


async def test_rules_are_set_in_the_panel(scenario: EarningsScenario, owner: Panel) -> None:
    await scenario.rules([{"name": "Первое", "percent": "12.5", "min": "50.00"}])
    page = await owner.page("/admin/commission-rules/new/")
    assert "12.5" in page
    wrong = await owner.post("/admin/commission-rules/new/", rules="[{")
    assert wrong.status == 422
    wrong = await owner.post("/admin/commission-rules/new/", rules='[{"percent": "101"}]')
    assert wrong.status == 422
    await owner.do("/admin/commission-rules/new/", rules=orjson.dumps(TWENTY_PER_CENT).decode())
    listed = await owner.page("/admin/commission-rules/")
    assert "20 %" in listed
    assert "12.5 %" in listed
    service_id = await scenario.service(100_000)
    assert (await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] == "200.00"


async def test_a_list_is_reordered_and_tried_before_it_is_set(scenario: EarningsScenario, owner: Panel) -> None:
    service_id, path = await scenario.service(100_000), "/admin/commission-rules/draft/"
    draft = [{"name": "Музыка", "kinds": ["service"], "percent": "12.5"}, {"name": "Все", "percent": "20"}]
    form = {"rules": orjson.dumps(draft).decode(), "service_id": str(service_id)}
    tried = (await (await owner.post(path, **form)).text()).replace("\u00a0", " ")
    assert "«Музыка» — комиссия 125 ₽, креатору 875 ₽" in tried
    tried = (await (await owner.post(path, **form, price="10")).text()).replace("\u00a0", " ")
    assert "комиссия 1,25 ₽, креатору 8,75 ₽" in tried
    assert await scenario.app[COMMISSION_RULES].current() == []

    moved = await (await owner.post(path, **form, move="down:0")).text()
    assert moved.index("Все") < moved.index("Музыка")
    for same in ("up:0", "down:1", "down:x", "up:99"):
        page = await (await owner.post(path, **form, move=same)).text()
        assert page.index("Музыка") < page.index("Все")
    for wrong in (
        {"rules": "[{"},
        {"rules": orjson.dumps(draft[:1]).decode()},
        {"service_id": "0"},
        {"service_id": "x"},
        {"price": "-1"},
    ):
        assert (await owner.post(path, **(form | wrong))).status == 422, wrong


@pytest.mark.parametrize("further_settings", [{"TOKENS__ADMIN_ACCESS": "7776000"}], indirect=True)
async def test_staff_download_a_creators_statement(scenario: EarningsScenario, owner: Panel) -> None:
    await scenario.earned(24_000)
    await close(scenario)
    listed = await owner.page(f"/admin/statements/?creator={scenario.creator.id}")
    for form, content in (("pdf", "application/pdf"), ("csv", "text/csv"), ("json", "application/json")):
        path = f"/admin/statements/1/{form}/"
        answer = await owner.get(path)
        assert (answer.status, answer.content_type) == (200, content)
        assert form == "json" or path in listed


async def test_an_order_shows_the_split_and_what_a_refund_would_take(scenario: EarningsScenario, owner: Panel) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(150_000)
    path = f"/admin/orders/{order_id}/"
    page = (await owner.page(path)).replace("\u00a0", " ")
    assert "Полный возврат возьмут" in page
    for amount in ("1 200", "300"):
        assert amount in page
    await owner.do(path + "earning/stop/", reason="жалоба")
    assert await scenario.balance() == {"frozen": 120_000}
    await owner.do(path + "earning/resume/")
    form = {"seen": seen(await owner.page(path)), "bearer": "creator"}
    await owner.do(path + "earning/chargeback/", amount="500", reason="письмо банка", **form)
    assert (await owner.post(path + "earning/chargeback/", amount="500", **form)).status == 409
    assert await scenario.balance() == {"pending": 80_000}
    assert "письмо банка" in await owner.page("/admin/chargebacks/")
    assert (await owner.post(path + "earning/settle/")).status == 409
    assert await scenario.is_sound()


async def test_an_adjustment_is_made_once_however_often_its_form_is_sent(
    scenario: EarningsScenario, owner: Panel
) -> None:
    await scenario.earned(10_000)
    path = f"/admin/earnings/{scenario.creator.id}/"
    form = {"seen": seen(await owner.page(path)), "direction": "fine", "amount": "300", "reason": "опоздание"}
    await owner.do(path + "adjust/", **form)
    assert (await owner.post(path + "adjust/", **form)).status == 409
    assert await scenario.balance() == {"available": -20_000}
