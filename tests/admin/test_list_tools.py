"""What lists offer beside their rows: actions on many of them, CSV, saved filters, times in the reader's zone."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from mystar.accounts.keys import PROFILES
from mystar.admin.handlers.bulk import ACTIONS, MAX_IDS
from mystar.admin.lists import LISTS
from mystar.admin.zones import ZONES, label
from mystar.kit.clock import MOSCOW
from mystar.kit.keys import DATABASE
from tests.admin.conftest import AsRole, Panel
from tests.factory import Factory, actor
from tests.raw_answers import raw_answer

if TYPE_CHECKING:
    from aiohttp import ClientResponse


async def chosen(panel: Panel, list_: str, ids: list[int], **fields: str) -> ClientResponse:
    """The form of a list with these rows chosen."""
    data = [("form_token", panel.token), *(("id", str(one)) for one in ids), *fields.items()]
    return await panel._ask("POST", f"/admin/{list_}/bulk/", data=data)


async def test_rows_are_chosen_confirmed_and_handled_one_by_one(
    app: web.Application, factory: Factory, operator: Panel, as_role: AsRole
) -> None:
    people = [await factory.person(f"bulk-{number}") for number in range(2)]
    owner = await factory.staff("owner")
    ids = [*(one.id for one in people), owner.id, operator.person.id]
    assert 'form="bulk"' in await operator.page("/admin/accounts/")
    asked = await operator.page(f"/admin/accounts/bulk/?action=block&{'&'.join(f'id={one}' for one in ids)}")
    assert "bulk-0" in asked
    assert await blocked(app) == 0

    answer = await chosen(operator, "accounts", ids, action="block", back="//evil.example/")
    page = await answer.text()
    assert (answer.status, await blocked(app)) == (200, 2)
    assert "Сделано: 2; не получилось: 2" in page
    assert "evil" not in page
    acts = await app[DATABASE].all("select subject from audit_entries where act = 'account_blocked' order by id")
    assert [one["subject"] for one in acts] == [f"account:{one.id}" for one in people]

    # Nothing, nonsense and too much.
    assert (await operator.get("/admin/accounts/bulk/?action=block")).status == 422
    for fields, given in (
        ({"action": "block"}, []),
        ({"action": "erase"}, ids),
        ({"action": "block"}, range(1, MAX_IDS + 2)),
    ):
        assert (await chosen(operator, "accounts", list(given), **fields)).status == 422
    star = await factory.star()
    for list_, action in (("services", "hide"), ("services", "show"), ("reviews", "hide"), ("payouts", "approve")):
        assert (await chosen(operator, list_, [1, 404], action=action)).status == 200, list_
    viewer = await as_role("viewer")
    assert 'form="bulk"' not in await viewer.page("/admin/services/")
    for list_, actions in ACTIONS.items():
        assert (await chosen(viewer, list_, [star.id], action=next(iter(actions)))).status == 403


async def blocked(app: web.Application) -> int:
    return int(await app[DATABASE].value("select count(*) from accounts where not is_active"))


async def test_every_list_is_a_csv_without_formulas_and_the_audit_log_knows(
    app: web.Application, factory: Factory, operator: Panel, as_role: AsRole
) -> None:
    await factory.star("=HYPERLINK(1)")
    await factory.person("plain")
    await app[PROFILES].edit(actor(operator.person, "operator"), time_zone="Asia/Vladivostok")
    for name, definition in LISTS.items():
        answer = await operator.get(f"/admin/{name}/csv/")
        assert (answer.status, answer.content_type) == (200, "text/csv"), name
        rows = list(csv.reader(io.StringIO((await answer.text()).removeprefix("\ufeff")), delimiter=";"))
        assert [one.split(" (")[0] for one in rows[0]] == [one.title.ru for one in definition.columns], name
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))], name
    text = await (await operator.get("/admin/accounts/csv/?q=HYPERLINK")).text()
    assert "'=HYPERLINK(1)" in text
    assert "plain" not in text
    assert "Владивосток, UTC+10" in text
    written = await app[DATABASE].all("select details from audit_entries where act = 'list_exported' order by id")
    assert written[-1]["details"] == {"list": "accounts", "rows": 1, "filtered": True}
    assert len(written) == len(LISTS) + 1
    assert "список выгружен в CSV" in await operator.page("/admin/audit/")
    assert (await (await as_role("viewer")).get("/admin/accounts/csv/")).status == 403


async def test_head_of_a_csv_has_no_lines_of_it(operator: Panel) -> None:
    raw = await raw_answer(operator.api, "HEAD", "/admin/accounts/csv/", Cookie=f"mystar_admin={operator.cookie}")
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.partition(b"\r\n\r\n")[2] == b""


async def test_a_member_of_the_staff_saves_filters_of_their_own(
    factory: Factory, viewer: Panel, operator: Panel
) -> None:
    path = "/admin/orders/"
    assert (
        await viewer.do(f"{path}filters/", name="Споры", query="?status=disputed&evil=1&page=7")
        == f"{path}?status=disputed&done=1"
    )
    await viewer.do(f"{path}filters/", name="Споры", query="?status=disputed&kind=greeting")
    page = await viewer.page(path)
    assert page.count("Споры</a>\n") == 1
    assert f'href="{path}?kind=greeting&amp;status=disputed"' in page
    assert 'class="chip"' not in await operator.page(path)
    number = re.findall(r"/filters/(\d+)/delete/", page)[0]
    assert (await operator.post(f"{path}filters/{number}/delete/")).status == 404
    await viewer.do(f"{path}filters/{number}/delete/")
    assert f"/filters/{number}/" not in await viewer.page(path)
    for number in range(20):
        await viewer.do(f"{path}filters/", name=f"n{number}", query="?q=x")
    assert (await viewer.post(f"{path}filters/", name="n20", query="?q=x")).status == 409
    assert (await viewer.post(f"{path}filters/", name=" ", query="?q=x")).status == 422


async def test_moments_and_days_are_those_of_the_readers_zone(
    app: web.Application, factory: Factory, viewer: Panel
) -> None:
    await factory.order(await factory.person(), await factory.star())
    await app[DATABASE].execute("update orders set created_at = '2026-03-01 20:30:00+00'")
    assert "01.03.2026\u00a023:30" in await viewer.page("/admin/orders/")
    assert "Время: Москва, UTC+3" in await viewer.page("/admin/orders/")
    await viewer.do("/admin/security/zone/", time_zone="Asia/Vladivostok")
    page = await viewer.page("/admin/orders/?since=2026-03-02&until=2026-03-02")
    assert "02.03.2026\u00a006:30" in page
    assert "Владивосток, UTC+10" in page
    assert "Ничего не найдено" in await viewer.page("/admin/orders/?since=2026-03-01&until=2026-03-01")
    assert (await viewer.post("/admin/security/zone/", time_zone="Mars/Base")).status == 422
    assert label(MOSCOW, datetime(2026, 3, 1, tzinfo=UTC)).en == "Moscow, UTC+3"
    assert len(ZONES) > 15
