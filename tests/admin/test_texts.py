"""The owner changes the texts of mails: checked, previewed, versioned, and never in the way of a mail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.kit.keys import DATABASE
from mystar.kit.outbox.texts import TextStore, filled
from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from mystar.texts.keys import TEXTS
from mystar.texts.library import editable
from mystar.texts.model import TextVersion
from mystar.texts.repository import TextRepository
from tests.admin.conftest import AsRole, Panel
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, actor

PATH = "/admin/texts/notice.order_placed/"
RESET = "/admin/texts/mail.reset_password/"


def fields(name: str, **changed: str) -> dict[str, str]:
    parts = editable()[name].built_in
    return {f"{language}_{part}": text for language in parts for part, text in parts[language].items()} | changed


async def subjects(app: web.Application) -> list[str]:
    rows = await app[DATABASE].all("select payload ->> 'subject' as subject from outbox order by id")
    return [row["subject"] for row in rows]


async def test_a_changed_text_is_checked_used_and_taken_back(
    api: Api, app: web.Application, factory: Factory, owner: Panel, as_role: AsRole
) -> None:
    for changed, words in (
        ({"ru_subject": "Заказ {nummer}"}, "Нет такой подстановки: {nummer}"),
        ({"ru_text": "Заказ {number"}, "Фигурные скобки"),
        ({"ru_text": "{number.__class__}"}, "Фигурные скобки"),
        ({"en_action": " "}, "Обязательное поле."),
    ):
        refused = await owner.post(PATH, seen=0, **fields("notice.order_placed", **changed))
        page = await refused.text()
        (name,) = changed
        assert (refused.status, words in page, f'id="refused-{name}"' in page) == (422, True, True), changed
    without_link = fields("mail.reset_password", ru_body="Здравствуйте!")
    assert "Не хватает подстановки {link}." in await (await owner.post(RESET, seen=0, **without_link)).text()
    typed = fields("notice.order_placed", ru_subject="ура, заказ №{number}: {what}")
    shown = await (await owner.post(f"{PATH}preview/", seen=0, **typed)).text()
    assert "ура, заказ №1024: поздравление (Лира)" in shown
    assert await app[DATABASE].value("select count(*) from text_versions") == 0

    await owner.do(PATH, seen=0, **typed)
    assert (await owner.post(PATH, seen=0, **typed)).status == 409
    star, buyer = await factory.star(), await factory.person()
    await factory.order(buyer, star)
    assert any(subject.startswith("MySTAR: ура, заказ №1: ") for subject in await subjects(app))
    # A way back, to the built-in text and forth.
    assert (await owner.post(f"{PATH}restore/", version=0, seen=0)).status == 409
    await owner.do(f"{PATH}restore/", version=0, seen=1)
    await factory.order(buyer, star)
    assert "новый заказ №2" in (await subjects(app))[-1]
    await owner.do(f"{PATH}restore/", version=1, seen=2)
    page = await owner.page(PATH)
    assert page.count("ура, заказ №{number}") >= 2
    assert (await owner.post(f"{RESET}restore/", version=1, seen=0)).status == 404
    assert "Примите или отклоните заказ." in await owner.page(f"{PATH}ru/")
    # Others look, and that is all; it is audited.
    operator = await as_role("operator")
    assert "readonly" in await operator.page(PATH)
    assert (await operator.post(PATH, seen=3, **typed)).status == 403
    entry = await app[DATABASE].one(
        "select subject, details from audit_entries where act = 'text_changed' order by id limit 1"
    )
    built_in = editable()["notice.order_placed"].built_in["ru"]["subject"]
    said = {"version": 1, "before": f"ru: {built_in}", "after": "ru: ура, заказ №{number}: {what}"}
    assert (entry["subject"], entry["details"]) == ("text:notice.order_placed", said)


async def test_another_process_uses_a_changed_text_at_once(
    db: Database, make_settings: Callable[..., Settings], settings: Settings
) -> None:
    other = await create_app(make_settings(BUS__URL="postgres"), settings.database.url)
    async with TestClient(ApiTestServer(other)):
        ours = await create_app(make_settings(BUS__URL="postgres"), settings.database.url)
        async with TestClient(ApiTestServer(ours)):
            store = other[TEXTS]._store
            await db.execute(
                "insert into text_versions (name, parts, author_id, created_at)"
                " values ('notice.message', %(parts)s::jsonb, null, now())",
                parts='{"ru": {"subject": "x", "text": "y", "action": "z"}, "en": {}}',
            )
            ours[TEXTS]._announce()
            async with asyncio.timeout(10):
                while "notice.message" not in store.current:  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.05)


async def test_texts_that_were_read_before_a_change_do_not_replace_it(
    app: web.Application, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, owner, name = app[TEXTS], actor(await factory.staff("owner"), "owner"), "notice.order_placed"
    read, go_on, is_first = asyncio.Event(), asyncio.Event(), iter((True,))
    current = TextRepository.current

    async def slowly(self: TextRepository) -> dict[str, TextVersion]:
        found = await current(self)
        if next(is_first, False):
            read.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(TextRepository, "current", slowly)
    early = asyncio.create_task(texts.load())
    await read.wait()
    parts = {language: {**given, "subject": "Новая тема"} for language, given in editable()[name].built_in.items()}
    saving = asyncio.create_task(texts.save(owner, name, parts))
    # It waits for the reading that has begun, or it is done long before.
    await asyncio.wait((saving,), timeout=1)
    go_on.set()
    await asyncio.gather(early, saving)
    assert texts._store.current[name] == parts


def test_a_broken_text_never_stops_a_mail(caplog: pytest.LogCaptureFixture) -> None:
    store = TextStore()
    store.current = {"mail.x": {"ru": {"subject": "{gone}"}}, "mail.y": {}, "mail.z": {"ru": {"subject": "{a"}}}
    with caplog.at_level(logging.ERROR):
        for name in ("mail.x", "mail.y", "mail.z", "mail.none"):
            assert store.fill(name, {"subject": "{a}!"}, "ru", {"a": 1}) == {"subject": "1!"}
    assert len(caplog.records) == 3
    assert filled("Здравствуйте, {username}!", {"username": ""}) == "Здравствуйте!"
    assert filled("{a} {b}", {"a": "{b}", "b": 2}) == "{b} 2"
