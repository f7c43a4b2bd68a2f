"""ETag, If-None-Match and If-Match in the market dialect (promise F6)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.subtests import as_subtests
from tests.waiting import eventually

ME = "/api/v1/users/me/"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person("anna", channel="market")


async def tag(api: Api, person: Person, path: str = ME) -> str:
    return (await api.get(path, as_=person)).headers["ETag"]


async def say(api: Api, person: Person, match: str, **change: Any) -> ClientResponse:
    return await api.patch(ME, change or {"bio": "Пою"}, as_=person, headers={"If-Match": match})


@as_subtests
@pytest.mark.parametrize("path", [ME, "/api/users/me/", "/api/v1/notifications/", "/api/v1/files/"])
async def test_if_none_match_returns_304(api: Api, anna: Person, path: str) -> None:
    first = await api.get(path, as_=anna)
    assert first.status == 200
    again = await api.get(path, as_=anna, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert (again.status, await again.read()) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]
    assert (await api.get(path, as_=anna, headers={"If-None-Match": '"other"'})).status == 200
    head = await api.request("HEAD", path, as_=anna, headers={"If-None-Match": first.headers["ETag"]})
    assert head.status == 304


async def test_a_changed_resource_is_sent_again(api: Api, anna: Person) -> None:
    before = await tag(api, anna)
    assert (await api.patch(ME, {"bio": "Пою"}, as_=anna)).status == 200
    answer = await api.get(ME, as_=anna, headers={"If-None-Match": before})
    assert answer.status == 200
    assert answer.headers["ETag"] != before


async def test_a_tag_that_apache_marked_as_compressed_counts(api: Api, anna: Person) -> None:
    marked = (await tag(api, anna)).removesuffix('"') + '-gzip"'
    assert (await api.get(ME, as_=anna, headers={"If-None-Match": marked})).status == 304
    assert (await say(api, anna, marked)).status == 200


async def test_refusals_and_other_dialects_have_no_tags(api: Api, anna: Person) -> None:
    for path, person in ((ME, None), ("/api/v1/files/77/", anna), ("/api/personal/", anna), ("/healthz", None)):
        answer = await api.get(path, as_=person)
        assert "ETag" not in answer.headers, path


async def test_if_match_with_the_current_etag_edits(api: Api, anna: Person) -> None:
    for match in (await tag(api, anna), "*"):
        assert (await say(api, anna, match, bio=match)).status == 200
    weak = f'"other", W/{await tag(api, anna)}'
    # With a mail, whose count is asked of Redis before the transaction begins.
    assert (await say(api, anna, weak, email="anna@example.org", first_name="Анна")).status == 200


async def test_if_match_with_an_old_etag_is_refused(api: Api, anna: Person) -> None:
    seen = await tag(api, anna)
    assert (await api.patch(ME, {"bio": "Пою"}, as_=anna)).status == 200
    refused = await say(api, anna, seen, bio="Танцую")
    assert refused.status == 412
    assert (await refused.json())["code"] == "stale"
    assert (await (await api.get(ME, as_=anna)).json())["bio"] == "Пою"


async def test_of_two_concurrent_conditional_edits_one_is_refused(api: Api, anna: Person) -> None:
    for number in range(100):
        seen = await tag(api, anna)
        answers = await asyncio.gather(*(say(api, anna, seen, bio=f"{number}{letter}") for letter in "ab"))
        assert sorted(answer.status for answer in answers) == [200, 412]
        made = next(answer for answer in answers if answer.status == 200)
        assert (await (await api.get(ME, as_=anna)).json())["bio"] == (await made.json())["bio"]


async def test_a_change_through_another_dialect_is_not_overwritten(
    api: Api, app: web.Application, anna: Person
) -> None:
    seen = await tag(api, anna)
    async with app[DATABASE].transaction() as tx:
        await tx.execute("update accounts set bio = 'Танцую' where id = %(id)s", id=anna.id)
        edit = asyncio.create_task(say(api, anna, seen))
        await eventually(lambda: asyncio.create_task(app[DATABASE].value(WAITING)))
    assert (await edit).status == 412
    assert (await (await api.get(ME, as_=anna)).json())["bio"] == "Танцую"


async def test_if_match_without_a_readable_state_is_refused(api: Api, anna: Person) -> None:
    answer = await api.delete(f"/api/v1/users/{anna.id}/block/", as_=anna, headers={"If-Match": '"any"'})
    assert answer.status == 412


async def test_conditional_requests_reveal_nothing_to_other_accounts(api: Api, anna: Person, factory: Factory) -> None:
    assert (await api.patch(ME, {"bio": "x"}, headers={"If-Match": '"any"'})).status == 401
    stranger = await factory.person()
    answer = await api.delete("/api/v1/notifications/1/", as_=stranger, headers={"If-Match": '"any"'})
    assert answer.status == 404
