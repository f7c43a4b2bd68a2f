"""Announcements: previewed, counted, sent once to each person of the audience, also after a failure in between."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.notifications.announcements.service import AnnouncementService
from mystar.notifications.keys import ANNOUNCEMENTS
from tests.admin.conftest import sign_in
from tests.conftest import Api
from tests.factory import Factory

PAGE = "/admin/announcements/"
TEXTS = {
    "audience": "buyers",
    "by_mail": "yes",
    "ru_subject": "Новые правила",
    "ru_text": "С 1 мая {username} & <b>\n\nПодробности на сайте.",
    "en_subject": "New rules",
    "en_text": "From May on.",
}


async def sent(app: web.Application) -> list[tuple[str, str]]:
    rows = await app[DATABASE].all(
        "select payload ->> 'to' as mailbox, payload ->> 'subject' as subject from outbox"
        " where name like 'announcement:%%' order by id"
    )
    return [(row["mailbox"], row["subject"]) for row in rows]


async def test_an_announcement_reaches_each_person_of_its_audience_once(
    api: Api, app: web.Application, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, service = app[DATABASE], app[ANNOUNCEMENTS]
    star, owner = await factory.star(), await factory.staff("owner")
    buyers = [await factory.person() for _ in range(4)]
    for buyer in buyers:
        await factory.order(buyer, star)
    english, silent, blocked = buyers[1:]
    await database.execute("update accounts set language = 'en' where id = %(id)s", id=english.id)
    settings = {"email": False}
    assert (await api.patch("/api/v1/notifications/settings/", settings, as_=silent)).status == 200
    await database.execute("update accounts set is_active = false where id = %(id)s", id=blocked.id)

    panel = await sign_in(api, owner)
    refused = await (await panel.post(f"{PAGE}preview/", **{**TEXTS, "en_text": " "})).text()
    assert ('id="refused-en_text"' in refused, "С 1 мая" in refused) == (True, True)
    shown = await (await panel.post(f"{PAGE}preview/", **TEXTS)).text()
    assert re.search(r"уведомлений — <b>3</b>, писем — <b>2</b>", shown)
    assert "С 1 мая {username} &amp; &lt;b&gt;" in shown
    (key,) = re.findall(r'name="key" value="([^"]+)"', shown)
    (seen,) = re.findall(r'name="seen" value="(\w+)"', shown)
    # What is sent is what was shown; otherwise it is shown again, with what was typed.
    other = await panel.post(f"{PAGE}send/", key=key, seen=seen, **{**TEXTS, "ru_text": "Другое"})
    page = await other.text()
    assert (other.status, "посмотрите объявление ещё раз" in page, "Другое</textarea>" in page) == (409, True, True)
    assert await database.value("select count(*) from announcements") == 0
    await panel.do(f"{PAGE}send/", key=key, seen=seen, **TEXTS)
    assert (await panel.post(f"{PAGE}send/", key=key, seen=seen, **TEXTS)).status == 409

    # A batch that fails in its middle, as a killed process leaves it: nobody was told.
    real, calls = AnnouncementService._mail, 0

    async def failing(self: AnnouncementService, *arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError
        await real(self, *arguments)

    monkeypatch.setattr(AnnouncementService, "_mail", failing)
    with pytest.raises(RuntimeError):
        await service.send_next()
    assert (await sent(app), await database.value("select notified from announcements")) == ([], 0)
    monkeypatch.setattr("mystar.notifications.announcements.service._BATCH", 2)
    await asyncio.gather(*(service.send_next() for _ in range(3)))
    while await service.send_next():
        pass
    assert sorted(await sent(app)) == sorted(
        [(buyers[0].email, "MySTAR: Новые правила"), (english.email, "MySTAR: New rules")]
    )
    counts = await database.all(
        "select account_id, count(*) as times from notifications where kind = 'announcement' group by 1 order by 1"
    )
    assert [(row["account_id"], row["times"]) for row in counts] == [
        (one.id, 1) for one in (buyers[0], english, silent)
    ]
    page = await panel.page(PAGE)
    assert "отправлено" in page
    told = await (await api.get("/api/v1/notifications/", as_=silent)).json()
    assert told["results"][0]["message"].startswith("Новые правила. С 1 мая")
    mail = await database.value(
        "select payload ->> 'unsubscribe' from outbox where name like 'announcement:%%' limit 1"
    )
    assert "/notifications/unsubscribe/" in mail
    # One that is sent cannot be stopped, another can; nobody else may.
    assert (await panel.post(f"{PAGE}1/stop/")).status == 409
    shown = await (await panel.post(f"{PAGE}preview/", **{**TEXTS, "audience": "staff"})).text()
    (seen,) = re.findall(r'name="seen" value="(\w+)"', shown)
    await panel.do(f"{PAGE}send/", seen=seen, **{**TEXTS, "audience": "staff"})
    await panel.do(f"{PAGE}{await database.value('select max(id) from announcements')}/stop/")
    assert await service.send_next() == 0
    operator = await sign_in(api, await factory.staff("operator"))
    assert (await operator.post(f"{PAGE}send/", **TEXTS)).status == 403
    assert await database.value("select count(*) from audit_entries where act like 'announcement%%'") == 3
