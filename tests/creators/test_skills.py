"""Skills and who has them (docs/dialects/market.md#skills-and-portfolio)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.creators.keys import CREATORS, SKILLS
from mystar.creators.model import MAX_SKILLS, SkillExists, SkillInUse, SkillUnknown
from mystar.errors import Forbidden
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.queries import load
from tests.conftest import Api
from tests.factory import Factory, Person, actor

QUERIES = load("mystar.creators")
OWN = "/api/creator-skills/"
BULK = OWN + "bulk_update/"


async def names(api: Api, **query: Any) -> list[str]:
    answer = await api.get("/api/skills/", params=query)
    assert answer.status == 200
    return [one["name"] for one in (await answer.json())["results"]]


async def levels(api: Api, person: Person, **query: Any) -> dict[str, int]:
    answer = await api.get(OWN, params=query, as_=person)
    assert answer.status == 200
    return {one["skill"]["name"]: one["level"] for one in (await answer.json())["results"]}


async def given(api: Api, person: Person, skill_id: int, level: int = 4) -> int:
    answer = await api.post(OWN, {"skill": skill_id, "level": level}, as_=person)
    assert answer.status == 201, await answer.text()
    return int((await answer.json())["id"])


async def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = await answer.json()
    assert (answer.status, body["code"]) == (status, code), body
    return body


async def test_skills_are_listed_by_name_in_pages(api: Api, skills: list[int]) -> None:
    page = await (await api.get("/api/skills/", params={"page_size": 2})).json()
    assert (page["count"], page["previous"], page["next"]) == (3, None, f"{api.url}/api/skills/?page_size=2&page=2")
    assert page["results"] == [
        {"id": skills[2], "name": "After Effects", "description": "Анимация"},
        {"id": skills[1], "name": "Illustrator", "description": "Векторная графика"},
    ]
    assert (await api.get("/api/skills/", params={"page": 2})).status == 404
    assert (await api.get("/api/skills/", params={"page_size": 101})).status == 422


async def test_a_search_reads_names_and_descriptions(api: Api, skills: list[int]) -> None:
    for search, found in (
        ("photo", ["Photoshop"]),
        ("ВЕКТОРНАЯ", ["Illustrator"]),
        ("  after   effects ", ["After Effects"]),
        ("то", ["Illustrator"]),
        ("тётя", []),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("", ["After Effects", "Illustrator", "Photoshop"]),
    ):
        assert await names(api, search=search) == found, search


async def test_a_list_and_a_search_use_an_index(db: Database) -> None:
    await db.execute(
        "insert into skills (name, key, words) select name, name, name"
        " from generate_series(1, 20000) n cross join lateral (select md5(n::text) as name) named"
    )
    await db.execute("analyze skills")
    for pattern, index in ((None, "skills_key_key"), ("%effects%", "skills_words_idx")):
        plan = await db.all(f"explain {QUERIES.skills}", pattern=pattern, limit=20, offset=0)
        assert index in str(plan)


async def test_a_skill_is_public_at_both_addresses(api: Api, skills: list[int]) -> None:
    for path in ("/api/skills/", "/api/v1/skills/"):
        answer = await api.get(f"{path}{skills[0]}/")
        assert await answer.json() == {
            "id": skills[0],
            "name": "Photoshop",
            "description": "Редактирование изображений",
        }
    await refused(await api.get(f"/api/skills/{skills[2] + 1}/", language="en"), 404, "skill_unknown")
    assert (await api.get("/api/skills/9999999999999999999/")).status == 404


async def test_the_list_of_skills_is_read_only_over_the_api(api: Api, skills: list[int], creator: Person) -> None:
    assert (await api.post("/api/skills/", {"name": "Mine"}, as_=creator)).status == 405
    assert (await api.delete(f"/api/skills/{skills[0]}/", as_=creator)).status == 405


async def test_staff_edit_skills(api: Api, app: web.Application, factory: Factory, skills: list[int]) -> None:
    service, staff = app[SKILLS], actor(await factory.staff("operator"), "operator")
    skill = await service.add(staff, "Blender", "3D")
    assert (await service.edit(staff, skill.id, description="Объёмная графика")).name == "Blender"
    assert await names(api, search="объёмная") == ["Blender"]
    with pytest.raises(SkillExists):
        await service.add(staff, " photoSHOP ")
    with pytest.raises(SkillExists):
        await service.edit(staff, skill.id, name="PHOTOSHOP")
    with pytest.raises(SkillUnknown):
        await service.edit(staff, skill.id + 1, name="Other")
    await service.delete(staff, skill.id)
    with pytest.raises(SkillUnknown):
        await service.delete(staff, skill.id)
    assert await names(api) == ["After Effects", "Illustrator", "Photoshop"]


@pytest.mark.parametrize("role", [None, "viewer"])
async def test_only_operators_edit_skills(
    api: Api, app: web.Application, factory: Factory, skills: list[int], role: Any
) -> None:
    service, person = app[SKILLS], actor(await factory.person(role=role), role)
    for action in (
        service.add(person, "Mine"),
        service.edit(person, skills[0], name="Mine"),
        service.delete(person, skills[0]),
        app[CREATORS].set_top(person, 1, True),
    ):
        with pytest.raises(Forbidden):
            await action


async def test_a_skill_in_use_is_not_deleted(
    api: Api, app: web.Application, factory: Factory, skills: list[int], creator: Person
) -> None:
    await given(api, creator, skills[0])
    with pytest.raises(SkillInUse):
        await app[SKILLS].delete(actor(await factory.staff(), "owner"), skills[0])


async def test_a_creator_adds_changes_and_removes_a_skill(
    api: Api, app: web.Application, skills: list[int], creator: Person
) -> None:
    answer = await api.post(OWN, {"skill": skills[0], "level": 4}, as_=creator)
    profile_id = (await app[CREATORS].by_account(creator.id)).id
    body = await answer.json()
    assert (answer.status, body) == (
        201,
        {
            "id": body["id"],
            "skill": {"id": skills[0], "name": "Photoshop", "description": "Редактирование изображений"},
            "level": 4,
            "creator_profile": profile_id,
        },
    )
    for method, level in (("PUT", 5), ("PATCH", 2)):
        answer = await api.request(method, f"{OWN}{body['id']}/", json={"level": level}, as_=creator)
        assert (answer.status, (await answer.json())["level"]) == (200, level)
    assert (await (await api.patch(f"{OWN}{body['id']}/", {}, as_=creator)).json())["level"] == 2
    assert (await api.put(f"{OWN}{body['id']}/", {}, as_=creator)).status == 422
    assert (await api.delete(f"{OWN}{body['id']}/", as_=creator)).status == 204
    await refused(await api.delete(f"{OWN}{body['id']}/", as_=creator), 404, "creator_skill_unknown")


async def test_the_profile_in_the_body_is_ignored(
    api: Api, app: web.Application, factory: Factory, skills: list[int], creator: Person
) -> None:
    other = await factory.star()
    other_id = (await app[CREATORS].by_account(other.id)).id
    draft = {"skill_id": str(skills[0]), "creator_profile": other_id, "creator_id": other_id, "id": 77}
    assert (await api.post(OWN, draft, as_=creator)).status == 201
    assert await levels(api, creator) == {"Photoshop": 1}
    assert await levels(api, other) == {}


async def test_the_same_skill_twice_is_a_conflict(api: Api, skills: list[int], creator: Person) -> None:
    await given(api, creator, skills[0])
    await refused(await api.post(OWN, {"skill": skills[0], "level": 1}, as_=creator), 409, "creator_skill_exists")


async def test_an_invalid_skill_or_level_is_refused(api: Api, creator: Person) -> None:
    no_skill: list[dict[str, Any]] = [{}, {"skill": "x"}, {"skill": 0}, {"skill": None}]
    no_level = [{"skill": 1, "level": value} for value in (0, 6, True, 4.5, "five", None)]
    for draft in no_skill + no_level:
        body = await refused(await api.post(OWN, draft, as_=creator), 422, "invalid")
        assert body["errors"], draft


async def test_adding_a_skill_needs_the_skill_and_a_profile(
    api: Api, factory: Factory, skills: list[int], creator: Person
) -> None:
    body = await refused(await api.post(OWN, {"skill": 999}, as_=creator), 400, "skill_not_found")
    assert body["error"] == "Навык с ID 999 не найден"
    body = await refused(
        await api.post(OWN, {"skill": skills[0]}, as_=await factory.person()), 400, "no_creator_profile"
    )
    assert body["error"] == "У вас нет профиля креатора"


async def test_skills_of_any_creator_are_visible_to_signed_in_accounts(
    api: Api, app: web.Application, factory: Factory, skills: list[int], creator: Person
) -> None:
    await given(api, creator, skills[0], 4)
    await given(api, creator, skills[1], 5)
    client, profile_id = await factory.person(), (await app[CREATORS].by_account(creator.id)).id
    for name in ("creator_profile_id", "creator_profile"):
        assert await levels(api, client, **{name: profile_id}) == {"Photoshop": 4, "Illustrator": 5}
    assert await levels(api, client) == {}
    assert await levels(api, client, creator_profile_id=profile_id + 99) == {}


async def test_only_the_creator_changes_its_skills(
    api: Api, factory: Factory, skills: list[int], creator: Person
) -> None:
    mine = await given(api, creator, skills[0])
    strangers = [await factory.person(), await factory.star(), await factory.staff()]
    for method, path, body in (
        ("PUT", f"{OWN}{mine}/", {"level": 1}),
        ("PATCH", f"{OWN}{mine}/", {"level": 1}),
        ("DELETE", f"{OWN}{mine}/", None),
    ):
        assert (await api.request(method, path, json=body)).status == 401
        for stranger in strangers:
            await refused(await api.request(method, path, json=body, as_=stranger), 404, "creator_skill_unknown")
    for method, path in (("GET", OWN), ("POST", OWN), ("POST", BULK)):
        assert (await api.request(method, path)).status == 401
    assert await levels(api, creator) == {"Photoshop": 4}


# bulk_update


async def test_a_bulk_update_adds_and_changes_skills(api: Api, skills: list[int], creator: Person) -> None:
    first = await given(api, creator, skills[0], 1)
    body = [
        {"skill_id": skills[2], "level": 4},
        {"skill_id": skills[0], "level": 3},
        {"skill": str(skills[1]), "level": 5},
    ]
    answer = await api.post(BULK, body, as_=creator)
    made = await answer.json()
    assert answer.status == 200, made
    assert [{**one, "id": 0} for one in made] == [
        {"id": 0, "skill_id": skills[2], "skill_name": "After Effects", "level": 4, "created": True},
        {"id": 0, "skill_id": skills[0], "skill_name": "Photoshop", "level": 3, "created": False},
        {"id": 0, "skill_id": skills[1], "skill_name": "Illustrator", "level": 5, "created": True},
    ]
    assert made[1]["id"] == first
    assert await levels(api, creator) == {"Photoshop": 3, "Illustrator": 5, "After Effects": 4}
    assert await (await api.post(BULK, [], as_=creator)).json() == []


LIST, ENTRY = "Данные должны быть в формате списка", "Каждая запись должна содержать skill_id и level"
WRONG: list[tuple[Any, int, str]] = [
    ({"skill_id": 1, "level": 1}, 400, LIST),
    ("text", 400, LIST),
    ([7], 400, ENTRY),
    ([{"skill_id": "FIRST"}], 400, ENTRY),
    ([{"skill_id": "FIRST", "level": 0}], 400, ENTRY),
    ([{"skill_id": 0, "level": 3}], 400, ENTRY),
    ([{"skill_id": "FIRST", "level": 3}, {"skill_id": 999, "level": 3}], 400, "Навык с ID 999 не найден"),
    ([{"skill_id": "FIRST", "level": 6}], 422, "От 1 до 5."),
    ([{"skill_id": "FIRST", "level": 3}, {"skill_id": "x", "level": 3}], 422, "Введите целое число."),
    ([{"skill_id": "FIRST", "level": 3}, {"skill_id": "FIRST", "level": 4}], 422, "Этот навык указан дважды."),
]


async def test_an_invalid_entry_of_a_bulk_update_changes_nothing(api: Api, skills: list[int], creator: Person) -> None:
    for body, status, words in WRONG:
        sent = [_filled(one, skills[0]) for one in body] if isinstance(body, list) else body
        answer = await api.post(BULK, sent, as_=creator)
        assert (answer.status, (await answer.json())["error"]) == (status, words), body
    assert await levels(api, creator) == {}


def _filled(entry: Any, first: int) -> Any:
    return {**entry, "skill_id": first} if isinstance(entry, dict) and entry["skill_id"] == "FIRST" else entry


async def test_a_bulk_update_needs_a_profile(api: Api, factory: Factory, skills: list[int]) -> None:
    answer = await api.post(BULK, [{"skill_id": skills[0], "level": 1}], as_=await factory.person())
    body = await refused(answer, 400, "no_creator_profile")
    assert body["error"] == "У вас нет профиля креатора"


async def test_a_creator_has_a_maximum_of_skills(
    api: Api, app: web.Application, skills: list[int], creator: Person
) -> None:
    await app[DATABASE].execute(
        "insert into skills (name, key, words) select 'n' || n, 'n' || n, 'n' || n from generate_series(1, %(most)s) n",
        most=MAX_SKILLS,
    )
    rows = await app[DATABASE].all("select id from skills where name <> 'Photoshop' order by id desc limit 100")
    many = [{"skill_id": row["id"], "level": 1} for row in rows]
    assert (await api.post(BULK, many, as_=creator)).status == 200
    await refused(await api.post(OWN, {"skill": skills[0]}, as_=creator), 409, "too_many_skills")
    one_more = [{"skill_id": skills[0], "level": 1}]
    await refused(await api.post(BULK, one_more, as_=creator), 409, "too_many_skills")
    await refused(await api.post(BULK, many + one_more, as_=creator), 409, "too_many_skills")
    assert len(await levels(api, creator, page_size=100)) == MAX_SKILLS


async def test_concurrent_bulk_update_and_delete_run_one_after_the_other(
    api: Api, skills: list[int], creator: Person
) -> None:
    body = [{"skill_id": skill_id, "level": 5} for skill_id in skills]
    mine = await given(api, creator, skills[0], 1)
    for _ in range(8):
        answers = await asyncio.gather(
            *(api.post(BULK, list(reversed(body)) if odd else body, as_=creator) for odd in (0, 1, 0)),
            api.delete(f"{OWN}{mine}/", as_=creator),
        )
        assert [answer.status for answer in answers[:3]] == [200, 200, 200]
        assert answers[3].status == 204
        have = await levels(api, creator)
        assert have in ({"Photoshop": 5, "Illustrator": 5, "After Effects": 5}, {"Illustrator": 5, "After Effects": 5})
        mine = (await (await api.post(BULK, body, as_=creator)).json())[0]["id"]


async def test_a_bulk_update_honours_the_idempotency_key(api: Api, skills: list[int], creator: Person) -> None:
    body, headers = [{"skill_id": skills[0], "level": 2}], {"Idempotency-Key": "once"}
    answers = [await (await api.post(BULK, body, as_=creator, headers=headers)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[1][0]["created"] is True
