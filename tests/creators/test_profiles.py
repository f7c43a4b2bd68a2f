"""Creators' profiles in the market dialect (docs/dialects/market.md#accounts-and-users, D27 and D30)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import FormData, web

from mystar.accounts.keys import ACCOUNTS
from mystar.creators.keys import CREATORS
from mystar.creators.model import CreatorUnknown
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture

OWN = "/api/v1/users/me/creator-profile/"
LINKS = {"instagram": "comet", "behance": "https://www.behance.net/comet", "dribbble": "string"}
DRAFT = {
    "specialization": "Логотипы",
    "experience": "Десять лет в студии",
    "portfolio_link": "https://example.com/comet",
    "social_links": LINKS,
}


async def profile_id(app: web.Application, person: Person) -> int:
    return (await app[CREATORS].by_account(person.id)).id


async def test_a_profile_has_the_fields_of_the_document(api: Api, factory: Factory) -> None:
    person = await factory.person()
    answer = await api.post(OWN, DRAFT, as_=person)
    made = await answer.json()
    assert answer.status == 201, made
    assert made["user"] == {
        "id": person.id,
        "username": person.username,
        "first_name": "",
        "last_name": "",
        "bio": "",
        "location": "",
        "avatar": None,
    }
    assert {name: made[name] for name in DRAFT} == DRAFT
    assert (made["rating"], made["completed_orders"]) == (0, 0)
    assert (made["price"], made["category_id"], made["tags"]) == (None, None, [])
    assert (await (await api.get("/api/v1/users/me/", as_=person)).json())["creator_profile_id"] == made["id"]
    assert await (await api.get(f"/api/v1/creators/{made['id']}/")).json() == made


async def test_a_profile_and_its_avatar_change_together_or_not_at_all(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person = await factory.star()
    own_id = await profile_id(app, person)
    await app[DATABASE].execute("alter table accounts add constraint no_avatars check (avatar_id is null) not valid")

    async def change(path: str, part: str, **fields: str) -> int:
        form = FormData(fields)
        form.add_field(part, picture(), filename="me.jpg", content_type="image/jpeg")
        return (await api.patch(path, data=form, as_=person)).status

    assert await change("/api/v1/users/me/", "avatar", first_name="Кира") == 500
    assert await change(f"/api/client-profiles/{person.id}/", "avatar", first_name="Кира") == 500
    assert await change(f"/api/creator-profiles/{own_id}/", "avatar", specialization="Монтаж", bio="о себе") == 500
    assert await change(f"/api/profiles/profiles/{person.id}/", "photo", first_name="Кира") == 500
    me = await (await api.get("/api/v1/users/me/", as_=person)).json()
    page = await (await api.get(f"/api/v1/creators/{own_id}/")).json()
    assert (me["first_name"], me["bio"], me["avatar"], page["specialization"]) == ("", "", None, "")
    assert await app[DATABASE].value("select count(*) from files") == 0

    await app[DATABASE].execute("alter table accounts drop constraint no_avatars")
    assert await change(f"/api/creator-profiles/{own_id}/", "avatar", specialization="Монтаж", bio="о себе") == 200
    me = await (await api.get("/api/v1/users/me/", as_=person)).json()
    assert (me["bio"], me["avatar"] is None) == ("о себе", False)


async def test_a_profile_is_changed_by_its_id_with_the_account(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person, other = await factory.star(), await factory.star()
    where = f"/api/creator-profiles/{await profile_id(app, person)}/"
    nested = {"user": {"first_name": "Кира", "last_name": "К", "bio": "о себе"}, "location_write": "Казань"}
    answer = await api.patch(where, nested | {"specialization": "Монтаж"}, as_=person)
    shown = await answer.json()
    assert answer.status == 200, shown
    assert {name: shown["user"][name] for name in nested["user"]} == nested["user"]
    assert (shown["user"]["location"], shown["specialization"]) == ("Казань", "Монтаж")

    form = FormData({"user.last_name": "Котова", "social_links": '{"vk": "kira"}'})
    form.add_field("avatar", picture(), filename="me.jpg", content_type="image/jpeg")
    shown = await (await api.patch(where, data=form, as_=person)).json()
    assert (shown["user"]["last_name"], shown["social_links"]) == ("Котова", {"vk": "kira"})
    assert (await api.get(shown["user"]["avatar"])).status == 200

    assert (await api.patch(where, nested, as_=other)).status == 404
    assert (await api.get(where)).status == 200
    wrong = await api.patch(where, {"user": {"first_name": "x" * 151}, "specialization": "Иное"}, as_=person)
    assert (wrong.status, list((await wrong.json())["errors"])) == (422, ["first_name"])
    taken = await api.patch(where, {"category_id": 999, "user": {"bio": "иное"}}, as_=person)
    assert taken.status == 422
    assert (await (await api.get(where)).json()) == shown


async def test_all_fields_are_optional_and_a_second_profile_is_a_conflict(api: Api, factory: Factory) -> None:
    person = await factory.person()
    answer = await api.post(OWN, {}, as_=person)
    assert (answer.status, (await answer.json())["social_links"]) == (201, {})
    answer = await api.post(OWN, DRAFT, as_=person, language="en")
    assert (answer.status, (await answer.json())["code"]) == (409, "creator_exists")
    assert (await (await api.get(OWN, as_=person)).json())["specialization"] == ""


async def test_of_two_concurrent_profiles_one_is_a_conflict(api: Api, factory: Factory) -> None:
    for _ in range(3):
        person = await factory.person()
        answers = await asyncio.gather(*(api.post(OWN, DRAFT, as_=person) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


async def test_a_patch_changes_given_fields_only(api: Api, db: Database, factory: Factory) -> None:
    person = await factory.person()
    made = await (await api.post(OWN, DRAFT, as_=person)).json()
    await db.execute("update creators set updated_at = updated_at - interval '1 second'")
    answer = await api.patch(OWN, {"experience": "Одиннадцать лет", "social_links": {}}, as_=person)
    changed = await answer.json()
    assert answer.status == 200
    assert changed["updated_at"] >= made["updated_at"]
    same = {**made, "experience": "Одиннадцать лет", "social_links": {}, "updated_at": changed["updated_at"]}
    assert changed == same


async def test_social_links_may_be_a_list(api: Api, factory: Factory) -> None:
    links = [{"name": "instagram", "url": "https://instagram.com/comet"}, {"name": "vk", "url": "comet"}]
    answer = await api.post(OWN, {"social_links": links}, as_=await factory.person())
    assert (await answer.json())["social_links"] == {"instagram": "https://instagram.com/comet", "vk": "comet"}


async def test_a_price_and_a_category_make_a_star(api: Api, factory: Factory) -> None:
    person, category_id = await factory.person(), await factory.category()
    await api.post(OWN, {"price": 15000, "profession": "Певица", "tags": ["рок"]}, as_=person)

    async def sells() -> list[Any]:
        return [one["username"] for one in await (await api.get("/api/star/getlist/")).json()]

    assert await sells() == []
    terms = {"category_id": category_id, "days": 5, "tags": ["Рок", "юмор"], "invitation_price": "20000.50"}
    answer = await api.patch(OWN, terms, as_=person)
    page = await answer.json()
    assert answer.status == 200, page
    assert (page["price"], page["invitation_price"], page["days"]) == ("15000.00", "20000.50", 5)
    assert (page["category_id"], page["tags"], page["profession"]) == (category_id, ["рок", "юмор"], "Певица")
    assert await sells() == [person.username]


WRONG: list[tuple[str, Any]] = [
    ("price", 0),
    ("price", "many"),
    ("price", -5),
    ("price", True),
    ("category_id", 999),
    ("category_id", "x"),
    ("days", 366),
    ("days", -1),
    ("tags", "рок"),
    ("tags", [""]),
    ("tags", ["x" * 51]),
    ("tags", ["рок"] * 31),
    ("portfolio_link", "javascript:alert(1)"),
    ("portfolio_link", "two words"),
    ("portfolio_link", "x" * 501),
    ("specialization", "x" * 201),
    ("specialization", ["x"]),
    ("social_links", "string"),
    ("social_links", ["instagram"]),
    ("social_links", {"instagram": 5}),
    ("social_links", {"instagram": "data:text/html,x"}),
    ("social_links", {"": "x"}),
    ("social_links", [{"url": "x"}]),
    ("social_links", {str(number): "x" for number in range(21)}),
]


async def test_invalid_fields_of_a_profile_are_refused_by_name(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for number, (field, value) in enumerate(WRONG):
        answer = await api.post(OWN, {**DRAFT, field: value}, as_=person, language=("ru", "en")[number % 2])
        body = await answer.json()
        assert (answer.status, [name.partition(".")[0] for name in body["errors"]]) == (422, [field]), (value, body)
    assert (await api.get(OWN, as_=person)).status == 404


async def test_ratings_in_the_body_are_ignored(api: Api, app: web.Application, factory: Factory) -> None:
    person, other = await factory.person(), await factory.star()
    forged = {
        "id": 1,
        "account_id": other.id,
        "user": {"id": other.id},
        "rating": 5,
        "rating_sum": 500,
        "rating_count": 100,
        "completed_orders": 100,
        "likes": 100,
        "likes_count": 100,
        "is_top": True,
        "video_id": 1,
        "created_at": "2001-01-01T00:00:00Z",
    }
    made = await (await api.post(OWN, {**DRAFT, **forged}, as_=person)).json()
    changed = await (await api.patch(OWN, forged, as_=person)).json()
    for page in (made, changed):
        assert (page["user"]["id"], page["rating"], page["rating_count"], page["likes"]) == (person.id, 0, 0, 0)
        assert (page["completed_orders"], page["is_top"]) == (0, False)
        assert page["created_at"] == made["created_at"] > "2020"


async def test_reading_and_changing_need_a_profile(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for answer in (
        await api.get(OWN, as_=person),
        await api.patch(OWN, DRAFT, as_=person),
        await api.get("/api/v1/creators/999/"),
        await api.get("/api/v1/creators/999/", params={"detail": "true"}),
    ):
        assert (answer.status, (await answer.json())["code"]) == (404, "creator_unknown")
    for method in ("GET", "POST", "PATCH"):
        answer = await api.request(method, OWN)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_the_detail_has_skills_and_works(
    api: Api, app: web.Application, creator: Person, skills: list[int]
) -> None:
    await api.post("/api/creator-skills/", {"skill": skills[0], "level": 4}, as_=creator)
    path = f"/api/v1/creators/{await profile_id(app, creator)}/"
    plain = await (await api.get(path)).json()
    assert "skills" not in plain
    detailed = await (await api.get(path, params={"detail": "true"})).json()
    (skill,) = detailed.pop("skills")
    assert (skill["skill"]["name"], skill["level"]) == ("Photoshop", 4)
    assert detailed.pop("portfolio") == []
    assert detailed == plain
    assert (await api.get(path, params={"detail": "perhaps"})).status == 422


async def test_creators_are_listed_best_first_without_blocked_ones(
    api: Api, app: web.Application, factory: Factory
) -> None:
    plain, loved, top, blocked = [await factory.star() for _ in range(4)]
    staff = actor(await factory.staff(), "owner")
    await app[CREATORS].rate(actor(plain), loved.id, 5)
    await app[CREATORS].set_top(staff, await profile_id(app, top), True)
    await app[DATABASE].execute("update accounts set is_active = false where id = %(id)s", id=blocked.id)
    page = await (await api.get("/api/v1/creators/", params={"page_size": 2})).json()
    assert page["count"] == 3
    assert [one["user"]["id"] for one in page["results"]] == [top.id, loved.id]
    assert [(one["is_top"], one["rating"]) for one in page["results"]] == [(True, 0), (False, 5)]
    page = await (await api.get(page["next"])).json()
    assert [one["user"]["id"] for one in page["results"]] == [plain.id]
    assert (await api.get(f"/api/v1/creators/{await profile_id(app, blocked)}/")).status == 404
    await app[CREATORS].set_top(staff, await profile_id(app, top), False)
    assert (await app[CREATORS].by_account(top.id)).is_top is False
    with pytest.raises(CreatorUnknown):
        await app[CREATORS].set_top(staff, 999, True)
    assert app[ACCOUNTS]


async def test_older_addresses_give_the_same_answers(api: Api, app: web.Application, factory: Factory) -> None:
    person = await factory.person()
    made = await (await api.post("/api/creator-profile/", DRAFT, as_=person)).json()
    paths = ("/api/creator-profiles/me/", "/api/users/me/creator-profile", f"/api/creator-profiles/{made['id']}/")
    for path in paths:
        assert await (await api.get(path, as_=person)).json() == made
    found = await (await api.get("/api/creator-profiles/", params={"user": person.id})).json()
    assert [one["id"] for one in found["results"]] == [made["id"]]
    found = await (await api.get("/api/creators/", params={"user": person.id + 99})).json()
    assert (found["count"], found["results"]) == (0, [])


async def test_creating_a_profile_honours_the_idempotency_key(api: Api, factory: Factory) -> None:
    person, headers = await factory.person(), {"Idempotency-Key": "profile"}
    answers = [await api.post(OWN, DRAFT, as_=person, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].json() == await answers[1].json()
