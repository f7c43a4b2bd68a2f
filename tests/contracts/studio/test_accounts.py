"""Registration from eighteen on, and profiles, in the studio dialect (docs/dialects/studio.md, D34)."""

from __future__ import annotations

from datetime import date
from typing import Any

import aiohttp
import pytest

from mystar.kit.clock import Clock
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, picture
from tests.subtests import as_subtests

USERS, TOKEN = "/api/accounts/users/", "/api/token/"
TOO_YOUNG = ["Чтобы зарегистрироваться вам должно быть 18 лет"]
TODAY = Clock().today()
#: Eighteen years before a leap day is none.
IS_LEAP_DAY = (TODAY.month, TODAY.day) == (2, 29)
EIGHTEEN = date(TODAY.year - 18, 2, 28) if IS_LEAP_DAY else TODAY.replace(year=TODAY.year - 18)
A_DAY_SHORT = date.fromordinal(EIGHTEEN.toordinal() + 1 + IS_LEAP_DAY)


def draft(**changes: Any) -> dict[str, Any]:
    return {
        "phone_number": "87071234567",
        "password": PASSWORD,
        "birthdate": "1990-05-17",
        "first_name": "Айгерим",
        **changes,
    }


def profile_of(person_id: int) -> str:
    return f"/api/profiles/profiles/{person_id}/"


async def test_registration_creates_an_account_with_a_profile(api: Api) -> None:
    answer = await api.post(USERS, draft())
    assert answer.status == 201
    user = await answer.json()
    assert user == {"id": user["id"], "phone_number": "87071234567"}
    answer = await api.post(TOKEN, {"phone_number": "87071234567", "password": PASSWORD})
    headers = {"Authorization": f"Bearer {(await answer.json())['access']}"}
    answer = await api.get(profile_of(user["id"]), headers=headers)
    assert answer.status == 200
    age = TODAY.year - 1990 - ((TODAY.month, TODAY.day) < (5, 17))
    assert await answer.json() == {
        "id": user["id"],
        "user": user["id"],
        "birthdate": "1990-05-17",
        "first_name": "Айгерим",
        "last_name": "",
        "bio": "",
        "locale": "ru",
        "time_zone": None,
        "age": age,
        "photo": None,
    }
    answer = await api.get(USERS, headers=headers)
    assert (answer.status, await answer.json(), answer.headers["X-Total-Count"]) == (200, [user], "1")
    answer = await api.get(f"{USERS}{user['id']}/", headers=headers)
    assert (answer.status, await answer.json()) == (200, user)


async def test_a_form_registers_too(api: Api) -> None:
    assert (await api.request("POST", USERS, data=draft())).status == 201


async def test_registration_is_allowed_from_the_eighteenth_birthday(api: Api) -> None:
    answer = await api.post(USERS, draft(birthdate=A_DAY_SHORT.isoformat()))
    assert (answer.status, await answer.json()) == (400, TOO_YOUNG)
    answer = await api.post(USERS, draft(birthdate=A_DAY_SHORT.isoformat()), language="en")
    assert await answer.json() == ["You must be 18 years old to register"]
    assert (await api.post(USERS, draft(birthdate=EIGHTEEN.isoformat()))).status == 201


@as_subtests
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": "0"}, "phone_number"),
        ({"phone_number": "+770712345678901"}, "phone_number"),
        ({"phone_number": "call me"}, "phone_number"),
        ({"password": "12345"}, "password"),
        ({"birthdate": "17.05.1990"}, "birthdate"),
        ({"birthdate": "1890-01-01"}, "birthdate"),
        ({"birthdate": "2999-01-01"}, "birthdate"),
        ({"birthdate": None}, "birthdate"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "я" * 151}, "first_name"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, changes: dict[str, Any], field: str) -> None:
    answer = await api.post(USERS, draft(**changes))
    assert (answer.status, list(await answer.json())) == (400, [field])


async def test_every_missing_field_is_named(api: Api) -> None:
    answer = await api.post(USERS, {})
    assert (answer.status, set(await answer.json())) == (400, set(draft()))


async def test_a_phone_belongs_to_one_account_in_any_spelling(api: Api) -> None:
    assert (await api.post(USERS, draft())).status == 201
    answer = await api.post(USERS, draft(phone_number="+77071234567"))
    assert (answer.status, list(await answer.json())) == (400, ["phone_number"])


async def test_other_accounts_cannot_be_read_or_changed(api: Api, factory: Factory) -> None:
    person, other = await factory.person(channel="studio"), await factory.person(channel="studio")
    for path in (f"{USERS}{other.id}/", profile_of(other.id), profile_of(10**9)):
        answer = await api.get(path, as_=person)
        assert (answer.status, set(await answer.json())) == (404, {"detail"})
    answer = await api.patch(profile_of(other.id), {"bio": "x"}, as_=person)
    assert answer.status == 404
    for path in (USERS, f"{USERS}{other.id}/", profile_of(other.id)):
        answer = await api.get(path)
        assert (answer.status, set(await answer.json())) == (401, {"detail"})
    assert (await api.patch(profile_of(person.id), {"bio": "x"})).status == 401
    assert (await api.get("/api/profiles/profiles/me/", as_=person)).status == 404


async def test_staff_can_read_a_profile_but_not_change_it(api: Api, factory: Factory) -> None:
    person, staff = await factory.person(birth_date=date(1990, 5, 17)), await factory.staff()
    assert (await (await api.get(profile_of(person.id), as_=staff)).json())["birthdate"] == "1990-05-17"
    assert (await api.patch(profile_of(person.id), {"bio": "x"}, as_=staff)).status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_every_field_of_a_profile_but_the_phone_can_be_changed(api: Api, factory: Factory, method: str) -> None:
    person = await factory.person(phone="87071234567", channel="studio")
    change = {
        "first_name": "Анна",
        "last_name": "Ким",
        "birthdate": EIGHTEEN.isoformat(),
        "bio": "Люблю сайты",
        "phone_number": "87079999999",
        "user": 1,
        "age": 99,
    }
    answer = await api.request(method, profile_of(person.id), json=change, as_=person)
    assert answer.status == 200
    profile = await answer.json()
    assert (profile["first_name"], profile["last_name"], profile["bio"]) == ("Анна", "Ким", "Люблю сайты")
    assert (profile["age"], profile["user"]) == (18, person.id)
    answer = await api.get(f"{USERS}{person.id}/", as_=person)
    assert (await answer.json())["phone_number"] == "87071234567"


async def test_a_photo_is_sent_in_a_form_with_the_other_fields(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="studio")
    form = aiohttp.FormData({"last_name": "Ким"})
    form.add_field("photo", picture("PNG"), filename="me.png", content_type="image/png")
    answer = await api.request("PATCH", profile_of(person.id), data=form, as_=person)
    assert answer.status == 200
    profile = await answer.json()
    assert (profile["last_name"], profile["photo"].startswith(api.url)) == ("Ким", True)
    assert (await api.get(profile["photo"])).status == 200


@as_subtests
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"birthdate": A_DAY_SHORT.isoformat()}, TOO_YOUNG),
        ({"birthdate": "2999-01-01"}, "birthdate"),
        ({"birthdate": "yesterday"}, "birthdate"),
        ({"bio": "я" * 501}, "bio"),
        ({"first_name": ""}, "first_name"),
        ([1], None),
    ],
)
async def test_an_invalid_change_is_refused(api: Api, factory: Factory, change: Any, refusal: Any) -> None:
    person = await factory.person(first_name="Анна", birth_date=date(1990, 5, 17))
    answer = await api.patch(profile_of(person.id), change, as_=person)
    said = await answer.json()
    assert answer.status == 400
    assert said == refusal or refusal is None or list(said) == [refusal]
    assert (await (await api.get(profile_of(person.id), as_=person)).json())["birthdate"] == "1990-05-17"


async def test_a_photo_must_be_a_picture(api: Api, factory: Factory) -> None:
    person = await factory.person()
    assert await _sent(api, person, "photo", b"<svg/>", "me.png") == (400, ["photo"])
    assert await _sent(api, person, "avatar", picture(), "me.jpeg") == (400, ["avatar"])


async def _sent(api: Api, person: Person, field: str, data: bytes, name: str) -> tuple[int, list[str]]:
    form = aiohttp.FormData()
    form.add_field(field, data, filename=name)
    answer = await api.request("PATCH", profile_of(person.id), data=form, as_=person)
    return answer.status, list(await answer.json())
