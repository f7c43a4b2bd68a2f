"""Reports by users: what can be reported, what is kept, and what staff decide."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import ClientResponse, web

from mystar.kit.keys import DATABASE
from tests.admin.conftest import sign_in
from tests.chat.chat_client import heard, opened, said
from tests.conftest import Api
from tests.factory import Factory, Person

REPORTS = "/api/v1/reports/"


async def report(api: Api, person: Person, kind: str, object_id: int, **further: Any) -> ClientResponse:
    return await api.post(REPORTS, {"kind": kind, "object_id": object_id, "reason": "insult", **further}, as_=person)


async def told(api: Api, person: Person) -> list[tuple[str, str]]:
    answer = await api.get("/api/v1/notifications/", as_=person)
    return [(one["type"], one["message"]) for one in (await answer.json())["results"]]


async def test_a_message_is_reported_with_its_words_and_removed_by_staff(
    api: Api, app: web.Application, factory: Factory
) -> None:
    author, reader = await factory.person(), await factory.person()
    chat = await opened(api, author, reader)
    message = await said(api, author, chat, "Ты глупый")
    made = await report(api, reader, "message", message["id"], comment="Обидно")
    view = await made.json()
    assert (made.status, view["status"], view["comment"], view["decided_at"]) == (201, "open", "Обидно", None)
    again = await report(api, reader, "message", message["id"])
    assert (again.status, (await again.json())["code"]) == (409, "report_exists")
    # What stood there is kept, whatever its author does next.
    path = f"/api/v1/conversations/{chat}/messages/{message['id']}/"
    assert (await api.patch(path, {"message": "Ты умный"}, as_=author)).status == 200

    panel = await sign_in(api, await factory.staff("operator"))
    assert "Ты глупый" in await panel.page("/admin/reports/")
    page = await panel.page("/admin/reports/1/")
    assert ("Ты глупый" in page, "Ты умный" in page, "Обидно" in page) == (True, False, True)
    assert re.search(r"<dt>Отправлено</dt><dd class=\"words\">\d\d\.\d\d\.\d{4}\s\d\d:\d\d<", page)
    for fields, status in (
        ({"decision": "", "seen": 1}, 422),
        ({"decision": "warn", "seen": 1}, 422),
        ({"decision": "hide", "seen": 0}, 409),
    ):
        assert (await panel.post("/admin/reports/1/decide/", **fields)).status == status, fields
    await panel.do("/admin/reports/1/decide/", decision="hide", note="Без оскорблений.", seen=1)
    assert (await panel.post("/admin/reports/1/decide/", decision="dismiss", seen=1)).status == 409
    assert [one["is_deleted"] for one in await heard(api, reader, chat)] == [True]
    assert ("report_upheld", "Мы рассмотрели вашу жалобу №1 и приняли меры. Спасибо.") in await told(api, reader)
    assert ("content_removed", "Администрация скрыла ваше сообщение. Без оскорблений.") in await told(api, author)
    view = await (await api.get(f"{REPORTS}{view['id']}/", as_=reader)).json()
    assert view["status"] == "upheld"
    assert (await api.get(f"{REPORTS}{view['id']}/", as_=author)).status == 404
    assert "Ты глупый" in await panel.page("/admin/decided-reports/?decision=hide")
    entry = await app[DATABASE].one("select details, actor_id from audit_entries where act = 'reports_decided'")
    assert (entry["details"]["decision"], entry["details"]["account"]) == ("hide", author.id)
    assert "решение о жалобах" in await panel.page("/admin/audit/")


async def test_everything_visible_can_be_reported_once_and_nothing_else(
    api: Api, app: web.Application, factory: Factory
) -> None:
    star, one, other = await factory.star(), await factory.person(), await factory.person()
    database = app[DATABASE]
    service = await database.value("select id from services")
    chat = await opened(api, star, other)
    secret = await said(api, star, chat, "Не твоё дело")
    for kind, object_id, status, code in (
        ("message", secret["id"], 404, "reported_unknown"),
        ("service", 404, 404, "reported_unknown"),
        ("person", one.id, 422, "own_report"),
        ("order", 1, 422, "invalid"),
    ):
        refused = await report(api, one, kind, object_id)
        assert (refused.status, (await refused.json())["code"]) == (status, code), kind
    assert (await report(api, one, "service", service, reason="fraud")).status == 201
    assert (await report(api, other, "service", service, reason="spam")).status == 201
    assert (await report(api, one, "person", star.id)).status == 201
    assert await database.value("select reports from report_cases where kind = 'service'") == 2
    mine = await (await api.get(REPORTS, as_=one)).json()
    assert [item["kind"] for item in mine["results"]] == ["person", "service"]

    # Of two members of the staff the one decides about the other.
    operator, owner = await factory.staff("operator"), await factory.staff("owner")
    assert (await report(api, one, "person", operator.id)).status == 201
    cases = {
        (row["kind"], row["object_id"]): f"/admin/reports/{row['id']}/decide/"
        for row in await database.all("select * from report_cases")
    }
    panel, about_staff, about_star = (
        await sign_in(api, operator),
        cases["person", operator.id],
        cases["person", star.id],
    )
    assert (await panel.post(about_staff, decision="dismiss", seen=1)).status == 403
    await (await sign_in(api, owner)).do(about_staff, decision="dismiss", seen=1)
    assert ("report_dismissed", "Мы рассмотрели вашу жалобу №4 и не нашли нарушения.") in await told(api, one)
    # Hidden and blocked: nothing half done, and what is hidden is not reported again.
    refused = await panel.post(about_star, decision="hide", seen=1)
    assert (refused.status, "Так решить нельзя." in await refused.text()) == (422, True)
    await panel.do(cases["service", service], decision="hide", seen=2)
    assert await database.value("select is_withheld from services") is True
    assert (await report(api, one, "service", service)).status == 404
    await panel.do(about_star, decision="block", seen=1)
    assert await database.value("select is_active from accounts where id = %(id)s", id=star.id) is False
    # A decided person may be reported anew.
    assert (await report(api, one, "person", operator.id)).status == 201
