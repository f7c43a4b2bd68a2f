"""Registration, log-in and validation of tokens in the identity dialect (docs/dialects/identity.md)."""

from __future__ import annotations

import uuid
from typing import Any

import jwt
import pytest
from aiohttp import ClientResponse

from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.subtests import as_subtests

REGISTRATION = "/authorization/registration"


def registration(**changes: Any) -> dict[str, Any]:
    draft = {
        "phone_number": "+79161583866",
        "email": f"Andr-{uuid.uuid4().hex[:8]}@Example.com",
        "hash_password": PASSWORD,
    }
    return {name: value for name, value in {**draft, **changes}.items() if value is not None}


async def must_be_pair(answer: ClientResponse) -> dict[str, str]:
    assert answer.status == 200, await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    pair: dict[str, str] = await answer.json()
    assert set(pair) == {"access", "refresh"}
    return pair


async def test_registration_issues_tokens_for_two_hours_and_a_month(api: Api) -> None:
    draft = registration()
    pair = await must_be_pair(await api.post(REGISTRATION, draft))
    access, refresh = (jwt.decode(pair[name], options={"verify_signature": False}) for name in ("access", "refresh"))
    assert access["exp"] - access["iat"] == 7200
    assert refresh["exp"] - refresh["iat"] == 30 * 86_400
    assert (access["mode"], access["user_name"]) == ("access_token", draft["email"].lower())
    me = await (await api.get("/api/v1/users/me/", headers={"Authorization": pair["access"]})).json()
    assert (me["phone"], me["email"]) == ("+79161583866", draft["email"].lower())
    assert "andr" not in me["username"], "a name that everybody sees says nothing of the mailbox"


@as_subtests
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": ""}, "phone_number"),
        ({"phone_number": "  "}, "phone_number"),
        ({"phone_number": 0}, "phone_number"),
        ({"phone_number": "+1"}, "phone_number"),
        ({"email": None}, "email"),
        ({"email": "andr"}, "email"),
        ({"email": f"{'a' * 95}@example.com"}, "email"),
        ({"hash_password": None}, "hash_password"),
        ({"hash_password": "qwerty123"}, "hash_password"),
    ],
)
async def test_a_registration_with_a_wrong_field_says_which(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await api.post(REGISTRATION, registration(**change))
    assert answer.status == 422
    body = await answer.json()
    assert body["detail"] == body["message"]
    assert set(body["errors"]) == {field}


async def test_taken_values_are_400(api: Api) -> None:
    draft = registration()
    await api.post(REGISTRATION, draft)
    for again in ({**draft, "email": "other@example.com"}, {**draft, "phone_number": "+79161583867"}):
        answer = await api.post(REGISTRATION, again)
        assert answer.status == 400
        (field,) = (await answer.json())["errors"]
        assert field in ("email", "phone_number")


async def test_log_in_by_email_or_phone_in_any_spelling(api: Api, factory: Factory) -> None:
    person = await factory.person(phone="+79161583866")
    for email in (person.email, person.email.upper()):
        await must_be_pair(await api.post("/authorization/login/email", {"email": email, "hash_password": PASSWORD}))
    for phone in ("+79161583866", "89161583866", 9161583866):
        body = {"phone_number": phone, "hash_password": PASSWORD}
        await must_be_pair(await api.post("/authorization/login/phone/number", body))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/authorization/login/email", {"email": "unknown@example.com", "hash_password": PASSWORD}),
        ("/authorization/login/phone/number", {"phone_number": "+79990000000", "hash_password": PASSWORD}),
    ],
)
async def test_a_wrong_log_in_is_401_and_an_incomplete_one_422(api: Api, path: str, body: dict[str, Any]) -> None:
    answer = await api.post(path, body)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (await answer.json())["code"] == "login_refused"
    for gone in body:
        answer = await api.post(path, {name: value for name, value in body.items() if name != gone})
        assert (answer.status, set((await answer.json())["errors"])) == (422, {gone})


async def test_tokens_are_valid_for_their_kind(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="identity")
    answer = await api.get("/validate/jwt/access", params={"access": person.token})
    assert (answer.status, await answer.json()) == (200, {"email": person.email})
    answer = await api.get("/validate/jwt/refresh", params={"refresh": str(person.refresh)})
    assert answer.headers["Cache-Control"] == "no-store"
    body = await answer.json()
    assert (answer.status, body["email"], set(body)) == (200, person.email, {"email", "access"})
    answer = await api.get("/validate/jwt/access", params={"access": body["access"]})
    assert await answer.json() == {"email": person.email}


async def test_other_tokens_are_invalid(api: Api, factory: Factory) -> None:
    person, gone = await factory.person(channel="identity"), await factory.person(channel="identity")
    await api.post("/api/auth/logout/", as_=gone)
    for kind, tokens in (
        ("access", (str(person.refresh), gone.token, "", "x", f"{person.token}x", "я" * 50)),
        ("refresh", (person.token, str(gone.refresh), "", "x", "a.b.c")),
    ):
        for token in tokens:
            answer = await api.get(f"/validate/jwt/{kind}", params={kind: token})
            assert (answer.status, await answer.text()) == (200, "false")
        assert await (await api.get(f"/validate/jwt/{kind}")).json() is False
