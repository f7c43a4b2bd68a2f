"""Exports: what the archive has, who may download it, and that it is built once (docs/privacy.md)."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from mystar.app import create_app
from mystar.audit.keys import AUDIT
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.privacy.builder import ExportBuilder
from mystar.privacy.keys import EXPORT_BUILDER, EXPORTS
from mystar.privacy.model import Requester
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person
from tests.privacy.sample_people import BUYER_WORDS, CREATOR_WORDS, MADE_BY_DELIVERY, SamplePeople
from tests.raw_answers import raw_answer
from tests.sandbox_process import SandboxProcess

EXPORT = "/api/v1/users/me/export/"
SECRETS = ("password_hash", "sealed", "digest", "fingerprint", "$2b$", "secret")


async def ask(api: Api, person: Person, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = await api.post(EXPORT, {"password": PASSWORD, **body}, as_=person)
    assert answer.status == status, await answer.text()
    asked: dict[str, Any] = await answer.json()
    return asked


async def unpacked(content: bytes) -> dict[str, Any]:
    """The JSON files by their names; other files as bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return {name: json.loads(data) if name.endswith(".json") else data for name, data in files.items()}


async def test_an_archive_has_everything_of_the_person_and_nothing_of_others(
    api: Api, app: web.Application, factory: Factory
) -> None:
    people = await SamplePeople(app, api, factory).create()
    for person, words, others in (
        (people.creator, CREATOR_WORDS, ("Тёте Пелагее", "Сиреневый туман", "Медный чайник", "feofan@letters.example")),
        (people.buyer, BUYER_WORDS, ("mira.bell@stars.example", "Звездопадова", "+79161112233")),
    ):
        asked = await ask(api, person)
        assert (asked["status"], asked["download"]) == ("waiting", None)
        await app[EXPORT_BUILDER].build_next()
        ready = await (await api.get(EXPORT, as_=person)).json()
        assert (ready["id"], ready["status"]) == (asked["id"], "ready")
        answer = await api.get(ready["download"], as_=person)
        content = await answer.read()
        assert (answer.status, len(content)) == (200, ready["size"])
        assert answer.headers["Cache-Control"] == "no-store"
        files = await unpacked(content)
        rows = json.dumps({name: data for name, data in files.items() if name.endswith(".json")}, ensure_ascii=False)
        # A creator has rejected an order with a reason that names the e-mail; the buyer was told of it.
        assert [word for word in words if word not in rows] == []
        assert [word for word in others if word in rows.replace("Бирюзовый самовар, пишите на mira.bell", "")] == []
        assert [secret for secret in SECRETS if secret in rows] == []
        (account,) = files["account.json"]
        assert (account["id"], account["email"]) == (person.id, email_of(person, people))
        for file in files["files.json"]:
            assert files[file["path"]][:2] == b"\xff\xd8"
        assert {row["sender"] for row in files["messages.json"]} == {"Mira O'Bell", "Феофан Кузьмич"}
        assert files["sessions.json"]
        assert files["audit.json"]
        assert files["notifications.json"]
        assert {row["kind"] for row in files["orders.json"]} == {"service", "greeting"}
    names = [file["name"] for file in files["files.json"]]
    assert MADE_BY_DELIVERY not in names


def email_of(person: Person, people: SamplePeople) -> str:
    return "mira.bell@stars.example" if person is people.creator else "feofan@letters.example"


async def test_who_may_download_an_archive(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    person, stranger, database = await factory.person(), await factory.person(), app[DATABASE]
    await database.execute("update sessions set authenticated_at = now() - interval '1 hour'")
    assert (await api.get(EXPORT, as_=person)).status == 404
    assert (await api.post(EXPORT, {}, as_=person)).status == 403, "an old session needs the password"
    asked = await ask(api, person)
    assert (await ask(api, person, status=409))["code"] == "export_running"
    archive = f"{EXPORT}{asked['id']}/archive/"
    assert (await api.get(archive, as_=person)).status == 404, "not ready"
    await app[EXPORT_BUILDER].build_next()
    assert (await api.get(archive, as_=person)).status == 403
    assert (await api.get(archive, as_=stranger)).status == 404
    assert (await api.get(archive)).status == 401

    mail = await sandbox_process.wait_for_mail(person.email, "данные")
    (token,) = {found for link in mail["links"] for found in re.findall(r"token=(\w+)", link)}
    link = "/api/auth/data-export/"
    assert token in await (await api.get(f"{link}?token={token}", headers={"Accept": "text/html"})).text()
    by_link = await api.post(link, {"token": token})
    assert (await unpacked(await by_link.read()))["account.json"][0]["id"] == person.id
    assert (await api.post(link, {"token": "0" * 48})).status == 404
    outbox = await database.value("select string_agg(payload::text, ' ') from outbox")
    assert token not in outbox, "the outbox has nothing that opens an archive"
    await database.execute("update data_exports set link_expires_at = now()")
    assert (await api.post(link, {"token": token})).status == 404

    # A new archive replaces the old one; each ends after some days, and its bytes go.
    assert (await ask(api, person))["id"] != asked["id"]
    assert (await api.get(archive, as_=person)).status == 404
    await app[EXPORT_BUILDER].build_next()
    await database.execute("update data_exports set expires_at = now()")
    assert await app[EXPORTS].sweep() == 1
    assert (await (await api.get(EXPORT, as_=person)).json())["status"] == "expired"
    await app[FILES].sweep()
    assert not await database.value("select count(*) from temporary_files")
    acts = [entry.event.action for entry in await app[AUDIT].tail(100)]
    assert (acts.count("export_requested"), acts.count("export_downloaded")) == (2, 1)


async def test_an_export_is_built_once_and_again_after_a_process_was_killed(
    api: Api, app: web.Application, settings: Settings, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, database = await factory.person(), app[DATABASE]
    await app[EXPORTS].request_for(person.id, Requester("operator", reason="A letter"))
    built = await asyncio.gather(*(app[EXPORT_BUILDER].build_next() for _ in range(5)))
    assert sum(built) == 1
    assert await database.value("select count(*) from data_exports where status = 'ready'") == 1

    # A process dies while it builds: its claim stays, and runs out.
    other = await create_app(settings, settings.database.url)
    other.freeze()
    await app[EXPORTS].request_for(person.id, Requester("operator", reason="A letter"))
    await database.execute("update data_exports set claimed_until = now() + '1 hour', attempts = 1 where key is null")
    assert await other[EXPORT_BUILDER].build_next() == 0, "claimed"
    await database.execute("update data_exports set claimed_until = now() - interval '1 second' where key is null")
    await other[EXPORT_BUILDER].build_next()
    assert await database.value("select count(*) from data_exports where status = 'ready'") == 1

    # One that was taken for dead, and was slow, does not finish what another has finished.
    late = await app[EXPORTS].request_for(person.id, Requester("operator", reason="A letter"))

    async def overtaken(self: ExportBuilder, account_id: int, staged: Any, export: Any = None) -> None:
        await staged.write(b"late")
        await database.execute("update data_exports set attempts = attempts + 1 where id = %(id)s", id=late.id)

    monkeypatch.setattr(ExportBuilder, "write", overtaken)
    await database.execute("update data_exports set claimed_until = null where id = %(id)s", id=late.id)
    await other[EXPORT_BUILDER].build_next()
    assert await database.value("select key from data_exports where id = %(id)s", id=late.id) is None
    await other.cleanup()


async def test_files_beyond_the_size_of_an_archive_are_listed_and_left_out(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(PRIVACY__EXPORT_MAX_BYTES=1500)
    app = await create_app(settings, settings.database.url)
    app.freeze()
    try:
        factory = Factory(app)
        person = await factory.person()
        people = SamplePeople(app, None, factory)  # type: ignore[arg-type]
        for name in ("one.jpg", "two/../x.jpg"):
            await people._file(person, name)
        export = await app[EXPORTS].request_for(person.id, Requester("operator", reason="A letter"))
        await app[EXPORT_BUILDER].build_next()
        key = await app[DATABASE].value("select key from data_exports where id = %(id)s", id=export.id)
        files = await unpacked((settings.data_dir / "media" / key).read_bytes())
        paths = [file["path"] for file in files["files.json"]]
        assert paths == [f"files/{files['files.json'][0]['id']}-one.jpg", None]
        assert not [name for name in files if ".." in name]
    finally:
        await app.cleanup()


async def test_head_of_an_archive_has_no_bytes_of_it(api: Api, app: web.Application, factory: Factory) -> None:
    person = await factory.person()
    await ask(api, person)
    await app[EXPORT_BUILDER].build_next()
    ready = await (await api.get(EXPORT, as_=person)).json()
    raw = await raw_answer(api, "HEAD", ready["download"], Authorization=f"Bearer {person.token}")
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert f"Content-Length: {ready['size']}\r\n".encode() in raw
    assert raw.partition(b"\r\n\r\n")[2] == b""
