"""Votes, likes and favourites as the greetings' clients see them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.creators.keys import CREATORS
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.subtests import as_subtests


class TestVotes:
    PATH = "/api/ratestar/"

    async def test_a_vote_counts_once(self, api: Api, star: Person, fan: Person) -> None:
        vote = {"rating": "4", "adresat": fan.id, "adresant": star.id}
        first = await api.put(self.PATH, vote, as_=fan)
        assert (first.status, await first.json()) == (201, ["Оценка выставлена"])
        second = await api.put(self.PATH, {**vote, "rating": 1}, as_=fan)
        assert (second.status, await second.json()) == (403, ["Рейтинг уже выставлен"])
        assert (await (await api.get("/api/star/id/", params={"id": star.id})).json())["rating"] == 4

    @pytest.mark.parametrize(
        ("votes", "shown"), [([5], 5), ([1], 1), ([1, 2], 2), ([4, 4, 5], 5), ([5, 5, 5, 5, 4], 5), ([1, 1, 1], 1)]
    )
    async def test_the_mean_is_rounded_up(
        self, api: Api, factory: Factory, star: Person, votes: list[int], shown: int
    ) -> None:
        for rating in votes:
            voter = await factory.person()
            answer = await api.put(self.PATH, {"rating": rating, "adresant": star.id}, as_=voter)
            assert answer.status == 201
        assert (await (await api.get("/api/star/id/", params={"id": star.id})).json())["rating"] == shown

    async def test_concurrent_votes_and_likes_are_counted_once_each(
        self, api: Api, app: web.Application, factory: Factory, star: Person
    ) -> None:
        fans = [await factory.person() for _ in range(6)]
        actions = [
            action
            for number, one in enumerate(fans)
            for _ in range(2)
            for action in (
                api.put(self.PATH, {"rating": number % 5 + 1, "adresant": star.id}, as_=one),
                api.post("/api/star/like/", {"star_id": star.id}, as_=one),
            )
        ]
        statuses = sorted([answer.status for answer in await asyncio.gather(*actions)])
        assert statuses == [201] * 12 + [403] * 12
        creator = await app[CREATORS].by_account(star.id)
        assert (creator.rating_sum, creator.rating_count, creator.likes_count) == (16, 6, 6)
        assert str(creator.rating) == "2.67"
        assert await app[CREATORS].recount() == []

    @as_subtests
    @pytest.mark.parametrize(
        "changes",
        [
            {"rating": 0},
            {"rating": 6},
            {"rating": "пять"},
            {"rating": 4.5},
            {"rating": None},
            {"rating": True},
            {"adresant": "undefined"},
            {"adresant": None},
            {"adresat": "x"},
        ],
    )
    async def test_a_bad_vote_is_refused(self, api: Api, star: Person, fan: Person, changes: dict[str, Any]) -> None:
        vote = {"rating": 3, "adresat": fan.id, "adresant": star.id, **changes}
        answer = await api.put(self.PATH, vote, as_=fan)
        assert answer.status == 400
        assert list(await answer.json()) == list(changes)

    async def test_a_vote_needs_the_caller_and_another_star(
        self, api: Api, app: web.Application, star: Person, fan: Person, factory: Factory
    ) -> None:
        other = await factory.person()
        for voter, body, status in (
            (fan, {"adresat": other.id, "adresant": star.id}, 403),
            (star, {"adresat": star.id, "adresant": star.id}, 403),
            (fan, {"adresat": fan.id, "adresant": other.id}, 404),
            (None, {"adresat": fan.id, "adresant": star.id}, 401),
        ):
            answer = await api.put(self.PATH, {"rating": 5, **body}, as_=voter)
            assert answer.status == status
            assert len(await answer.json()) == 1
        assert await app[DATABASE].value("select count(*) from creator_votes") == 0


async def test_a_like_counts_once(api: Api, star: Person, fan: Person) -> None:
    like = {"star_id": str(star.id), "cust_id": fan.id}
    first = await api.post("/api/star/like/", like, as_=fan)
    assert (first.status, await first.json()) == (201, ["Оценка выставлена"])
    second = await api.post("/api/star/like/", like, as_=fan)
    assert (second.status, await second.json()) == (403, ["Лайк уже стоит"])
    assert (await (await api.get("/api/star/id/", params={"id": star.id})).json())["likes"] == 1


@pytest.mark.parametrize(("body", "field"), [({}, "star_id"), ({"star_id": "me"}, "star_id")])
async def test_a_bad_like_is_refused(api: Api, fan: Person, body: dict[str, Any], field: str) -> None:
    for method, path in (
        ("POST", "/api/star/like/"),
        ("POST", "/api/star/favorite/"),
        ("DELETE", "/api/star/favorite/"),
    ):
        answer = await api.request(method, path, json=body, as_=fan)
        assert answer.status == 400
        assert list(await answer.json()) == [field]


async def test_favourites_are_added_listed_and_removed(api: Api, factory: Factory, star: Person, fan: Person) -> None:
    path, body = "/api/star/favorite/", {"star_id": star.id, "cust_id": fan.id}
    await factory.star()
    empty = await api.get(path, params={"cust_id": fan.id}, as_=fan)
    assert (empty.status, await empty.json()) == (200, ["Нет избранных звезд"])

    added = await api.post(path, body, as_=fan)
    assert (added.status, await added.json()) == (201, ["Добавлено в избранное"])
    again = await api.post(path, body, as_=fan)
    assert (again.status, await again.json()) == (200, ["Уже добавлено в избранное"])
    (found,) = await (await api.get(path, params={"cust_id": fan.id}, as_=fan)).json()
    assert found["id"] == star.id

    for _ in range(2):
        removed = await api.delete(path, body, as_=fan)
        assert (removed.status, await removed.json()) == (200, ["Удалено из избранного"])
    assert await (await api.get(path, as_=fan)).json() == ["Нет избранных звезд"]


async def test_an_id_of_the_actor_without_a_value_is_ignored(api: Api, star: Person, fan: Person) -> None:
    liked = await api.post("/api/star/like/", {"star_id": star.id, "cust_id": "undefined"}, as_=fan)
    added = await api.post("/api/star/favorite/", {"star_id": star.id, "cust_id": "null"}, as_=fan)
    read = await api.get("/api/star/favorite/?cust_id=undefined", as_=fan)
    assert (liked.status, added.status, [one["id"] for one in await read.json()]) == (201, 201, [star.id])
    personal = await api.get("/api/personal/?user_id=undefined&is_star=false", as_=fan)
    assert (await personal.json())["id"] == fan.id
    assert (await api.post("/api/star/like/", {"star_id": "undefined"}, as_=fan)).status == 400


async def test_favourites_of_other_accounts_are_refused(api: Api, star: Person, fan: Person) -> None:
    path = "/api/star/favorite/"
    assert (await api.get(path, params={"cust_id": star.id}, as_=fan)).status == 403
    for method in ("POST", "DELETE"):
        body = {"star_id": star.id, "cust_id": star.id}
        assert (await api.request(method, path, json=body, as_=fan)).status == 403
    assert (await api.post("/api/star/like/", {"star_id": star.id, "cust_id": star.id}, as_=fan)).status == 403
    for method in ("GET", "POST", "DELETE"):
        assert (await api.request(method, path, json={"star_id": star.id})).status == 401
