"""Registration, log-in and where the caller seems to be, as the messenger's clients use them.

See docs/dialects/messenger.md.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from aiohttp import ClientResponse

from mystar.contracts.messenger.accounts import country_or_language
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests

REGISTER, LOGIN = "/auth/register/", "/auth/login/"


def registration(**changes: Any) -> dict[str, Any]:
    """A registration with names that no other test uses; ``...`` leaves a field out."""
    name = f"ilya{uuid.uuid4().hex[:10]}"
    draft = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **changes}
    return {field: value for field, value in draft.items() if value is not ...}


async def log_in(api: Api, email: Any, password: Any = PASSWORD) -> ClientResponse:
    return await api.post(LOGIN, {"email": email, "password": password})


async def refused(answer: ClientResponse, status: int, detail: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = await answer.json()
    assert answer.status == status, body
    assert {"detail", "message", "code"} <= set(body)
    assert detail in (None, body["detail"])
    return body


async def test_registration_and_log_in(api: Api, db: Database) -> None:
    draft = registration(description="Люблю горы", status="в пути")
    answer = await api.post(REGISTER, draft)
    assert (answer.status, await answer.json()) == (200, {"detail": "success"})

    entered = await log_in(api, draft["email"].upper())
    body = await entered.json()
    assert entered.status == 200
    assert body == {"token": body["token"], "type": "Bearer"}
    for authorization in (body["token"], f"Bearer {body['token']}", f"bearer {body['token']}"):
        headers = {"Authorization": authorization}
        found = await api.get("/users/user/", params={"username": draft["username"]}, headers=headers)
        (person,) = await found.json()
        assert (person["description"], person["status"]) == ("Люблю горы", "в пути")
    assert await db.value("select door from sessions") == "messenger"


async def test_description_and_status_may_be_left_out(api: Api) -> None:
    for further in ({}, {"description": None, "status": None}, {"description": "", "status": ""}):
        assert (await api.post(REGISTER, registration(**further))).status == 200
    longest = registration(description="о" * 190, status="с" * 30, username=uuid.uuid4().hex[:20])
    assert (await api.post(REGISTER, longest)).status == 200


async def test_a_form_is_accepted(api: Api) -> None:
    draft = registration()
    assert (await api.request("POST", REGISTER, data=draft)).status == 200
    answer = await api.request("POST", LOGIN.rstrip("/"), data={"email": draft["email"], "password": PASSWORD})
    assert answer.status == 200


@pytest.mark.parametrize(("language", "subject"), [("en-GB,en;q=0.8", "confirm"), (None, "одтвердите")])
async def test_the_confirmation_comes_in_the_callers_language(
    api: Api, sandbox_process: SandboxProcess, language: str | None, subject: str
) -> None:
    draft = registration()
    await api.post(REGISTER, draft, language=language)
    assert subject in (await sandbox_process.wait_for_mail(draft["email"]))["subject"]


async def test_invalid_fields_are_named(api: Api, db: Database) -> None:
    for change, field in (
        ({"username": "abc"}, "username"),
        ({"username": "a" * 21}, "username"),
        ({"username": "   a   "}, "username"),
        ({"username": "89161234567"}, "username"),
        ({"username": "a@b.ru"}, "username"),
        ({"username": ...}, "username"),
        ({"username": ["anna"]}, "username"),
        ({"email": "no-address"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"email": ...}, "email"),
        ({"email": f"{'a' * 300}@example.org"}, "email"),
        ({"password": "short77"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "a" * 129}, "password"),
        ({"password": ...}, "password"),
        ({"password": 12345678}, "password"),
        ({"description": "a" * 191}, "description"),
        ({"description": {}}, "description"),
        ({"status": "a" * 31}, "status"),
        ({"status": "a\0b"}, "status"),
    ):
        body = await refused(await api.post(REGISTER, registration(**change)), 422)
        assert set(body["errors"]) == {field}, change
    assert await db.value("select count(*) from accounts") == 0


async def test_all_invalid_fields_are_named_at_once(api: Api) -> None:
    body = await refused(await api.post(REGISTER, {}), 422)
    assert set(body["errors"]) == {"username", "email", "password"}


@as_subtests
@pytest.mark.parametrize("content", [b"{", b"[1]", b'"text"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(api: Api, content: bytes) -> None:
    for path in (REGISTER, LOGIN):
        answer = await api.request("POST", path, data=content, headers={"Content-Type": "application/json"})
        assert answer.status in (400, 422)
        await refused(answer, answer.status)


async def test_a_taken_name_or_email_is_refused_with_the_documented_text(api: Api) -> None:
    first = registration()
    assert (await api.post(REGISTER, first)).status == 200
    for change, fields in (
        ({"username": first["username"].upper()}, {"username"}),
        ({"email": first["email"].upper()}, {"email"}),
        ({"username": first["username"], "email": first["email"]}, {"username", "email"}),
    ):
        body = await refused(await api.post(REGISTER, registration(**change)), 400, "User already exist.")
        assert set(body["errors"]) == fields


async def test_one_of_two_concurrent_registrations_succeeds(api: Api, db: Database) -> None:
    draft = registration()
    answers = await asyncio.gather(*(api.post(REGISTER, draft) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
    assert await db.value("select count(*) from accounts") == 1


async def test_registration_never_creates_staff(api: Api, db: Database) -> None:
    assert (await api.post(REGISTER, registration(role="owner", is_staff=True, id=7, is_active=False))).status == 200
    assert await db.value("select count(*) from accounts where role is null and is_active and id <> 7") == 1


async def test_a_failed_log_in_does_not_reveal_whether_the_account_exists(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    wrong = await refused(await log_in(api, person.email, "Wrong-guess-77"), 401)
    unknown = await refused(await log_in(api, "unknown@example.org", "Wrong-guess-77"), 401)
    others = await refused(await log_in(api, person.email, other.password + "x"), 401)
    assert wrong == unknown == others
    assert (await log_in(api, person.email, "x")).headers["WWW-Authenticate"] == "Bearer"


async def test_a_login_needs_an_email_and_a_password(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for body, field in (
        ({"email": person.email}, "email"),
        ({"password": PASSWORD}, "password"),
        ({"email": "no-address", "password": PASSWORD}, ""),
        ({"email": [person.email], "password": PASSWORD}, ""),
        ({"email": person.email, "password": None}, ""),
    ):
        told = await refused(await api.post(LOGIN, body), 422)
        assert told["errors"], field


async def test_accounts_of_other_dialects_can_log_in(api: Api, factory: Factory) -> None:
    star = await factory.star()
    answer = await log_in(api, star.email)
    assert answer.status == 200
    headers = {"Authorization": (await answer.json())["token"]}
    assert (await (await api.get("/api/personal/", headers=headers)).json())["id"] == star.id


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("ru-RU,ru;q=0.9", "RU"),
        ("en-gb", "GB"),
        ("zh-Hant-TW", "TW"),
        ("es-419,es", "419"),
        ("ru", "ru"),
        ("DE;q=0.5", "de"),
        ("", "ru"),
        ("*", "ru"),
        ("-", "ru"),
        ("<script>-RU", "ru"),
        ("a" * 5000, "ru"),
    ],
)
def test_a_country_is_read_from_the_first_language(header: str, place: str) -> None:
    assert country_or_language(header) == place


async def test_the_client_reads_its_address_and_country(api: Api) -> None:
    answer = await api.get("/auth/current_ip/", headers={"Accept-Language": "kk-KZ"})
    assert (answer.status, await answer.json()) == (200, {"detail": "KZ", "ip": "127.0.0.1"})
    forged = await api.get("/auth/current_ip/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (await forged.json())["ip"] == "127.0.0.1"
    assert (await refused(await api.post("/auth/current_ip/"), 405))["code"]


async def test_a_number_is_not_accepted_as_a_text(api: Api, factory: Factory) -> None:
    for field, value in {"username": 12345, "email": 5, "description": 1.5, "status": 7, "password": 12345678}.items():
        body = await refused(await api.post(REGISTER, registration(**{field: value})), 422)
        assert list(body["errors"]) == [field]
    one, other = await factory.person("olga5"), await factory.person("petr5")
    chat = await api.post("/private/start-chat/", {"recipient_id": str(other.id), "text": "Привет"}, as_=one)
    add = f"/private/add-message/{(await chat.json())['chat_id']}/"
    assert list((await refused(await api.post(add, {"text": 5}, as_=one), 422))["errors"]) == ["text"]
    again = {"recipient_id": other.id, "text": 5}
    assert list((await refused(await api.post("/private/start-chat/", again, as_=one), 422))["errors"]) == ["text"]
