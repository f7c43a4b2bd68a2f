"""Commission rules in the panel, and the earnings of an order on its page."""

from __future__ import annotations

import re

import pytest

from mystar.catalog.keys import CATALOG
from mystar.earnings.keys import COMMISSION_RULES
from mystar.earnings.rules.model import Terms
from tests.admin.conftest import Panel, sign_in
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.earnings.test_statements import close

TWELVE_AND_A_HALF = ({"name": "Второе", "percent": "12.5", "min": "50.00"},)
#: What a browser says of a form of the panel's own pages.
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def owner(scenario: EarningsScenario) -> Panel:
    return await sign_in(scenario.api, scenario.staff)


def seen(page: str) -> str:
    """The mark by which a form that is sent twice is told."""
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


NEW, DRAFT = "/admin/commission-rules/new/", "/admin/commission-rules/draft/"


def fields(*rules: dict[str, str]) -> dict[str, str]:
    """The form with these rules."""
    typed = {f"{place}.{name}": text for place, rule in enumerate(rules) for name, text in rule.items()}
    return {**typed, "count": str(len(rules)), "form_page": f"{NEW}?count={len(rules)}"}


def value_of(page: str, name: str) -> str:
    """What stands in a field."""
    found = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', page)
    assert found is not None, name
    value = re.search(r'value="([^"]*)"', found[0])
    return value[1] if value else ""


async def test_rules_are_set_in_the_panel(scenario: EarningsScenario, owner: Panel) -> None:
    await scenario.rules([{"name": "Первое", "creators": [scenario.creator.id], "percent": "1"}, *TWELVE_AND_A_HALF])
    page = await owner.page(NEW)
    assert [value_of(page, f"{place}.percent") for place in (0, 1)] == ["1", "12.5"]
    assert value_of(page, "0.creators") == scenario.creator.username
    assert value_of(page, "1.min") == "50.00"

    new = {"name": "Новое", "percent": "7,5", "max": "1 000,50", "creators": scenario.creator.username.upper()}
    for name, text in (
        *(("percent", "101"), ("max", "x"), ("creators", "nobody"), ("valid_from", "soon")),
        # Years that some zone cannot write, nor the database give back.
        *(("valid_from", f"{year}T00:00") for year in ("0001-01-01", "1969-12-31", "9001-01-02", "9999-12-31")),
        ("valid_from", "9999-12-31T23:59:59-23:00"),
    ):
        answer = await owner.post(NEW, **fields(new | {name: text}, {"percent": "20"}), headers=SAME_ORIGIN)
        refused = await answer.text()
        assert answer.status == 422, name
        assert value_of(refused, f"0.{name}") == text
        assert f'id="refused-0.{name}"' in refused
        assert (value_of(refused, "0.name"), value_of(refused, "1.percent")) == ("Новое", "20")
    for wrong in (fields(new), fields(), fields(new | {"creators": ",".join("x" * 201)}, {"percent": "20"})):
        assert (await owner.post(NEW, **wrong)).status == 422, wrong

    late = {"percent": "20", "valid_from": "2001-01-01T00:00"}
    early = await (await owner.post(NEW, **fields(new, late), headers=SAME_ORIGIN)).text()
    assert 'id="refused-1.valid_from"' in early
    await owner.do(NEW, **fields(new, {"percent": "20"}))
    first, last = await scenario.app[COMMISSION_RULES].current()
    assert (first.conditions.creator_ids, first.terms) == ((scenario.creator.id,), Terms(750, max_amount=100_050))
    assert last.terms == Terms(2_000)
    listed = await owner.page("/admin/commission-rules/")
    for words in ("20 %", "12,5 %", f"креаторы: {scenario.creator.username}"):
        assert words in listed
    audit = await owner.page("/admin/audit/")
    assert "12.5 %" in audit
    assert "7.5 %" in audit


async def test_a_list_is_changed_and_tried_before_it_is_set(scenario: EarningsScenario, owner: Panel) -> None:
    service_id = await scenario.service(100_000)
    music = {"name": "Музыка", "kinds": "service", "percent": "12.5", "price_to": "2000"}
    form = fields(music, {"name": "Все", "percent": "20"})

    async def shown(**more: str) -> str:
        answer = await owner.post(DRAFT, **(form | more), headers=SAME_ORIGIN)
        return (await answer.text()).replace("\u00a0", " ")

    tried = await shown(service_id=str(service_id))
    assert "«Музыка» — комиссия 125 ₽, креатору 875 ₽. Сейчас комиссия 0 ₽." in tried
    assert "комиссия 1,25 ₽, креатору 8,75 ₽" in await shown(service_id=str(service_id), price="10")
    assert re.findall(r'data-title="Комиссия"[^>]*>([^<]+)', await shown(price="3000")) == ["не для этой цены", "600 ₽"]
    assert await scenario.app[COMMISSION_RULES].current() == []

    async def names(move: str) -> list[str]:
        return re.findall(r'name="\d\.name" value="([^"]*)"', await shown(move=move))

    assert await names("down:0") == await names("up:1") == ["Все", "Музыка"]
    assert await names("add") == ["Музыка", "", "Все"]
    assert await names("remove:0") == ["Все"]
    for same in ("up:0", "down:1", "down:x", "up:99", "remove:2", "x"):
        assert await names(same) == ["Музыка", "Все"]
    for wrong in ({}, {"service_id": "99"}, {"service_id": "x"}, {"price": "-1"}, {"price": "1", "0.percent": "x"}):
        assert (await owner.post(DRAFT, **(form | wrong))).status == 422, wrong
    assert (await owner.post(DRAFT, **fields(music), price="1")).status == 422


async def test_a_refused_start_names_the_one_before_in_the_zone_and_the_form_of_the_reader(
    scenario: EarningsScenario, owner: Panel
) -> None:
    await owner.do("/admin/security/zone/", time_zone="Asia/Vladivostok")
    await scenario.rules([{"name": "Позже", "percent": "5", "valid_from": "2901-01-31T20:00:00Z"}])
    for language, moment in (("ru", "01.02.2901\u00a006:00"), ("en", "2901-02-01\u00a006:00")):
        headers = SAME_ORIGIN | {"Accept-Language": language}
        answer = await owner.post(NEW, **fields({"percent": "20"}), headers=headers)
        assert (answer.status, moment in await answer.text()) == (422, True), language


async def test_a_category_that_is_gone_stays_checked_in_a_list_that_was_changed_and_refused(
    scenario: EarningsScenario, owner: Panel
) -> None:
    catalog = scenario.app[CATALOG]
    gone, going = await catalog.add_category("Музыка"), await catalog.add_category("Танцы")
    await scenario.rules([{"name": "Музыка", "percent": "1", "categories": [gone]}, {"name": "Все", "percent": "20"}])
    await owner.do(f"/admin/categories/{gone}/delete/")

    def checked(page: str, place: int) -> list[str]:
        return re.findall(rf'name="{place}\.categories" value="(\d+)" checked', page)

    async def sent(path: str, **more: str) -> tuple[int, str]:
        music = {"name": "Музыка", "percent": "1"}
        form = fields({"name": "Танцы", "percent": "2"}, music, {"name": "Все", "percent": "20"})
        categories = {"0.categories": str(going), "1.categories": str(gone)}
        answer = await owner.post(path, **form, **categories, **more, headers=SAME_ORIGIN)
        return answer.status, await answer.text()

    assert checked(await owner.page(NEW), 0) == [str(gone)]
    status, page = await sent(DRAFT, move="up:1")
    assert (status, checked(page, 0), checked(page, 1)) == (200, [str(gone)], [str(going)])
    # One of them is deleted while the form is being written.
    await owner.do(f"/admin/categories/{going}/delete/")
    for path, wrong in ((NEW, {}), (DRAFT, {}), (DRAFT, {"price": "x"})):
        status, page = await sent(path, **wrong, **({} if wrong else {"2.max": "x"}))
        assert (status, checked(page, 0), checked(page, 1), checked(page, 2)) == (422, [str(going)], [str(gone)], [])


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
