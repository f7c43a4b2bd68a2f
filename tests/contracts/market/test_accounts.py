"""Registration, the mailed confirmation, passwords and sessions in the market dialect (docs/dialects/market.md)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from aiohttp import ClientResponse
from yarl import URL

from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests

ME = "/api/v1/users/me/"
SESSIONS = f"{ME}sessions/"
NEW = "Another-Word-For-Mum-8"
SEEN_BY_ONESELF = {
    "id": int,
    "username": str,
    "email": str,
    "first_name": str,
    "last_name": str,
    "full_name": str,
    "phone": str,
    "bio": str,
    "is_verified": bool,
    "location": str,
    "user_type": str,
    "date_joined": str,
    "has_creator_profile": bool,
    "creator_profile_id": type(None),
    "has_client_profile": bool,
    "locale": str,
    "time_zone": type(None),
}


def draft_account(**changes: Any) -> dict[str, Any]:
    name = f"olga-{uuid.uuid4().hex[:10]}"
    draft = {
        "username": name,
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "first_name": "Ольга",
        "last_name": "Петрова",
    }
    return {name: value for name, value in {**draft, **changes}.items() if value is not None}


async def register(api: Api, **changes: Any) -> ClientResponse:
    return await api.post("/api/auth/register/", draft_account(**changes))


async def mailed_link(sandbox: SandboxProcess, email: str) -> URL:
    mail = await sandbox.wait_for_mail(email)
    line = next(line for line in mail["text"].splitlines() if "/api/auth/verify-email/" in line)
    return URL(line.strip())


async def test_registration_returns_the_account_which_can_log_in_before_confirmation(api: Api) -> None:
    draft = draft_account(is_staff=True, role="owner", password_confirm=PASSWORD, phone="89161583866")
    answer = await api.post("/api/auth/register/", draft)
    assert answer.status == 201
    person = await answer.json()
    assert set(person) == {"id", "username", "email", "first_name", "last_name"}
    assert (person["username"], person["first_name"], person["last_name"]) == (draft["username"], "Ольга", "Петрова")
    pair = await (await api.post("/api/auth/token/", {"username": draft["username"], "password": PASSWORD})).json()
    me = await (await api.get(ME, headers={"Authorization": f"Bearer {pair['access']}"})).json()
    assert (me["id"], me["is_verified"], me["user_type"], me["full_name"]) == (
        person["id"],
        False,
        "Клиент",
        "Ольга Петрова",
    )
    assert me["phone"] == "+79161583866"


@pytest.mark.parametrize(
    ("given", "shown"), [("creator", "Креатор"), ("Креатор", "Креатор"), ("client", "Клиент"), ("", "Клиент")]
)
async def test_a_creator_profile_is_created_with_the_account(api: Api, given: str, shown: str) -> None:
    draft = draft_account(user_type=given)
    assert (await api.post("/api/auth/register/", draft)).status == 201
    pair = await (await api.post("/api/auth/token/", {"username": draft["username"], "password": PASSWORD})).json()
    me = await (await api.get(ME, headers={"Authorization": f"Bearer {pair['access']}"})).json()
    assert (me["user_type"], me["has_creator_profile"]) == (shown, shown == "Креатор")


@as_subtests
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": None}, "username"),
        ({"email": None}, "email"),
        ({"email": "olga"}, "email"),
        ({"password": "qwerty123"}, "password"),
        ({"password": "short"}, "password"),
        ({"password": 12345678}, "password"),
        ({"password_confirm": "Another-Word-For-Mum-8"}, "password_confirm"),
        ({"phone": "123"}, "phone"),
        ({"first_name": "x" * 151}, "first_name"),
    ],
)
async def test_invalid_fields_of_a_registration_are_named(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await register(api, **change)
    assert answer.status == 422
    assert set((await answer.json())["errors"]) == {field}


async def test_taken_values_are_a_conflict_by_field_in_any_spelling(api: Api) -> None:
    first = draft_account(phone="+79161583866")
    assert (await api.post("/api/auth/register/", first)).status == 201
    again = {"username": first["username"].upper(), "email": first["email"].upper(), "phone": "9161583866"}
    answer = await register(api, **again)
    assert answer.status == 409
    assert set((await answer.json())["errors"]) == {"username", "email", "phone"}


async def test_the_mailed_link_confirms_once_and_can_be_opened_again(api: Api, sandbox_process: SandboxProcess) -> None:
    draft = draft_account()
    await api.post("/api/auth/register/", draft)
    link = await mailed_link(sandbox_process, draft["email"])
    assert (await api.request("HEAD", str(link))).status == 200, "a mail program that only looks"
    for _ in range(2):
        answer = await api.get(str(link))
        assert (answer.status, await answer.json()) == (200, {"message": "Email успешно подтвержден"})
    answer = await api.post("/api/auth/verify-email/", {"token": link.query["token"]})
    assert (answer.status, await answer.json()) == (200, {"message": "Email успешно подтвержден"})
    pair = await (await api.post("/api/auth/token/", {"username": draft["email"], "password": PASSWORD})).json()
    assert (await (await api.get(ME, headers={"Authorization": pair["access"]})).json())["is_verified"] is True


async def test_a_browser_gets_html_pages(api: Api, sandbox_process: SandboxProcess) -> None:
    draft, browser = draft_account(), {"Accept": "text/html"}
    await api.post("/api/auth/register/", draft)
    answer = await api.get(str(await mailed_link(sandbox_process, draft["email"])), headers=browser)
    assert (answer.status, answer.content_type) == (200, "text/html")
    answer = await api.get("/api/auth/verify-email/?token=nonsense", headers=browser)
    assert (answer.status, answer.content_type) == (400, "text/html")


@pytest.mark.parametrize("token", ["nonsense", "0" * 48])
async def test_a_token_that_was_not_mailed_confirms_nothing(api: Api, token: str) -> None:
    for answer in (
        await api.post("/api/auth/verify-email/", {"token": token}),
        await api.get("/api/auth/verify-email/", params={"token": token}),
    ):
        assert answer.status == 400
        assert (await answer.json())["code"] == "confirm_link_unknown"


async def test_a_link_without_a_token_is_a_wrong_field(api: Api) -> None:
    assert (await api.post("/api/auth/verify-email/", {})).status == 422
    assert (await api.get("/api/auth/verify-email/")).status == 422
    assert (await api.post("/api/auth/verify-email/resend/", {"email": "x"})).status == 422


async def test_a_confirmation_link_can_be_requested_again(api: Api, sandbox_process: SandboxProcess) -> None:
    draft = draft_account()
    await api.post("/api/auth/register/", draft)
    first = await mailed_link(sandbox_process, draft["email"])
    await sandbox_process.clear_mails()
    assert (await api.post("/api/auth/verify-email/resend/", {"email": draft["email"].upper()})).status == 200
    second = await mailed_link(sandbox_process, draft["email"])
    assert second != first
    assert (await api.get(str(second))).status == 200


async def test_users_me_has_every_field_of_the_document(api: Api, factory: Factory) -> None:
    person, star = await factory.person(), await factory.star()
    for path in (ME, "/api/users/me/", "/api/auth/user/", "/api/v1/users/me"):
        me = await (await api.get(path, as_=person)).json()
        assert {name: type(value) for name, value in me.items() if not name.startswith("avatar")} == SEEN_BY_ONESELF
        assert (me["avatar"], me["avatar_sizes"], me["phone"], me["user_type"]) == (None, None, "", "Клиент")
        assert (me["has_creator_profile"], me["has_client_profile"]) == (False, True)
    me = await (await api.get(ME, as_=star)).json()
    assert (me["user_type"], me["has_creator_profile"]) == ("Креатор", True)
    assert isinstance(me["creator_profile_id"], int)
    assert (await api.get(ME)).status == 401


async def test_a_patch_of_users_me_changes_given_fields_only(api: Api, factory: Factory) -> None:
    person = await factory.person("ivan", first_name="Иван")
    change = {
        "last_name": " Петров ",
        "phone": "8 (916) 158-38-66",
        "bio": "Снимаю видео",
        "username": "x",
        "role": "owner",
    }
    answer = await api.patch(ME, change, as_=person)
    assert answer.status == 200
    me = await answer.json()
    assert (me["username"], me["full_name"], me["bio"], me["phone"]) == (
        "ivan",
        "Иван Петров",
        "Снимаю видео",
        "+79161583866",
    )
    me = await (await api.put("/api/users/me/", {"phone": ""}, as_=person)).json()
    assert (me["phone"], me["bio"]) == ("", "Снимаю видео")


async def test_a_client_profile_is_the_account(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    change = {"first_name": "Клим", "last_name": "К", "phone": "+79990000002", "bio": "о себе", "location": "Тула"}
    # Fields at the top win over those inside ``user``.
    nested = {"user": {"location": "Пермь"}}
    for path, sent in ((f"/api/client-profiles/{person.id}/", change), ("/api/client-profile/", change | nested)):
        answer = await api.patch(path, sent, as_=person)
        shown = await answer.json()
        assert answer.status == 200, shown
        assert {name: shown[name] for name in change} == change
        assert (shown["user"]["id"], shown["user"]["location"]) == (person.id, "Тула")
        assert await (await api.get(path, as_=person)).json() == shown
    assert (await (await api.get(ME, as_=person)).json())["location"] == "Тула"
    assert (await api.get(f"/api/client-profiles/{person.id}/", as_=other)).status == 404
    assert (await api.patch(f"/api/client-profiles/{person.id}/", {"bio": "x"}, as_=other)).status == 404
    assert (await api.get("/api/client-profile/")).status == 401


async def test_an_invalid_patch_of_users_me_changes_nothing(api: Api, factory: Factory) -> None:
    person = await factory.person()
    await factory.person(phone="+79161583866")
    for change, status, field in (
        ({"phone": "89161583866", "bio": "x"}, 409, "phone"),
        ({"phone": "12", "bio": "x"}, 422, "phone"),
        ({"bio": "x" * 2001}, 422, "bio"),
        ({"first_name": None, "bio": "x"}, 422, "first_name"),
    ):
        answer = await api.patch(ME, change, as_=person)
        assert (answer.status, set((await answer.json())["errors"])) == (status, {field})
    assert (await (await api.get(ME, as_=person)).json())["bio"] == ""
    assert (await api.patch(ME, {"bio": "x"})).status == 401


async def test_a_token_is_verified(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    answer = await api.post("/api/auth/token/verify/", {"token": person.token})
    assert (answer.status, await answer.json()) == (200, {})
    for wrong in (person.refresh, f"{person.token}x", ""):
        assert (await api.post("/api/auth/token/verify/", {"token": wrong})).status == 401
    assert (await api.post("/api/auth/token/verify/", {})).status == 422


async def test_a_changed_password_ends_every_session(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    path, right = "/api/auth/password/change/", {"old_password": PASSWORD, "new_password": NEW}
    for change, field in (
        ({**right, "old_password": "Wrong-Word-42"}, "old_password"),
        ({**right, "new_password": "qwerty123"}, "new_password"),
        ({"new_password": NEW}, "old_password"),
    ):
        answer = await api.post(path, change, as_=person)
        assert (answer.status, set((await answer.json())["errors"])) == (422, {field})
    answer = await api.post(path, right, as_=person)
    assert (answer.status, await answer.read()) == (204, b"")
    assert (await api.get(ME, as_=person)).status == 401
    assert (await api.post("/api/auth/token/refresh/", {"refresh": person.refresh})).status == 401
    assert (await api.post("/api/auth/token/", {"username": person.email, "password": PASSWORD})).status == 401
    assert (await api.post("/api/auth/token/", {"username": person.email, "password": NEW})).status == 200
    assert (await api.post(path, right)).status == 401


async def test_sessions_are_listed_and_ended(api: Api, factory: Factory) -> None:
    person, other = await factory.person(channel="market"), await factory.person(channel="market")
    log_in = {"username": person.email, "password": PASSWORD}
    phone = await (await api.post("/api/auth/token/", log_in, headers={"User-Agent": "Телефон"})).json()
    page = await (await api.get(SESSIONS, as_=person)).json()
    assert (page["count"], page["next"], page["previous"]) == (2, None, None)
    newest, oldest = page["results"]
    assert (newest["user_agent"], newest["door"], newest["is_current"]) == ("Телефон", "market", False)
    assert oldest["is_current"] is True
    assert (await api.delete(f"{SESSIONS}{newest['id']}/", as_=other)).status == 404
    assert (await api.delete(f"{SESSIONS}{newest['id']}/")).status == 401
    assert (await api.delete(f"{SESSIONS}{newest['id']}/", as_=person)).status == 204
    assert (await api.delete(f"/api/users/me/sessions/{newest['id']}", as_=person)).status == 404
    assert (await api.delete(f"{SESSIONS}not-an-id/", as_=person)).status == 422
    assert (await api.get(ME, headers={"Authorization": phone["access"]})).status == 401
    assert (await (await api.get(SESSIONS, as_=person)).json())["count"] == 1


async def test_sessions_come_in_pages_with_links_that_work(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    for _ in range(4):
        await api.post("/api/auth/token/", {"username": person.email, "password": PASSWORD})
    seen, path = [], f"{api.url}{SESSIONS}?page_size=2"
    while path:
        page = await (await api.get(path, as_=person)).json()
        assert page["count"] == 5
        seen += [session["id"] for session in page["results"]]
        path = page["next"]
    assert len(seen) == len(set(seen)) == 5
    assert page["previous"] == f"{api.url}{SESSIONS}?page_size=2&page=2"
    assert (await api.get(SESSIONS, as_=person, params={"page": "4", "page_size": "2"})).status == 404
    for wrong in ({"page": "0"}, {"page_size": "101"}, {"page": "x"}):
        assert (await api.get(SESSIONS, as_=person, params=wrong)).status == 422
