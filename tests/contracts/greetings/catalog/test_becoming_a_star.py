"""An account becomes a star."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.subtests import as_subtests


class TestBecomingAStar:
    """`POST /api/star/create/` (D29)."""

    PATH = "/api/star/create/"

    @pytest.fixture
    async def draft(self, factory: Factory) -> dict[str, Any]:
        return {
            "price": "4500.50",
            "price_another": 90000,
            "cat_name_id": str(await factory.category()),
            "profession": "Певица",
            "description": "Пою для вас",
            "days": "5",
            "tags": ["Рок"],
            "rating": 5,
            "is_star": True,
        }

    async def test_an_account_becomes_a_star(self, api: Api, fan: Person, draft: dict[str, Any]) -> None:
        answer = await api.post(self.PATH, draft, as_=fan)
        assert answer.status == 201
        assert await answer.json() == {"token": fan.token}
        star = await (await api.get("/api/star/id/", params={"id": fan.id})).json()
        assert (star["price"], star["price_another"], star["days"]) == ("4500.50", "90000.00", "5")
        assert (star["profession"], star["description"], star["tags"]) == ("Певица", "Пою для вас", ["Рок"])
        assert star["rating"] == 0

    async def test_a_star_cannot_be_created_twice(self, api: Api, fan: Person, draft: dict[str, Any]) -> None:
        answers = await asyncio.gather(*(api.post(self.PATH, draft, as_=fan) for _ in range(3)))
        assert sorted(answer.status for answer in answers) == [201, 409, 409]

    async def test_a_guest_cannot_create_a_star(self, api: Api, draft: dict[str, Any]) -> None:
        person = {"username": "new", "email": "new@example.com", "password": "Greeting-for-Mum-77"}
        assert (await api.post(self.PATH, {**draft, **person})).status == 401
        assert (await (await api.get("/api/star/getlist/")).json()) == []

    async def test_an_account_cannot_make_another_a_star(
        self, api: Api, fan: Person, factory: Factory, draft: dict[str, Any]
    ) -> None:
        other = await factory.person()
        for name in (other.username, "new-name"):
            body = {**draft, "username": name, "email": "new@example.com", "password": "Greeting-for-Mum-77"}
            assert (await api.post(self.PATH, body, as_=fan)).status == 403
        own = await api.post(self.PATH, {**draft, "username": fan.username.upper()}, as_=fan)
        assert own.status == 201

    async def test_staff_make_a_new_person_a_star(self, api: Api, factory: Factory, draft: dict[str, Any]) -> None:
        staff = await factory.staff("operator")
        person = {
            "username": "comet",
            "phone": "8 (916) 123-45-67",
            "email": "comet@example.com",
            "password": "Greeting-for-Mum-77",
        }
        answer = await api.post(self.PATH, {**draft, **person}, as_=staff)
        assert answer.status == 201
        token = (await answer.json())["token"]
        assert token != staff.token
        (star,) = await (await api.get("/api/star/getlist/", headers={"Authorization": token})).json()
        assert (star["username"], star["phone"], star["email"]) == ("comet", 9161234567, "comet@example.com")
        again = await api.post(self.PATH, {**draft, **person}, as_=staff)
        assert again.status == 400
        assert set(await again.json()) == {"username", "phone", "email"}

    async def test_viewers_cannot_create_a_star(self, api: Api, factory: Factory, draft: dict[str, Any]) -> None:
        viewer = await factory.staff("viewer")
        person = {"username": "new", "email": "new@example.com", "password": "Greeting-for-Mum-77"}
        assert (await api.post(self.PATH, {**draft, **person}, as_=viewer)).status == 403

    @as_subtests
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"price": None}, "price"),
            ({"price": "0"}, "price"),
            ({"price": "-5"}, "price"),
            ({"price": "1.005"}, "price"),
            ({"price": "NaN"}, "price"),
            ({"price": "1" * 40}, "price"),
            ({"cat_name_id": "999"}, "cat_name_id"),
            ({"cat_name_id": "undefined"}, "cat_name_id"),
            ({"cat_name_id": None}, "cat_name_id"),
            ({"days": 1.5}, "days"),
            ({"days": 400}, "days"),
            ({"profession": "п" * 33}, "profession"),
            ({"description": "о" * 2049}, "description"),
            ({"description": "\0"}, "description"),
            ({"tags": "Рок"}, "tags"),
            ({"tags": ["т" * 60]}, "tags.0"),
            ({"tags": [f"т{number}" for number in range(40)]}, "tags"),
        ],
    )
    @pytest.mark.parametrize("by_staff", [False, True])
    async def test_invalid_terms_are_refused_by_field_and_create_nothing(
        self,
        api: Api,
        app: web.Application,
        factory: Factory,
        fan: Person,
        draft: dict[str, Any],
        changes: dict[str, Any],
        field: str,
        by_staff: bool,
    ) -> None:
        actor, body = fan, {**draft, **changes}
        if by_staff:
            actor = await factory.staff()
            body |= {"username": "new", "email": "new@example.com", "password": "Greeting-for-Mum-77"}
        people = await app[DATABASE].value("select count(*) from accounts")
        answer = await api.post(self.PATH, body, as_=actor)
        assert answer.status == 400
        assert list(await answer.json()) == [field]
        assert await app[DATABASE].value("select count(*) from accounts") == people
        assert await app[DATABASE].value("select count(*) from creators") == 0
