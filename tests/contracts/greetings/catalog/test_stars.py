"""Categories, stars, votes, likes and favourites as the greetings' clients see them.

See docs/dialects/greetings.md#catalogue.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.keys import STAFF
from mystar.catalog.keys import CATALOG
from mystar.creators.keys import CREATORS
from mystar.kit.keys import DATABASE
from mystar.kit.web import bare_lists, pagination
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.uploading import form
from tests.subtests import as_subtests

LISTS = ("/api/star/getlist/", "/api/star/category/", "/api/star/filter/")
SECRETS = {"password", "password_hash", "is_staff", "is_superuser", "last_login"}


@pytest.fixture
async def fan(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star("zemfira", tags=["Рок"], phone="9787896546")


async def star_list(api: Api, path: str, category: int, as_: Person | None = None) -> list[dict[str, Any]]:
    if path == "/api/star/filter/":
        answer = await api.post(path, {"filter": "Рок"}, as_=as_)
    else:
        answer = await api.get(path, params={"id": category}, as_=as_)
    assert answer.status == (201 if "getlist" in path else 200)
    stars: list[dict[str, Any]] = await answer.json()
    return stars


async def test_a_public_list_is_walked_to_its_end_by_its_links(
    api: Api, app: web.Application, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages end at an offset; links go on behind the last item, through equal ratings and stars on top."""
    stars = [await factory.star(f"star{number}") for number in range(9)]
    await app[DATABASE].execute(
        "update creators set is_top = id %% 4 = 0, rating_count = 1,"
        " rating_sum = case when id %% 3 = 0 then 5 else 3 end"
    )
    everything = [one["id"] for one in await (await api.get("/api/star/getlist/")).json()]
    assert sorted(everything) == sorted(star.id for star in stars)
    monkeypatch.setattr(bare_lists, "MAX_ITEMS", 2)
    monkeypatch.setattr(bare_lists, "MAX_PUBLIC_OFFSET", 2)
    monkeypatch.setattr(pagination, "MAX_PUBLIC_OFFSET", 2)
    walked, path = [], "/api/star/getlist/"
    while path:
        answer = await api.get(path)
        walked += [one["id"] for one in await answer.json()]
        assert answer.headers["X-Total-Count"] == "9"
        path = str(answer.links["next"]["url"]) if "next" in answer.links else ""
    assert walked == everything
    assert (await api.get("/api/star/getlist/?page=3")).status == 404
    assert await (await api.get("/api/star/getlist/?after=999999")).json() == []


async def test_categories_come_in_their_order_with_their_pictures(api: Api, factory: Factory) -> None:
    ids = [await factory.category(name) for name in ("Музыка", "Кино")]
    answer = await api.get("/api/categories/")
    assert answer.status == 201
    assert await answer.json() == [
        {"id": number, "cat_name": name, "cat_photo": None, "category_photo": ""}
        for number, name in zip(ids, ("Музыка", "Кино"), strict=True)
    ]


async def test_empty_lists(api: Api) -> None:
    for path in ("/api/categories/", "/api/star/getlist/"):
        answer = await api.get(path)
        assert (answer.status, await answer.json()) == (201, [])
    assert await (await api.post("/api/star/filter/", {"filter": "Рок"})).json() == []


async def test_each_list_has_its_own_shape_of_a_star(api: Api, factory: Factory, star: Person) -> None:
    category = (await (await api.get("/api/star/id/", params={"id": star.id})).json())["cat_name_id"]
    listed, in_category, tagged = [(await star_list(api, path, category))[0] for path in LISTS]

    for view in (listed, in_category, tagged):
        assert view["id"] == star.id
        assert (view["username"], view["first_name"], view["last_name"]) == ("zemfira", "", "")
        assert view["cat_name_id_id"] == view["cat_name_id"] == category
        assert (view["rating"], view["likes"], view["days"], view["top"]) == (0, 0, "3", False)
        assert view["is_star"] is True
        assert view["avatar"] == "Нет фото"
        assert (view["profession"], view["tags"]) == ("Певица", ["Рок"])
        assert not SECRETS & set(view)
    assert listed["price"] == in_category["price"] == "15000.00"
    assert tagged["price"] == 15000
    assert not isinstance(tagged["price"], str)
    assert (tagged["users_ptr_id"], tagged["is_active"], tagged["register"]) == (star.id, True, "True")


async def test_avatar_paths_have_the_prefix_of_their_list(api: Api, factory: Factory, star: Person) -> None:
    body = form(user_id=star.id, image=("me.jpg", picture()))
    image = (await (await api.post("/api/upload/avatar/", data=body, as_=star)).json())["image"]
    one = await (await api.get("/api/star/id/", params={"id": star.id})).json()
    listed, in_category, tagged = [(await star_list(api, path, one["cat_name_id"]))[0] for path in LISTS]
    bare = image.removeprefix("/media/")
    assert listed["avatar"] == bare
    assert in_category["avatar"] == one["avatar"] == image
    assert tagged["avatar"] == f"media/{bare}"


async def test_contacts_of_a_star_are_shown_to_the_star_and_staff_only(
    api: Api, factory: Factory, star: Person, fan: Person
) -> None:
    staff = await factory.staff("viewer")
    category = (await (await api.get("/api/star/id/", params={"id": star.id})).json())["cat_name_id"]
    for reader, phone, email in (
        (None, None, None),
        (fan, None, None),
        (star, 9787896546, star.email),
        (staff, 9787896546, star.email),
    ):
        one = await (await api.get("/api/star/id/", params={"id": star.id}, as_=reader)).json()
        views = [one] + [(await star_list(api, path, category, reader))[0] for path in LISTS]
        assert [(view["phone"], view["email"]) for view in views] == [(phone, email)] * 4


async def test_stars_on_top_come_first_then_the_better_rated_then_the_older(
    api: Api, app: web.Application, factory: Factory, fan: Person
) -> None:
    category = await factory.category()
    old, loved, liked, top = [await factory.star(category_id=category, tags=["рок"]) for _ in range(4)]
    for star, rating in ((loved, 5), (liked, 4)):
        vote = {"rating": rating, "adresat": fan.id, "adresant": star.id}
        assert (await api.put("/api/ratestar/", vote, as_=fan)).status == 201
    await app[DATABASE].execute("update creators set is_top = true where account_id = %(id)s", id=top.id)

    for path in LISTS:
        stars = await star_list(api, path, category)
        assert [one["id"] for one in stars] == [top.id, loved.id, liked.id, old.id]
        assert [one["sorted"] for one in stars] == [1, 2, 3, 4]


async def test_a_star_is_read_by_query_or_body(api: Api, star: Person) -> None:
    for options in ({"params": {"id": star.id}}, {"json": {"star_id": str(star.id)}}):
        answer = await api.get("/api/star/id/", **options)
        assert answer.status == 200
        assert (await answer.json())["username"] == "zemfira"
    both = await api.get("/api/star/id/", params={"id": star.id}, json={"star_id": "999"})
    assert (await both.json())["id"] == star.id


@as_subtests
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/star/id/?id=999", 404),
        ("/api/star/id/?id=undefined", 400),
        ("/api/star/id/?id=0", 400),
        ("/api/star/id/?id=99999999999999999999", 400),
        ("/api/star/id/", 400),
        ("/api/star/category/?id=999", 404),
        ("/api/star/category/?id=undefined", 400),
        ("/api/star/category/?id=1;drop", 400),
        ("/api/star/category/", 400),
        ("/api/star/category?id=%00", 400),
    ],
)
async def test_a_missing_star_is_an_object_with_the_reason(api: Api, path: str, status: int) -> None:
    answer = await api.get(path)
    assert answer.status == status
    body = await answer.json()
    assert list(body) == ["exception"]
    assert isinstance(body["exception"], str)


async def test_a_customer_is_not_a_star(api: Api, fan: Person) -> None:
    answer = await api.get("/api/star/id/", params={"id": fan.id})
    assert (answer.status, await answer.json()) == (404, {"exception": "Звезда не найдена."})


@pytest.mark.parametrize("spelling", ["Хип-Хоп", "хип-хоп", "  ХИП-ХОП ", "Хип-хоп"])
async def test_a_tag_is_found_in_any_spelling(api: Api, factory: Factory, spelling: str) -> None:
    star = await factory.star(tags=["хип-Хоп", "ХИП-хоп", "Дом-2"])
    await factory.star(tags=["рэп"])
    (found,) = await (await api.post("/api/star/filter/", {"filter": spelling})).json()
    assert found["id"] == star.id
    assert found["tags"] == ["Дом-2", "хип-Хоп"]


@as_subtests
@pytest.mark.parametrize("body", [{}, {"filter": ""}, {"filter": None}, {"filter": ["Рок"]}, {"filter": "р" * 60}, []])
async def test_a_filter_without_a_tag_is_refused(api: Api, body: Any) -> None:
    assert (await api.post("/api/star/filter/", body)).status == 400


async def test_a_star_who_is_not_for_sale_is_not_listed(api: Api, app: web.Application, factory: Factory) -> None:
    category = await factory.category()
    blocked, hidden, unpriced = [await factory.star(category_id=category, tags=["Рок"]) for _ in range(3)]
    db = app[DATABASE]
    await app[STAFF].block(actor(await factory.staff(), "owner"), blocked.id)
    greeting = "update services set {} where creator_id = (select id from creators where account_id = %(id)s)"
    await db.execute(greeting.format("is_active = false"), id=hidden.id)
    await db.execute(greeting.format("base_price = null"), id=unpriced.id)

    assert await star_list(api, "/api/star/getlist/", category) == []
    assert await star_list(api, "/api/star/filter/", category) == []
    assert (await api.get("/api/star/category/", params={"id": category})).status == 404
    for star in (blocked, hidden, unpriced):
        assert (await api.get("/api/star/id/", params={"id": star.id})).status == 404
        assert not await app[CATALOG].is_star(star.id)


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

    async def test_a_person_makes_oneself_a_star(self, api: Api, fan: Person, draft: dict[str, Any]) -> None:
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
    async def test_bad_terms_are_refused_by_field_and_make_nothing(
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

    async def test_votes_and_likes_at_once_are_all_counted_and_none_twice(
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


async def test_a_star_without_invitations_has_the_price_zero(api: Api, star: Person) -> None:
    (view,) = await (await api.get("/api/star/getlist/")).json()
    assert view["price_another"] == 0


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


class TestManyStars:
    """Lists end at a thousand, and say what is left (D19)."""

    @pytest.fixture
    async def many(self, app: web.Application, factory: Factory, fan: Person) -> int:
        """1003 stars in one category, with one tag, all favourites of one fan. The category."""
        category = await factory.category()
        await factory.star(category_id=category, tags=["Рок"])
        await app[DATABASE].execute(
            """with people as (
                insert into accounts (username, username_key) select 'star ' || n, 'star ' || n
                from generate_series(2, 1003) n returning id
            ), stars as (insert into creators (account_id) select id from people returning id),
            greetings as (
                insert into services (creator_id, kind, title, base_price, category_id)
                select id, 'greeting', 'x', 100, %(category)s from stars returning id
            ) insert into service_tags (service_id, tag_id) select greetings.id, tags.id from greetings, tags""",
            category=category,
        )
        await app[DATABASE].execute(
            "insert into creator_favourites (creator_id, account_id) select id, %(fan)s from creators", fan=fan.id
        )
        return category

    async def test_a_list_ends_at_a_thousand_and_leads_on(self, api: Api, many: int, fan: Person) -> None:
        for method, path in (("GET", LISTS[0]), ("GET", LISTS[1]), ("POST", LISTS[2]), ("GET", "/api/star/favorite/")):
            body = {"json": {"filter": "рок"}} if method == "POST" else {}
            first = await api.request(method, path, params={"id": many}, as_=fan, **body)
            assert len(await first.json()) == 1000
            assert first.headers["X-Total-Count"] == "1003"
            assert 'rel="next"' in first.headers["Link"]
            second = await api.request(method, path, params={"id": many, "page": 2}, as_=fan, **body)
            rest = await second.json()
            assert len(rest) == 3
            assert rest[0]["sorted"] == 1001
            assert second.headers["X-Total-Count"] == "1003"
            assert 'rel="prev"' in second.headers["Link"]
