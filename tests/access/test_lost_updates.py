"""An edit with If-Match never overwrites what its client has not seen (promise F6)."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.access.objects import Objects, make_objects
from tests.access.test_matrix import ALL, ask, plain
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.files.uploading import form

#: A field of each that can be edited, as text; two texts make two states, and others in every round, for an edit that
#: changes nothing leaves what has been seen.
FIELDS = {
    "/api/creator-skills/{creator_skill_id}/": ("level", "45"),
    "/api/v1/services/{service_id}/": ("title", "АБ"),
    "/api/portfolio/{item_id}/": ("title", "АБ"),
    "/api/portfolio-images/{image_id}/": ("caption", "АБ"),
    "/api/v1/orders/{order_id}/": ("requirements", "АБ"),
    "/api/v1/creators/{creator_id}/": ("bio", "АБ"),
    "/api/v1/client-profiles/{account_id}/": ("first_name", "АБ"),
}
READABLE = {(route.name.partition(".")[0], route.path) for route, _ in ALL if route.method == "GET"}
EDITS = [
    (route, rights)
    for route, rights in ALL
    if route.method in ("PUT", "PATCH")
    and route.documented
    and route.name.startswith("market.")
    and ("market", route.path) in READABLE
]


@pytest.fixture
async def objects(app: web.Application, api: Api, factory: Factory) -> Objects:
    return await make_objects(app, api, factory)


def test_every_edit_is_covered() -> None:
    readable = {plain(route).partition(" ")[2] for route, _ in EDITS}
    assert readable | {"/api/creator-skills/{creator_skill_id}/"} == set(FIELDS)


async def test_of_two_concurrent_edits_one_is_refused(api: Api, objects: Objects) -> None:
    for number, (route, rights) in enumerate(EDITS):
        assert rights is not None
        field, values = FIELDS[plain(route).partition(" ")[2]]
        owner = objects.people(rights.whose)["o"]
        seen = (await ask(api, objects, route, rights, owner, method="GET")).headers["ETag"]
        answers = await asyncio.gather(
            *(
                ask(api, objects, route, rights, owner, body={**rights.body, field: text}, headers={"If-Match": seen})
                for text in (f"{value}{number}" for value in values)
            )
        )
        assert sorted(answer.status for answer in answers) == [200, 412], plain(route)


async def test_if_match_works_with_multipart(api: Api, objects: Objects) -> None:
    path, owner = f"/api/portfolio/{objects.ids['item_id']}/", objects.creator
    seen = (await api.get(path)).headers["ETag"]

    async def put(title: str, person: Person = owner) -> int:
        answer = await api.put(path, data=form(title=title), as_=person, headers={"If-Match": seen})
        return answer.status

    assert [await put("А", objects.buyer), await put("А"), await put("Б")] == [404, 200, 412]
