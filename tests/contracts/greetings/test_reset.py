"""The mailed password link and its form (docs/dialects/greetings.md)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from yarl import URL

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

NEW = "Another-Word-For-Mum-8"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Parametrize this indirectly to change a setting."""
    return make_settings(**getattr(request, "param", {}))


@pytest.fixture
async def person(factory: Factory) -> Person:
    """With an address that no other test uses."""
    return await factory.person(email=f"nile-{uuid.uuid4().hex[:10]}@example.com")


class Form(HTMLParser):
    """What a browser would send: where to, and the fields of the first form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.attributes: dict[str, str | None] = {}
        self.labels: set[str | None] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.attributes = values
        elif tag == "label":
            self.labels.add(values["for"])
        elif tag == "input":
            self.fields[values["name"] or ""] = values.get("value") or ""


async def mailed_link(api: Api, sandbox: SandboxProcess, email: str) -> URL:
    answer = await api.post("/password_reset/", {"email": email})
    assert (answer.status, await answer.json()) == (200, {"status": "OK"})
    mail = await sandbox.wait_for_mail(email.lower(), "Password Reset")
    return URL(next(link for link in mail["links"] if "/password_reset/confirm/?token=" in link))


async def log_in(api: Api, email: str, password: str) -> int:
    return (await api.post("/api/login/", {"email": email, "password": password})).status


def send(api: Api, page: URL, form: Form, **typed: str) -> Any:
    assert form.attributes["method"] == "post"
    address = page.join(URL(form.attributes["action"] or ""))
    return api.post(address.path_qs, data={**form.fields, **typed}, headers=PAGE)


async def test_a_mailed_link_sets_a_new_password_once(
    api: Api, sandbox_process: SandboxProcess, person: Person
) -> None:
    link = await mailed_link(api, sandbox_process, person.email.upper().replace("EXAMPLE.COM", "Example.com"))
    token = link.query["token"]
    body = {"password": NEW, "passwordRepeat": NEW, "token": token}
    answer = await api.post("/password_reset/confirm/", body)
    assert (answer.status, await answer.json()) == (200, {"status": "OK"})
    assert await log_in(api, person.email, PASSWORD) == 404
    assert await log_in(api, person.email, NEW) == 201
    again = await api.post("/password_reset/confirm/", body)
    assert (again.status, await again.json()) == (404, {"status": "notfound"})
    told = await sandbox_process.wait_for_mail(person.email, "пароль изменён")
    assert person.username in told["text"]
    assert NEW not in told["text"]


async def test_a_reset_ends_every_session_and_every_other_link(
    api: Api, sandbox_process: SandboxProcess, factory: Factory, person: Person
) -> None:
    first = await mailed_link(api, sandbox_process, person.email)
    await sandbox_process.clear_mails()
    second = await mailed_link(api, sandbox_process, person.email)
    assert (await api.get("/api/personal/", as_=person)).status == 200
    answer = await api.post("/password_reset/confirm/", {"password": NEW, "token": second.query["token"]})
    assert answer.status == 200
    assert (await api.get("/api/personal/", as_=person)).status == 401
    answer = await api.post("/password_reset/confirm/", {"password": NEW + "9", "token": first.query["token"]})
    assert answer.status == 404


async def test_of_two_concurrent_uses_of_a_link_one_succeeds(
    api: Api, sandbox_process: SandboxProcess, person: Person
) -> None:
    token = (await mailed_link(api, sandbox_process, person.email)).query["token"]
    passwords = [f"Another-Word-{number}-for-Mum" for number in range(4)]
    answers = await asyncio.gather(
        *(api.post("/password_reset/confirm/", {"password": password, "token": token}) for password in passwords)
    )
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    winner = passwords[[answer.status for answer in answers].index(200)]
    assert await log_in(api, person.email, winner) == 201


async def test_an_unknown_email_gets_the_same_answer_and_no_mail(
    api: Api, app: web.Application, sandbox_process: SandboxProcess, factory: Factory, db: Database
) -> None:
    staff, blocked = await factory.staff(), await factory.person(email=f"{uuid.uuid4().hex}@example.com")
    await app[STAFF].block(await app[ACCOUNTS].authenticate(staff.token), blocked.id)
    addresses = [f"{uuid.uuid4().hex}@example.com", blocked.email]
    for address in addresses:
        answer = await api.post("/password_reset/", {"email": address})
        assert (answer.status, await answer.json()) == (200, {"status": "OK"})
    await eventually(lambda: _all_sent(db))
    for address in addresses:
        assert await sandbox_process.mails(address) == []


async def _all_sent(db: Database) -> bool:
    return bool(await db.value("select bool_and(done_at is not null) from outbox"))


async def test_an_invalid_email_is_refused(api: Api) -> None:
    for body in ({}, {"email": ""}, {"email": "nile"}, {"email": 5}, {"email": None}):
        answer = await api.post("/password_reset/", body)
        assert answer.status == 400
        assert list(await answer.json()) == ["email"]


async def test_a_weak_password_leaves_the_link_valid(api: Api, sandbox_process: SandboxProcess, person: Person) -> None:
    token = (await mailed_link(api, sandbox_process, person.email)).query["token"]
    for password, text in (
        ("short-7", "Пароль не короче 8 символов."),
        ("", "Пароль не короче 8 символов."),
        ("qwerty123", "Слишком распространённый пароль."),
        (person.email, "Пароль не должен совпадать с именем или email."),
        ("k9#" * 43, "Пароль не длиннее 128 символов."),
    ):
        answer = await api.post("/password_reset/confirm/", {"password": password, "token": token})
        assert (answer.status, await answer.json()) == (400, {"password": [text]})
    answer = await api.post("/password_reset/confirm/", {"password": NEW, "passwordRepeat": NEW + "!", "token": token})
    assert (answer.status, await answer.json()) == (400, {"passwordRepeat": ["Пароли не совпадают."]})
    assert (await api.post("/password_reset/confirm/", {"password": NEW, "token": token})).status == 200


async def test_unknown_and_expired_links_have_different_errors(
    api: Api, sandbox_process: SandboxProcess, person: Person, db: Database
) -> None:
    token = (await mailed_link(api, sandbox_process, person.email)).query["token"]
    assert (await api.post("/password_reset/validate_token/", {"token": token})).status == 200
    await db.execute("update mailed_tokens set expires_at = now() - interval '1 second'")
    for path in ("/password_reset/confirm/", "/password_reset/validate_token/", "/password-reset/confirm"):
        for given, status in ((token, "expired"), ("0" * 48, "notfound"), ("", "notfound")):
            answer = await api.post(path, {"password": NEW, "token": given})
            assert (answer.status, await answer.json()) == (404, {"status": status})
    assert await log_in(api, person.email, PASSWORD) == 201


async def test_a_confirmation_link_resets_nothing(api: Api, sandbox_process: SandboxProcess) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    await api.post("/api/registration/", {"username": "olga", "email": email, "password": PASSWORD})
    mail = await sandbox_process.wait_for_mail(email)
    token = URL(mail["links"][0]).query["token"]
    assert (await api.post("/password_reset/confirm/", {"password": NEW, "token": token})).status == 404


# The form


async def test_the_link_opens_a_form_that_works_without_scripts(
    api: Api, sandbox_process: SandboxProcess, person: Person
) -> None:
    link = await mailed_link(api, sandbox_process, person.email)
    page = await api.get(link.path_qs, headers=PAGE)
    assert (page.status, page.content_type) == (200, "text/html")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    text = await page.text()
    assert "<script" not in text
    assert "Новый пароль" in text
    form = Form(text)
    assert form.labels == {"password", "passwordRepeat"}

    done = await send(api, link, form, password=NEW, passwordRepeat=NEW)

    assert (done.status, done.content_type) == (200, "text/html")
    assert "Пароль изменён" in await done.text()
    assert await log_in(api, person.email, NEW) == 201


async def test_the_form_is_shown_again_with_its_errors(
    api: Api, sandbox_process: SandboxProcess, person: Person
) -> None:
    link = await mailed_link(api, sandbox_process, person.email)
    form = Form(await (await api.get(link.path_qs, headers=PAGE)).text())
    for typed, words in (
        ({"password": "qwerty123", "passwordRepeat": "qwerty123"}, "Слишком распространённый пароль."),
        ({"password": NEW, "passwordRepeat": "other"}, "Пароли не совпадают."),
        ({}, "Пароль не короче 8 символов."),
    ):
        answer = await send(api, link, form, **typed)
        assert (answer.status, answer.content_type) == (400, "text/html")
        text = await answer.text()
        assert words in text
        form = Form(text)
    assert (await send(api, link, form, password=NEW, passwordRepeat=NEW)).status == 200


async def test_the_form_follows_accept_language(api: Api, sandbox_process: SandboxProcess, person: Person) -> None:
    link = await mailed_link(api, sandbox_process, person.email)
    assert "A new password" in await (await api.get(link.path_qs, headers=PAGE, language="en")).text()


async def test_an_invalid_link_is_a_page_for_browsers_and_json_for_programs(api: Api) -> None:
    params = {"token": "'><script>alert(1)</script>"}
    for path in ("/password_reset/confirm/", "/password-reset/confirm/", "/password_reset/confirm"):
        page = await api.get(path, params=params, headers=PAGE)
        assert (page.status, page.content_type) == (404, "text/html")
        assert "<script" not in await page.text()
        assert await (await api.get(path, params=params)).json() == {"status": "notfound"}
        posted = await api.post(path, data={"token": "x", "password": NEW}, headers=PAGE)
        assert (posted.status, posted.content_type) == (404, "text/html")


# Limits


async def statuses(answers: list[ClientResponse]) -> list[int]:
    return [answer.status for answer in answers]


@pytest.mark.parametrize("settings", [{"LIMITS__ENABLED": "true", "LIMITS__MAILED_LINK": "2/hour"}], indirect=True)
async def test_links_for_one_mailbox_are_limited_whether_it_exists_or_not(
    api: Api, person: Person, app: web.Application
) -> None:
    """An error would let strangers keep the owner from asking; the links that were sent still work."""
    for number, email in enumerate((person.email, "missing-account@example.com"), 1):
        answers = [await api.post("/password_reset/", {"email": email}) for _ in range(3)]
        assert await statuses(answers) == [200, 200, 200]
        count = "select count(*) from outbox where topic = 'link_request'"
        assert await app[DATABASE].value(count) == 2 * number


@pytest.mark.parametrize("settings", [{"LIMITS__ENABLED": "true", "LIMITS__MAILED_TOKEN": "2/hour"}], indirect=True)
async def test_guesses_of_tokens_are_counted(api: Api, sandbox_process: SandboxProcess, person: Person) -> None:
    link = await mailed_link(api, sandbox_process, person.email)
    bodies = [{"password": NEW, "token": str(number)} for number in range(3)]
    answers = [await api.post("/password_reset/confirm/", body) for body in bodies]
    assert await statuses(answers) == [404, 404, 429]
    page = await api.get(link.path_qs, headers=PAGE)
    assert (page.status, page.content_type) == (429, "text/html")
    assert int(page.headers["Retry-After"]) > 0
