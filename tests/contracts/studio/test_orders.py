"""Orders to the studio in its own dialect (docs/dialects/studio.md, D35): who sees what, pictures, numbers, search."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mystar.kit.postgres.database import Database
from mystar.kit.web import bare_lists, pagination
from mystar.orders.keys import STUDIO_ORDERS
from mystar.settings import Settings
from tests.conftest import Api, SignedIn
from tests.factory import Factory, picture
from tests.subtests import as_subtests

ORDERS = "/api/orders/orders/"
SITE = {"title": "Сайт-визитка", "description": "Три страницы и форма"}


async def placed(api: Api, as_: SignedIn | None = None, **changes: Any) -> dict[str, Any]:
    answer = await api.post(ORDERS, {**SITE, **changes}, as_=as_)
    assert answer.status == 201, await answer.text()
    order: dict[str, Any] = await answer.json()
    return order


def at(order: dict[str, Any]) -> str:
    return f"{ORDERS}{order['id']}/"


def form_with(*pictures: tuple[str, bytes, str], **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData(fields)
    for name, data, filename in pictures:
        form.add_field(name, data, filename=filename)
    return form


async def test_guests_and_accounts_place_orders(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="studio")
    order, guests = await placed(api, person, user=1, status="in_process", order_number="1"), await placed(api)
    assert set(order) >= {"id", "images", "title", "description", "order_number", "created_at", "status", "user"}
    assert (order["title"], order["status"], order["user"], order["images"]) == (SITE["title"], "new", person.id, [])
    assert len(order["order_number"]) == 6
    assert order["order_number"].isdigit()
    assert len(order["created_at"]) == len("2026-01-31")
    assert guests["user"] is None


async def test_an_expired_token_does_not_make_a_guest(api: Api) -> None:
    """Their order would be everybody's to see, and their own orders would be gone from the list."""
    dead = {"Authorization": "Bearer unknown"}
    for answer in (await api.post(ORDERS, SITE, headers=dead), await api.get(ORDERS, headers=dead)):
        assert (answer.status, answer.headers["WWW-Authenticate"], set(await answer.json())) == (
            401,
            "Bearer",
            {"detail"},
        )
    assert await (await api.get(ORDERS)).json() == []


async def test_guests_list_orders_of_guests_and_accounts_also_their_own(api: Api, factory: Factory) -> None:
    mine, other = await factory.person(), await factory.person()
    own, theirs, guests = await placed(api, mine), await placed(api, other), await placed(api)
    for viewer, seen in ((None, [guests]), (mine, [guests, own]), (other, [guests, theirs])):
        answer = await api.get(ORDERS, as_=viewer)
        assert [order["id"] for order in await answer.json()] == [order["id"] for order in seen]
        assert answer.headers["X-Total-Count"] == str(len(seen))
        for order in (own, theirs, guests):
            answer = await api.get(at(order), as_=viewer)
            assert answer.status == (200 if order in seen else 404)
    assert await (await api.get(at(own), as_=mine)).json() == own
    staff = await factory.staff("viewer")
    assert (await api.get(at(own), as_=staff)).status == 200


@pytest.mark.one_process("replace a part of the service, or read its log")
async def test_search_finds_consecutive_digits(api: Api, factory: Factory, app: web.Application) -> None:
    person, studio = await factory.person(), app[STUDIO_ORDERS]
    numbers = {}
    for number, owner in ((48211, None), (482119, person), (7, person), (999999, None)):
        studio.numbers = range(number, number + 1)
        numbers[f"{number:06d}"] = await placed(api, owner)
    for search, found in (
        ("048211", ["048211"]),
        ("8211", ["482119", "048211"]),
        ("00000", ["000007"]),
        ("9", ["999999", "482119"]),
        ("11", ["482119", "048211"]),
        ("1234567", []),
        ("%", []),
        ("_", []),
        ("8a", []),
        ("", ["999999", "000007", "482119", "048211"]),
    ):
        answer = await api.get(ORDERS, params={"search": search}, as_=person)
        assert [order["order_number"] for order in await answer.json()] == found, search
        assert answer.headers["X-Total-Count"] == str(len(found))
    answer = await api.get(ORDERS, params={"search": "8211"})
    assert [order["order_number"] for order in await answer.json()] == ["048211"]
    assert (await api.get(ORDERS, params={"search": "1" * 21})).status == 400


@pytest.mark.one_process("replace a part of the service, or read its log")
async def test_every_free_order_number_is_used_before_orders_are_refused(api: Api, app: web.Application) -> None:
    app[STUDIO_ORDERS].numbers = range(500_000, 500_040)
    orders = await asyncio.gather(*(placed(api) for _ in range(40)))
    assert {int(order["order_number"]) for order in orders} == set(range(500_000, 500_040))
    answer = await api.post(ORDERS, SITE)
    assert (answer.status, set(await answer.json())) == (503, {"detail"})
    assert int(answer.headers["Retry-After"]) > 0
    app[STUDIO_ORDERS].numbers = range(999_999, 1_000_000)
    assert (await placed(api))["order_number"] == "999999"
    assert (await api.post(ORDERS, SITE)).status == 503


async def test_every_file_of_the_form_is_a_picture_of_the_order(api: Api, factory: Factory) -> None:
    person = await factory.person()
    pictures = [("images", picture(), "a.jpeg"), ("images", picture("PNG"), "b.png"), ("x", picture(), "c.jpg")]
    answer = await api.request("POST", ORDERS, data=form_with(*pictures, **SITE), as_=person)
    assert answer.status == 201
    images = (await answer.json())["images"]
    assert len(images) == 3
    assert [image["id"] for image in images] == sorted(image["id"] for image in images)
    for image in images:
        assert image["file"].startswith(api.url)
        assert (await api.get(image["file"])).status == 200
        # Without its signature a person's picture opens to that person and staff alone.
        assert (await api.get(image["file"].partition("?")[0])).status == 404
        assert (await api.get(image["file"].partition("?")[0], as_=person)).status == 200


async def test_pictures_of_a_guest_are_public_like_the_order(api: Api, db: Database) -> None:
    answer = await api.request("POST", ORDERS, data=form_with(("photo", picture(), "a.jpeg"), **SITE))
    assert answer.status == 201
    (image,) = (await answer.json())["images"]
    assert "signature" not in image["file"]
    assert (await api.get(image["file"])).status == 200
    assert await db.value("select owner_id is null and attached_at is not null from files")


@as_subtests
@pytest.mark.parametrize(
    ("form", "field"),
    [
        (form_with(("images", b"%PDF-1.4", "a.pdf"), **SITE), "images"),
        (form_with(("images", picture("PNG"), "a.exe"), **SITE), "images"),
        (form_with(*[("images", picture(size=(8, 8)), "a.jpeg")] * 11, **SITE), "images"),
        (form_with(("images", picture(), "a.jpeg"), title="Без описания"), "description"),
        (form_with(("images", picture(), "a.jpeg"), title="", description="x"), "title"),
    ],
    ids=["no picture", "wrong extension", "eleven", "no description", "empty title"],
)
async def test_an_invalid_form_stores_neither_order_nor_files(
    api: Api, db: Database, form: aiohttp.FormData, field: str
) -> None:
    answer = await api.request("POST", ORDERS, data=form)
    assert (answer.status, list(await answer.json())) == (400, [field])
    assert await db.value("select count(*) from orders") == 0
    assert await db.value("select count(*) from files") == 0


@as_subtests
@pytest.mark.parametrize("body", [{}, {"title": "x" * 256, "description": ""}, {"title": 5 * [1], "description": {}}])
async def test_bad_fields_are_named(api: Api, body: dict[str, Any]) -> None:
    answer = await api.post(ORDERS, body)
    assert (answer.status, set(await answer.json())) == (400, {"title", "description"})


async def test_malformed_json_is_unreadable(api: Api) -> None:
    answer = await api.request("POST", ORDERS, data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status, set(await answer.json())) == (400, {"detail"})
    assert (await api.get(f"{ORDERS}abc/")).status == 404
    assert (await api.get(f"{ORDERS}{10**30}/")).status == 404


async def test_an_owner_changes_a_new_order(api: Api, factory: Factory) -> None:
    person = await factory.person()
    answer = await api.request("POST", ORDERS, data=form_with(("a", picture(), "a.jpeg"), **SITE), as_=person)
    order = await answer.json()
    answer = await api.patch(at(order), {"title": "Лендинг", "status": "in_process", "user": None}, as_=person)
    changed = await answer.json()
    assert (answer.status, changed["title"], changed["description"]) == (200, "Лендинг", SITE["description"])
    assert (changed["status"], changed["user"], len(changed["images"])) == ("new", person.id, 1)
    answer = await api.request("PATCH", at(order), data=form_with(("b", picture("PNG"), "b.png")), as_=person)
    assert len((await answer.json())["images"]) == 2
    answer = await api.request("PUT", at(order), data=form_with(("c", picture(), "c.jpeg"), **SITE), as_=person)
    replaced = await answer.json()
    assert (replaced["title"], len(replaced["images"])) == (SITE["title"], 1)
    assert replaced["images"][0]["id"] not in [image["id"] for image in changed["images"]]
    answer = await api.put(at(order), {"title": "Без описания"}, as_=person)
    assert (answer.status, list(await answer.json())) == (400, ["description"])
    eleven = form_with(*[("images", picture(size=(8, 8)), "a.jpeg")] * 10)
    answer = await api.request("PATCH", at(order), data=eleven, as_=person)
    assert (answer.status, list(await answer.json())) == (400, ["images"])


async def test_an_owner_deletes_a_new_order(api: Api, factory: Factory, db: Database) -> None:
    person = await factory.person()
    answer = await api.request("POST", ORDERS, data=form_with(("a", picture(), "a.jpeg"), **SITE), as_=person)
    order = await answer.json()
    answer = await api.delete(at(order), as_=person)
    assert (answer.status, await answer.read()) == (204, b"")
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = await api.request(method, at(order), json=SITE, as_=person)
        assert answer.status == 404
    assert await (await api.get(ORDERS, as_=person)).json() == []
    assert (await api.get(order["images"][0]["file"])).status == 404
    assert await db.value("select count(*) from orders where number is not null") == 1


async def test_only_staff_change_orders_of_guests(api: Api, factory: Factory) -> None:
    person, viewer, operator = await factory.person(), await factory.staff("viewer"), await factory.staff("operator")
    theirs, guests = await placed(api, await factory.person()), await placed(api)
    for method in ("PUT", "PATCH", "DELETE"):
        for order, status in ((theirs, 404), (guests, 403)):
            answer = await api.request(method, at(order), json=SITE, as_=person)
            assert (answer.status, set(await answer.json())) == (status, {"detail"})
        assert (await api.request(method, at(guests), json=SITE)).status == 401
        assert (await api.request(method, at(guests), json=SITE, as_=viewer)).status == 403
    answer = await api.patch(at(guests), {"title": "Проверено"}, as_=operator)
    assert (answer.status, (await answer.json())["title"]) == (200, "Проверено")
    answer = await api.request("PATCH", at(theirs), data=form_with(("a", picture(), "a.jpeg")), as_=operator)
    assert len((await answer.json())["images"]) == 1
    assert (await api.delete(at(guests), as_=operator)).status == 204


async def test_an_order_repeated_with_its_key_is_placed_once(api: Api, factory: Factory, db: Database) -> None:
    person = await factory.person()
    for who, key in ((person, "one"), (None, "a-random-key")):
        headers = {"Idempotency-Key": key}
        first = await api.post(ORDERS, SITE, as_=who, headers=headers)
        again = await api.post(ORDERS, SITE, as_=who, headers=headers)
        assert (first.status, await first.json()) == (again.status, await again.json())
        other = await api.post(ORDERS, {**SITE, "title": "Другой"}, as_=who, headers=headers)
        assert (other.status, set(await other.json())) == (422, {"detail"})
    assert await db.value("select count(*) from orders") == 2


async def test_a_form_with_pictures_repeated_with_its_key_is_placed_once(
    api: Api, factory: Factory, db: Database
) -> None:
    person, bodies = await factory.person(), []
    for _ in range(2):
        pictures = [("a", picture(), "a.jpeg"), ("a", picture("PNG"), "b.png")]
        form = form_with(*pictures, **SITE)
        answer = await api.request("POST", ORDERS, data=form, as_=person, headers={"Idempotency-Key": "one"})
        assert answer.status == 201
        bodies.append((await answer.json())["id"])
    assert bodies[0] == bodies[1]
    assert await db.value("select count(*) from files") == 2


@pytest.fixture
def settings(make_settings: Any, request: pytest.FixtureRequest) -> Settings:
    return make_settings(**getattr(request, "param", {}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "settings",
    [{"LIMITS__ENABLED": True, "LIMITS__GUEST_ORDER": "2/hour", "LIMITS__STUDIO_ORDER": "3/hour"}],
    indirect=True,
)
async def test_orders_are_rate_limited(api: Api, factory: Factory) -> None:
    person = await factory.person()
    statuses = [(await api.post(ORDERS, SITE)).status for _ in range(3)]
    assert statuses == [201, 201, 429]
    answer = await api.post(ORDERS, SITE)
    assert (set(await answer.json()), int(answer.headers["Retry-After"]) > 0) == ({"detail"}, True)
    assert [(await api.post(ORDERS, SITE, as_=person)).status for _ in range(4)] == [201, 201, 201, 429]


@pytest.mark.parametrize("settings", [{"FILES__IMAGE_LIMIT": 2_000}], indirect=True)
async def test_a_picture_that_is_too_large_is_refused_with_the_order(api: Api, db: Database) -> None:
    form = form_with(("a", picture(size=(8, 8)), "a.jpeg"), ("b", picture(size=(900, 900)), "b.jpeg"), **SITE)
    answer = await api.request("POST", ORDERS, data=form)
    assert (answer.status, set(await answer.json())) == (413, {"detail"})
    assert await db.value("select count(*) from orders") + await db.value("select count(*) from files") == 0


async def test_a_studio_order_is_not_listed_as_a_greeting(api: Api, factory: Factory) -> None:
    person = await factory.person()
    order = await placed(api, person)
    answer = await api.get("/api/order/list/", as_=person)
    assert (answer.status, await answer.json(), answer.headers["X-Total-Count"]) == (200, [], "0")
    answer = await api.get("/api/order/cust/detail/", params={"order_id": order["id"]}, as_=person)
    assert answer.status == 404


@pytest.mark.parametrize("path", ["/swagger/", "/redoc/"])
async def test_addresses_of_the_documents_are_html_pages(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")


async def test_the_list_is_read_to_its_end_by_its_links(
    api: Api, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await factory.person()
    for number in range(7):
        answer = await api.post(ORDERS, {"title": str(number), "description": "x"}, as_=person if number % 2 else None)
        assert answer.status == 201, await answer.text()
    everything = [one["id"] for one in await (await api.get(ORDERS, as_=person)).json()]
    assert len(everything) == 7
    monkeypatch.setattr(bare_lists, "MAX_ITEMS", 2)
    monkeypatch.setattr(bare_lists, "MAX_PUBLIC_OFFSET", 2)
    monkeypatch.setattr(pagination, "MAX_PUBLIC_OFFSET", 2)
    walked, path = [], ORDERS
    while path:
        answer = await api.get(path, as_=person)
        walked += [one["id"] for one in await answer.json()]
        path = str(answer.links["next"]["url"]) if "next" in answer.links else ""
    assert walked == everything
    assert await (await api.get(f"{ORDERS}?after=999999", as_=person)).json() == []
