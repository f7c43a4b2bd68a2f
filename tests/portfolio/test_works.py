"""Works and their images in the market dialect (docs/dialects/market.md#skills-and-portfolio)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.creators.keys import CREATORS
from mystar.kit.postgres.database import Database
from mystar.portfolio.model import MAX_IMAGES
from tests.conftest import Api
from tests.factory import Factory, Person, picture, video
from tests.files.uploading import form
from tests.portfolio.conftest import IMAGES, ITEMS, Show


async def profile_id(app: web.Application, person: Person) -> int:
    return (await app[CREATORS].by_account(person.id)).id


async def titles(api: Api, **options: Any) -> list[str]:
    answer = await api.get(ITEMS, **options)
    assert answer.status == 200, await answer.text()
    return [one["title"] for one in (await answer.json())["results"]]


async def test_a_work_has_the_fields_of_the_document(
    api: Api, app: web.Application, show: Show, creator: Person
) -> None:
    made = await show(description="Разработка логотипа", external_url="https://example.com/logo", id=77)
    assert made["id"] != 77
    assert {name: made[name] for name in ("title", "description", "external_url", "images", "creator_profile")} == {
        "title": "Дизайн логотипа",
        "description": "Разработка логотипа",
        "external_url": "https://example.com/logo",
        "images": [],
        "creator_profile": await profile_id(app, creator),
    }
    assert made["cover_image"].startswith(f"{api.url}/media/portfolio/covers/")
    assert made["cover_image_url"] == made["cover_image"]
    assert made["created_at"] == made["updated_at"]
    for path in (f"{ITEMS}{made['id']}/", f"/api/v1/portfolio/{made['id']}/"):
        assert await (await api.get(path)).json() == made
    cover = await api.get(made["cover_image"])
    assert (cover.status, cover.content_type) == (200, "image/jpeg")


async def test_images_may_be_sent_with_a_work(api: Api, show: Show, creator: Person) -> None:
    body = form(title="Сайт", cover_image=("site.png", picture("PNG")))
    for number in range(3):
        body.add_field("uploaded_images[]", picture(size=(20 + number, 20)), filename=f"{number}.jpg")
    made = await (await api.post(ITEMS, data=body, as_=creator)).json()
    assert [image["order"] for image in made["images"]] == [1, 2, 3]
    listed = await (await api.get(IMAGES, params={"portfolio_item_id": made["id"]}, as_=creator)).json()
    assert [one["id"] for one in listed["results"]] == [image["id"] for image in made["images"]]


async def test_lists_are_newest_first_and_have_pages(
    api: Api, app: web.Application, show: Show, creator: Person, other: Person, factory: Factory
) -> None:
    for title in ("Первая", "Вторая", "Третья"):
        await show(title)
    await show("Чужая", as_=other)
    whose = {"creator_profile_id": await profile_id(app, creator)}
    assert await titles(api, params=whose) == ["Третья", "Вторая", "Первая"]
    assert await titles(api, params={"creator_profile": whose["creator_profile_id"]}, as_=other) == [
        "Третья",
        "Вторая",
        "Первая",
    ]
    assert await titles(api, as_=creator) == ["Третья", "Вторая", "Первая"]
    assert await titles(api, as_=await factory.person()) == []
    page = await (await api.get(ITEMS, params={**whose, "page": 2, "page_size": 2})).json()
    assert (page["count"], page["next"], [one["title"] for one in page["results"]]) == (3, None, ["Первая"])
    assert page["previous"].startswith(f"{api.url}{ITEMS}?")
    assert (await api.get(ITEMS, params={**whose, "page": 3})).status == 404
    assert (await api.get(ITEMS, params={"creator_profile_id": 0}, as_=creator)).status == 422


async def test_a_guest_must_name_a_creator(api: Api) -> None:
    answer = await api.get(ITEMS)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_change_without_a_file_keeps_the_cover(api: Api, db: Database, show: Show, creator: Person) -> None:
    made = await show(description="Было", external_url="https://example.com")
    await db.execute("update portfolio_items set updated_at = updated_at - interval '1 second'")
    path = f"{ITEMS}{made['id']}/"
    for method, body in (
        ("PUT", {"data": form(title="Стало", description="Тоже", cover_image="")}),
        ("PATCH", {"data": form(title="Стало", cover_image=made["cover_image"])}),
        ("PUT", {"json": {"title": "Стало"}}),
        ("PATCH", {"json": {"external_url": ""}}),
    ):
        answer = await api.request(method, path, as_=creator, **body)
        assert answer.status == 200, await answer.text()
    changed = await answer.json()
    same = {**made, "title": "Стало", "description": "Тоже", "external_url": "", "updated_at": changed["updated_at"]}
    assert changed == same
    assert changed["updated_at"] >= made["updated_at"]


async def test_a_new_cover_replaces_the_old_one(api: Api, show: Show, creator: Person) -> None:
    made = await show()
    body = form(cover_image=("new.png", picture("PNG")))
    changed = await (await api.patch(f"{ITEMS}{made['id']}/", data=body, as_=creator)).json()
    assert (changed["title"], changed["cover_image"].endswith(".png")) == (made["title"], True)
    assert (await api.get(changed["cover_image"])).status == 200
    assert (await api.get(made["cover_image"])).status == 404


async def test_images_are_in_the_order_that_the_creator_set(api: Api, show: Show, add: Show, creator: Person) -> None:
    item = await show()
    first = await add(item, caption="Вариант 1", order=2)
    second = await add(item, caption="Вариант 2", order=1)
    third = await add(item)
    assert first == {
        "id": first["id"],
        "image": first["image"],
        "image_url": first["image"],
        "caption": "Вариант 1",
        "order": 2,
        "portfolio_item": item["id"],
    }
    assert first["image"].startswith(f"{api.url}/media/portfolio/images/")
    assert third["order"] == 3
    read = await (await api.get(f"{ITEMS}{item['id']}/")).json()
    assert [(one["id"], one["order"]) for one in read["images"]] == [
        (second["id"], 1),
        (first["id"], 2),
        (third["id"], 3),
    ]
    changed = await api.patch(f"{IMAGES}{third['id']}/", {"order": 0, "caption": "Главный"}, as_=creator)
    assert (changed.status, (await changed.json())["image"]) == (200, third["image"])
    body = form(image=("new.webp", picture("WEBP")))
    replaced = await (await api.put(f"{IMAGES}{first['id']}/", data=body, as_=creator)).json()
    assert (replaced["caption"], replaced["order"], replaced["image"] != first["image"]) == ("Вариант 1", 2, True)
    assert (await api.get(first["image"])).status == 404
    for name in ("portfolio_item_id", "portfolio_item"):
        page = await (await api.get(IMAGES, params={name: item["id"]}, as_=creator)).json()
        assert [one["caption"] for one in page["results"]] == ["Главный", "Вариант 2", "Вариант 1"]
    assert await (await api.get(f"{IMAGES}{first['id']}/")).json() == replaced
    assert (await api.delete(f"{IMAGES}{first['id']}/", as_=creator)).status == 204
    assert (await api.get(replaced["image"])).status == 404
    assert (await api.get(f"{IMAGES}{first['id']}/")).status == 404


async def test_images_without_a_work_are_those_of_the_caller(
    api: Api, show: Show, add: Show, creator: Person, other: Person
) -> None:
    mine, theirs = await show(), await show(as_=other)
    image, foreign = await add(mine), await add(theirs, as_=other)
    page = await (await api.get(IMAGES, as_=creator)).json()
    assert (page["count"], [one["id"] for one in page["results"]]) == (1, [image["id"]])
    page = await (await api.get(IMAGES, params={"portfolio_item_id": theirs["id"]}, as_=creator)).json()
    assert [one["id"] for one in page["results"]] == [foreign["id"]]
    page = await (await api.get(IMAGES, params={"portfolio_item_id": 999}, as_=creator)).json()
    assert (page["count"], page["results"]) == (0, [])


async def test_deleting_a_work_deletes_its_images(api: Api, show: Show, add: Show, creator: Person) -> None:
    item = await show()
    image = await add(item)
    assert (await api.delete(f"{ITEMS}{item['id']}/", as_=creator)).status == 204
    for path in (f"{ITEMS}{item['id']}/", f"{IMAGES}{image['id']}/", item["cover_image"], image["image"]):
        assert (await api.get(path)).status == 404
    assert (await api.delete(f"{ITEMS}{item['id']}/", as_=creator)).status == 404


async def test_guests_and_strangers_cannot_change_a_work(
    api: Api, show: Show, add: Show, factory: Factory, other: Person
) -> None:
    item = await show()
    image = await add(item)
    strangers = [other, await factory.person(), await factory.staff()]
    for method, path, code in (
        ("PUT", f"{ITEMS}{item['id']}/", "portfolio_item_unknown"),
        ("PATCH", f"{ITEMS}{item['id']}/", "portfolio_item_unknown"),
        ("DELETE", f"{ITEMS}{item['id']}/", "portfolio_item_unknown"),
        ("PUT", f"{IMAGES}{image['id']}/", "portfolio_image_unknown"),
        ("PATCH", f"{IMAGES}{image['id']}/", "portfolio_image_unknown"),
        ("DELETE", f"{IMAGES}{image['id']}/", "portfolio_image_unknown"),
    ):
        body = None if method == "DELETE" else {"title": "Моё", "caption": "Моё", "order": 9}
        assert (await api.request(method, path, json=body)).status == 401
        for stranger in strangers:
            answer = await api.request(method, path, json=body, as_=stranger)
            assert (answer.status, (await answer.json())["code"]) == (404, code)
    for stranger in strangers:
        body = form(portfolio_item=item["id"], image=("x.png", picture("PNG")))
        assert (await api.post(IMAGES, data=body, as_=stranger)).status == 404
    for path in (ITEMS, IMAGES):
        assert (await api.post(path, data=form(title="Моё"))).status == 401
    assert (await api.get(IMAGES)).status == 401
    read = await (await api.get(f"{ITEMS}{item['id']}/")).json()
    assert (read["title"], [one["caption"] for one in read["images"]]) == (item["title"], [""])


async def test_only_creators_create_works(api: Api, factory: Factory) -> None:
    body = form(title="Моё", cover_image=("x.png", picture("PNG")))
    answer = await api.post(ITEMS, data=body, as_=await factory.person())
    assert (answer.status, (await answer.json())["code"]) == (403, "creators_only")


WRONG_WORKS: list[tuple[dict[str, Any], str]] = [
    ({"title": "Логотип"}, "cover_image"),
    ({"title": "Логотип", "cover_image": ""}, "cover_image"),
    ({"cover_image": ("x.jpg", picture())}, "title"),
    ({"title": " ", "cover_image": ("x.jpg", picture())}, "title"),
    ({"title": "x" * 201, "cover_image": ("x.jpg", picture())}, "title"),
    ({"title": "x", "external_url": "javascript:x", "cover_image": ("x.jpg", picture())}, "external_url"),
    ({"title": "x", "cover_image": ("x.jpg", b"no picture")}, "cover_image"),
    ({"title": "x", "cover_image": ("x.png", b"<!doctype html><script>x</script>")}, "cover_image"),
    ({"title": "x", "cover_image": ("x.mp4", video())}, "cover_image"),
    ({"title": "x", "cover_image": ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}, "cover_image"),
    ({"title": "x", "cover_image": ("x.jpg", b"")}, "cover_image"),
    ({"title": "x", "cover_image": ("x.jpg", picture()), "other": ("x.jpg", picture())}, "other"),
]


async def test_an_invalid_work_is_refused_by_field(api: Api, creator: Person) -> None:
    for fields, field in WRONG_WORKS:
        answer = await api.post(ITEMS, data=form(**fields), as_=creator)
        assert (answer.status, list((await answer.json())["errors"])) == (422, [field]), fields
    assert await titles(api, as_=creator) == []


WRONG_IMAGES: list[tuple[dict[str, Any], str]] = [
    ({"portfolio_item": "", "image": ("x.jpg", picture())}, "portfolio_item"),
    ({"portfolio_item": "x", "image": ("x.jpg", picture())}, "portfolio_item"),
    ({}, "image"),
    ({"image": ("x.jpg", picture()), "order": -1}, "order"),
    ({"image": ("x.jpg", picture()), "order": 2**31}, "order"),
    ({"image": ("x.jpg", picture()), "caption": "x" * 501}, "caption"),
    ({"image": ("x.gif", b"GIF89a")}, "image"),
]


async def test_an_invalid_image_is_refused_by_field(api: Api, show: Show, creator: Person) -> None:
    item = await show()
    for fields, field in WRONG_IMAGES:
        answer = await api.post(IMAGES, data=form(**{"portfolio_item": item["id"], **fields}), as_=creator)
        assert (answer.status, list((await answer.json())["errors"])) == (422, [field]), fields
    assert (await (await api.get(f"{ITEMS}{item['id']}/")).json())["images"] == []


async def test_changes_are_validated_like_new_works(api: Api, show: Show, creator: Person) -> None:
    path = f"{ITEMS}{(await show())['id']}/"
    for method, body in (("PUT", {}), ("PATCH", {"title": ""}), ("PATCH", {"title": 5.5, "description": []})):
        assert (await api.request(method, path, json=body, as_=creator)).status == 422
    assert (await api.patch(path, data=b"{", headers={"Content-Type": "application/json"}, as_=creator)).status == 400
    assert (await api.patch(path, ["title"], as_=creator)).status == 422
    broken = await api.patch(path, data=b"x", headers={"Content-Type": "multipart/form-data; boundary=y"}, as_=creator)
    assert broken.status == 400


async def test_the_images_of_a_work_are_limited(api: Api, show: Show, creator: Person) -> None:
    body = form(title="Много", cover_image=("x.png", picture("PNG", (8, 8))))
    for number in range(MAX_IMAGES):
        body.add_field("uploaded_images", picture("PNG", (8, 8)), filename=f"{number}.png")
    item = await (await api.post(ITEMS, data=body, as_=creator)).json()
    assert len(item["images"]) == MAX_IMAGES
    body = form(portfolio_item=item["id"], image=("x.png", picture("PNG", (8, 8))))
    answer = await api.post(IMAGES, data=body, as_=creator)
    assert (answer.status, (await answer.json())["code"]) == (409, "too_many_images")


async def test_views_of_works_are_accepted_and_not_counted(api: Api, show: Show) -> None:
    item = await show()
    assert (await api.post(f"{ITEMS}{item['id']}/view/")).status == 204
    assert (await api.post(f"{ITEMS}{item['id'] + 1}/view/")).status == 404


async def test_the_newest_works_are_on_the_creators_page(
    api: Api, app: web.Application, show: Show, creator: Person
) -> None:
    item = await show()
    path = f"/api/v1/creators/{await profile_id(app, creator)}/"
    page = await (await api.get(path, params={"detail": "true"})).json()
    assert page["portfolio"] == [item]
