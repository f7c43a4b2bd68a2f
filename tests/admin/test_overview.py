"""The overview: what needs attention, and statistics of a period."""

from __future__ import annotations

from aiohttp import web

from mystar.kit.keys import DATABASE
from tests.admin.conftest import Panel
from tests.factory import Factory


async def test_the_overview_shows_warnings_and_charts(app: web.Application, factory: Factory, viewer: Panel) -> None:
    page = await viewer.page("/admin/")
    assert "Споры ждут решения" not in page
    assert page.count('<svg class="plot"') == 2
    assert "<desc>" in page
    await factory.order(await factory.person(), await factory.star())
    await app[DATABASE].execute("update orders set status = 'disputed'")
    report = {"kind": "service", "object_id": 1, "reason": "spam"}
    assert (await viewer.api.post("/api/v1/reports/", report, as_=await factory.person())).status == 201
    page = await viewer.page("/admin/")
    assert "Споры ждут решения: 1" in page
    assert '<a href="/admin/reports/">Жалобы ждут решения: 1</a>' in page
    assert "<b>1</b><span>заказы<br>" in page
    assert "по дням" in page
    assert "по неделям" in await viewer.page("/admin/?days=365")
    assert "по месяцам" in await viewer.page("/admin/?since=2001-01-01")
    # The period before, with half as many.
    await factory.order(await factory.person(), await factory.star())
    await factory.order(await factory.person(), await factory.star())
    await app[DATABASE].execute("update orders set created_at = created_at - interval '10 days' where id = 1")
    page = await viewer.page("/admin/?days=7")
    assert '<b>2</b><span>заказы<br><small>раньше: 1 <span class="change">(+100\u00a0%)' in page
    for query in (
        "days=x",
        "days=99999999999",
        "days=00030999999999",
        "since=x",
        "since=2030-01-01",
        "until=0001-01-01",
        "since=9999-12-31",
    ):
        await viewer.page(f"/admin/?{query}")
