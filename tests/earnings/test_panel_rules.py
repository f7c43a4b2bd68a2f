"""Commission rules in the panel, and the earnings of an order on its page."""

from __future__ import annotations

import re

import orjson
import pytest

from tests.admin.conftest import Panel, sign_in
from tests.earnings.bench import TWENTY_PER_CENT, Bench


@pytest.fixture
async def owner(bench: Bench) -> Panel:
    return await sign_in(bench.api, bench.staff)


def seen(page: str) -> str:
    """The mark by which a form that is sent twice is told."""
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


async def test_rules_are_set_in_the_panel(bench: Bench, owner: Panel) -> None:
    await bench.rules([{"name": "Первое", "percent": "12.5", "min": "50.00"}])
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
    service_id = await bench.service(100_000)
    assert (await bench.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] == "200.00"


async def test_an_order_shows_the_split_and_what_a_refund_would_take(bench: Bench, owner: Panel) -> None:
    await bench.rules(TWENTY_PER_CENT)
    order_id = await bench.completed(150_000)
    path = f"/admin/orders/{order_id}/"
    page = (await owner.page(path)).replace("\u00a0", " ")
    assert "Полный возврат возьмут" in page
    for amount in ("1 200", "300"):
        assert amount in page
    await owner.do(path + "earning/stop/", reason="жалоба")
    assert await bench.balance() == {"frozen": 120_000}
    await owner.do(path + "earning/resume/")
    form = {"seen": seen(await owner.page(path)), "bearer": "creator"}
    await owner.do(path + "earning/chargeback/", amount="500", reason="письмо банка", **form)
    assert (await owner.post(path + "earning/chargeback/", amount="500", **form)).status == 409
    assert await bench.balance() == {"pending": 80_000}
    assert "письмо банка" in await owner.page("/admin/chargebacks/")
    assert (await owner.post(path + "earning/settle/")).status == 409
    assert await bench.is_sound()


async def test_an_adjustment_is_made_once_however_often_its_form_is_sent(bench: Bench, owner: Panel) -> None:
    await bench.earned(10_000)
    path = f"/admin/earnings/{bench.creator.id}/"
    form = {"seen": seen(await owner.page(path)), "direction": "fine", "amount": "300", "reason": "опоздание"}
    await owner.do(path + "adjust/", **form)
    assert (await owner.post(path + "adjust/", **form)).status == 409
    assert await bench.balance() == {"available": -20_000}
