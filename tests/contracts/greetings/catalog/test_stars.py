"""Categories, stars, votes, likes and favourites as the greetings' clients see them.

See docs/dialects/greetings.md#catalogue.
"""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.keys import STAFF
from mystar.catalog.keys import CATALOG
from mystar.kit.keys import DATABASE
from mystar.kit.web import bare_lists, pagination
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.uploading import form
from tests.subtests import as_subtests

LISTS = ("/api/star/getlist/", "/api/star/category/", "/api/star/filter/")
SECRETS = {"password", "password_hash", "is_staff", "is_superuser", "last_login"}


async def star_list(api: Api, path: str, category: int, as_: Person | None = None) -> list[dict[str, Any]]:
    if path == "/api/star/filter/":
        answer = await api.post(path, {"filter": "Рок"}, as_=as_)
    else:
        answer = await api.get(path, params={"id": category}, as_=as_)
    assert answer.status == (201 if "getlist" in path else 200)
    stars: list[dict[str, Any]] = await answer.json()
    return stars


async def test_a_public_list_is_read_to_its_end_by_its_links(
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


async def test_a_star_without_invitations_has_the_price_zero(api: Api, star: Person) -> None:
    (view,) = await (await api.get("/api/star/getlist/")).json()
    assert view["price_another"] == 0


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

    async def test_a_list_ends_at_a_thousand_and_links_to_the_next_page(self, api: Api, many: int, fan: Person) -> None:
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
