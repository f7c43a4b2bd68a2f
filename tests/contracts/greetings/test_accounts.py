"""Registration, confirmation, login, sessions and the personal page (docs/dialects/greetings.md, D1-D14)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.sandbox_process import SandboxProcess


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Parametrize this indirectly to change a setting."""
    return make_settings(**getattr(request, "param", {}))


def draft_account(**changes: Any) -> dict[str, Any]:
    """A registration as the newest client sends it, with an address that no other test uses."""
    name = f"olga-{uuid.uuid4().hex[:10]}"
    draft = {
        "username": name,
        "phone": f"8916{uuid.uuid4().int % 10**7:07}",
        "email": f"{name}@example.org",
        "password": PASSWORD,
        **changes,
    }
    return {field: value for field, value in draft.items() if value is not ...}


async def confirmation_link(sandbox: SandboxProcess, email: str) -> str:
    mail = await sandbox.wait_for_mail(email)
    return next(link for link in mail["links"] if "/api/registration-confirm/" in link)


async def login(api: Api, **body: Any) -> ClientResponse:
    return await api.post("/api/login/", {"password": PASSWORD, **body})


# Registration


async def test_registration_asks_to_confirm_the_email(api: Api) -> None:
    answer = await api.post("/api/registration/", draft_account())
    assert answer.status == 201
    assert await answer.json() == ["Подтвердите Ваш Email"]


async def test_a_phone_may_be_a_number_and_may_be_missing(api: Api) -> None:
    for phone in (9787896546, "87077776655", "79991234567", "0", 0, "", None, ...):
        answer = await api.post("/api/registration/", draft_account(phone=phone))
        assert answer.status == 201, await answer.text()


async def test_the_desktop_client_sends_the_email_as_login(api: Api) -> None:
    draft = draft_account()
    draft["login"] = draft.pop("email")
    assert (await api.post("/api/registration/", draft)).status == 201
    assert (await login(api, login=draft["login"])).status == 201


async def test_registration_ignores_star_and_staff_fields(api: Api, db: Database) -> None:
    draft = draft_account(is_star=True, register="True", role="owner", is_staff=True, id=1000)
    assert (await api.post("/api/registration/", draft)).status == 201
    entered = await (await login(api, login=draft["email"])).json()
    assert entered["is_star"] is False
    assert entered["id"] != 1000
    assert await db.value("select count(*) from accounts where role is not null") == 0


WRONG_FIELDS: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({"username": ...}, {"username"}),
    ({"username": "x" * 33}, {"username"}),
    ({"username": "   "}, {"username"}),
    ({"username": "olga@example.org"}, {"username"}),
    ({"username": "89161234567"}, {"username"}),
    ({"username": ["olga"]}, {"username"}),
    ({"username": "ol\u0000ga"}, {"username"}),
    ({"email": ...}, {"email"}),
    ({"email": "olga"}, {"email"}),
    ({"email": "olga@localhost"}, {"email"}),
    ({"email": {"$ne": 1}}, {"email"}),
    ({"phone": "12"}, {"phone"}),
    ({"phone": 8.9161234567}, {"phone"}),
    ({"password": ...}, {"password"}),
    ({"password": "short-7"}, {"password"}),
    ({"password": "k9#" * 43}, {"password"}),
    ({"password": "qwerty123"}, {"password"}),
    ({"password": 12345678}, {"password"}),
    ({"date_of_birth": "05.08.1999"}, {"date_of_birth"}),
    ({"date_of_birth": "2999-01-01"}, {"date_of_birth"}),
    (
        {"username": "8 800 555 35 35", "email": "x", "phone": "1", "password": "1"},
        {"username", "email", "phone", "password"},
    ),
)


async def test_a_wrong_field_is_named_with_its_reason(api: Api, db: Database) -> None:
    for changes, fields in WRONG_FIELDS:
        answer = await api.post("/api/registration/", draft_account(**changes))
        assert answer.status == 400, changes
        body = await answer.json()
        assert set(body) == fields
        assert all(isinstance(text, str) for texts in body.values() for text in texts)
    assert await db.value("select count(*) from accounts") == 0


async def test_broken_json_is_unreadable(api: Api) -> None:
    answer = await api.post("/api/registration/", data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert await answer.json() == ["Запрос не удалось прочитать."]


async def test_errors_follow_accept_language(api: Api) -> None:
    answer = await api.post("/api/registration/", draft_account(password="qwerty123"), language="en")
    assert await answer.json() == {"password": ["This password is too common."]}


async def test_taken_values_are_refused_in_any_spelling(api: Api) -> None:
    first = draft_account()
    assert (await api.post("/api/registration/", first)).status == 201
    for field, spelling in (
        ("username", first["username"].upper()),
        ("email", first["email"].upper()),
        ("phone", "+7" + first["phone"][1:]),
    ):
        answer = await api.post("/api/registration/", draft_account(**{field: spelling}))
        assert answer.status == 400
        assert await answer.json() == {field: ["Это поле должно быть уникально."]}


async def test_all_taken_fields_are_refused_at_once(api: Api) -> None:
    first = draft_account()
    await api.post("/api/registration/", first)
    answer = await api.post("/api/registration/", first)
    assert set(await answer.json()) == {"username", "email", "phone"}


async def test_one_of_concurrent_registrations_succeeds(api: Api, db: Database) -> None:
    for field in ("username", "email", "phone"):
        same = draft_account()[field]
        drafts = [draft_account(**{field: same}) for _ in range(6)]
        answers = await asyncio.gather(*(api.post("/api/registration/", draft) for draft in drafts))
        assert sorted(answer.status for answer in answers) == [201] + [400] * 5
        for answer in answers:
            assert answer.status == 201 or set(await answer.json()) == {field}
    assert await db.value("select count(*) from accounts") == 3


# Confirmation


async def test_the_mailed_link_confirms_the_email_and_signs_in(
    api: Api, sandbox_process: SandboxProcess, db: Database
) -> None:
    draft = draft_account()
    await api.post("/api/registration/", draft)
    link = await confirmation_link(sandbox_process, draft["email"])

    answer = await api.get(link)

    assert answer.status == 200
    body = await answer.json()
    assert body["username"] == draft["username"]
    assert (await api.get("/api/personal/", headers={"Authorization": body["token"]})).status == 200
    assert await db.value("select email_verified_at is not null from accounts")


async def test_mail_reaches_a_domain_in_russian_letters(api: Api, sandbox_process: SandboxProcess) -> None:
    name = f"olga-{uuid.uuid4().hex[:10]}"
    await api.post("/api/registration/", draft_account(email=f"{name}@тест.рф"))
    mail = await sandbox_process.wait_for_mail(f"{name}@xn--e1aybc.xn--p1ai")
    link = next(link for link in mail["links"] if "/api/registration-confirm/" in link)
    assert (await (await api.get(link)).json())["email"] == f"{name}@тест.рф"
    assert (await login(api, login=f"{name}@xn--e1aybc.xn--p1ai")).status == 201


async def test_the_mail_is_in_the_language_of_the_registration(api: Api, sandbox_process: SandboxProcess) -> None:
    for language, words in (("ru", "Спасибо за регистрацию"), ("en", "Thank you for joining")):
        draft = draft_account()
        await api.post("/api/registration/", draft, language=language)
        mail = await sandbox_process.wait_for_mail(draft["email"])
        assert words in mail["text"]
        assert words in mail["html"]


async def test_a_used_link_is_reported_and_creates_no_session(
    api: Api, sandbox_process: SandboxProcess, db: Database
) -> None:
    draft = draft_account()
    await api.post("/api/registration/", draft)
    link = await confirmation_link(sandbox_process, draft["email"])
    answers = await asyncio.gather(*(api.get(link) for _ in range(4)))
    bodies = [await answer.json() for answer in answers]
    assert {answer.status for answer in answers} == {200}
    assert sum("token" in body for body in bodies) == 1
    assert bodies.count(["Email уже подтвержден. Войдите."]) == 3
    assert await db.value("select count(*) from sessions") == 1


async def test_a_head_request_does_not_use_the_link(api: Api, sandbox_process: SandboxProcess) -> None:
    draft = draft_account()
    await api.post("/api/registration/", draft)
    link = await confirmation_link(sandbox_process, draft["email"])
    assert (await api.request("HEAD", link)).status == 200
    assert "token" in await (await api.get(link)).json()


async def test_a_browser_sees_a_page_and_gets_no_session(
    api: Api, sandbox_process: SandboxProcess, db: Database
) -> None:
    draft = draft_account(username=f"<b>{uuid.uuid4().hex[:8]}</b>")
    await api.post("/api/registration/", draft)
    link = await confirmation_link(sandbox_process, draft["email"])
    for _ in range(2):
        answer = await api.get(link, headers={"Accept": "text/html,*/*;q=0.8"})
        assert answer.status == 200
        assert answer.content_type == "text/html"
        page = await answer.text()
        assert "Email подтверждён" in page
        assert "<b>" not in page
    assert await db.value("select count(*) from sessions") == 0


async def test_an_unknown_an_expired_and_a_missing_token_are_refused(
    api: Api, sandbox_process: SandboxProcess, db: Database
) -> None:
    draft = draft_account()
    await api.post("/api/registration/", draft)
    link = await confirmation_link(sandbox_process, draft["email"])
    unknown = await api.get("/api/registration-confirm/", params={"username": "x", "confirm": "1", "token": "0" * 48})
    assert (unknown.status, await unknown.json()) == (404, ["Ссылка недействительна или уже использована."])
    await db.execute("update mailed_tokens set expires_at = now() - interval '1 second'")
    expired = await api.get(link)
    assert (expired.status, await expired.json()) == (404, ["Срок действия ссылки истёк."])
    page = await api.get(link, headers={"Accept": "text/html"}, language="en")
    assert (page.status, page.content_type) == (404, "text/html")
    assert "The link has expired." in await page.text()
    missing = await api.get("/api/registration-confirm/", params={"username": draft["username"]})
    assert (missing.status, list(await missing.json())) == (400, ["token"])


# Login


async def test_login_by_any_credential(api: Api, factory: Factory) -> None:
    person = await factory.person("Баста", email="basta@example.com", phone="+79161583866")
    for body in (
        {"login": "basta@example.com"},
        {"email": "BASTA@EXAMPLE.COM"},
        {"login": "бАСТА"},
        {"username": "Баста"},
        {"phone": 9161583866},
        {"login": "8 (916) 158-38-66"},
    ):
        answer = await login(api, **body)
        assert answer.status == 201, body
        entered = await answer.json()
        assert entered.pop("token")
        assert entered == {
            "id": person.id,
            "username": "Баста",
            "phone": 9161583866,
            "is_star": False,
            "email": "basta@example.com",
            "avatar": "Нет фото",
        }


async def test_login_tells_whether_the_account_is_a_star(api: Api, factory: Factory) -> None:
    star = await factory.star()
    assert (await (await login(api, login=star.email)).json())["is_star"] is True


async def test_a_missing_phone_is_zero(api: Api, factory: Factory) -> None:
    person = await factory.person()
    assert (await (await login(api, login=person.email)).json())["phone"] == 0


async def test_an_unconfirmed_account_can_log_in(api: Api) -> None:
    draft = draft_account()
    await api.post("/api/registration/", draft)
    assert (await login(api, login=draft["email"])).status == 201


async def test_a_failed_login_does_not_reveal_the_reason(api: Api, app: web.Application, factory: Factory) -> None:
    person, blocked, staff = await factory.person(), await factory.person(), await factory.staff()
    await app[STAFF].block(await app[ACCOUNTS].authenticate(staff.token), blocked.id)
    for body in (
        {"login": person.email, "password": "Not-the-Word-42"},
        {"login": "missing-account@example.com"},
        {"login": "missing-account"},
        {"login": blocked.email},
        {"phone": "0"},
        {"login": person.email, "password": ""},
        {"login": person.email, "password": PASSWORD + "\u0000"},
        {"login": "' or 1=1 --"},
    ):
        answer = await login(api, **body)
        assert answer.status == 404, body
        assert await answer.json() == {"non_field_errors": ["Неверный логин или пароль."]}


async def test_an_incomplete_login_names_what_is_missing(api: Api) -> None:
    for body, field in (
        ({"password": PASSWORD}, "login"),
        ({"login": "olga"}, "password"),
        ({"login": "", "password": PASSWORD}, "login"),
        ({"login": ["olga"], "password": PASSWORD}, "login"),
        ({"login": "x" * 255, "password": PASSWORD}, "login"),
        ({"login": "olga", "password": None}, "password"),
    ):
        answer = await api.post("/api/login/", body)
        assert answer.status == 400, body
        assert list(await answer.json()) == [field]


async def test_every_character_of_a_long_password_is_checked(api: Api, factory: Factory) -> None:
    password = "Ж9#vЛq2-" * 16
    person = await factory.person(password=password)
    assert (await login(api, login=person.email, password=password)).status == 201
    assert (await login(api, login=person.email, password=password[:-1] + "+")).status == 404


# Limits


STRICT = {"LIMITS__ENABLED": "true", "LIMITS__LOGIN_ADDRESS": "6/minute", "LIMITS__LOGIN_ACCOUNT": "3/minute"}


@pytest.mark.parametrize("settings", [STRICT], indirect=True)
async def test_failed_logins_are_counted_by_account_and_by_address(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    for _ in range(3):
        assert (await login(api, login=person.email, password="Wrong-Word-42")).status == 404
    assert (await login(api, login=person.username)).status == 404, "locked, and it does not tell"
    refused = await login(api, login=person.email)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert len(await refused.json()) == 1
    for _ in range(3):
        assert (await login(api, login=other.email)).status == 201, "a success is no guess"
    for number in range(2):
        assert (await login(api, login=f"missing-{number}")).status == 404
    assert (await login(api, login=(await factory.person()).email)).status == 429
    assert (await login(api, login=other.email)).status == 201, "who was signed in here before is no stranger"


@pytest.mark.parametrize("settings", [STRICT], indirect=True)
async def test_concurrent_failed_logins_are_counted(api: Api, factory: Factory) -> None:
    person = await factory.person()
    passwords = [f"Wrong-Word-{number}" for number in range(20)] + [PASSWORD]
    answers = await asyncio.gather(*(login(api, login=person.email, password=password) for password in passwords))
    statuses = [answer.status for answer in answers]
    assert statuses.count(404) <= 3
    assert statuses.count(429) >= 17


@pytest.mark.parametrize("settings", [{"LIMITS__ENABLED": "true", "LIMITS__REGISTRATION": "2/hour"}], indirect=True)
async def test_registrations_from_one_address_are_counted(api: Api) -> None:
    statuses = [(await api.post("/api/registration/", draft_account())).status for _ in range(3)]
    assert statuses == [201, 201, 429]
