"""Services that are sent as the documents' clients do: forms with pictures, delivery times in words."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.kit.postgres.database import Database
from tests.catalog.service_requests import with_pictures
from tests.conftest import Api
from tests.factory import Factory
from tests.subtests import as_subtests


async def test_a_service_is_created_and_changed_by_the_client_s_form(api: Api, db: Database, factory: Factory) -> None:
    creator = await factory.star(channel="market")
    sent = {
        "title": "Монтаж ролика",
        "description": "До пяти минут",
        "price": "5000",
        "estimated_time": "3-5 рабочих дней",
        "allows_modifications": "true",
        "modifications_price": "7000",
        "is_active": "true",
    }
    answer = await api.post("/api/services/", data=with_pictures(sent, "a.png", "b.png"), as_=creator)
    made = await answer.json()
    assert answer.status == 201, made
    assert (made["base_price"], made["modifications_price"], made["delivery_time"]) == (5000, "7000.00", 5)
    assert (made["estimated_time"], made["category"]["name"]) == ("3-5 рабочих дней", "Другое")
    assert made["creator"]["user"] == {"id": creator.id, "username": creator.username}
    pictures = [image["image"] for image in made["images"]]
    assert [(await api.get(picture)).status for picture in pictures] == [200, 200]

    changed = await api.patch(
        f"/api/services/{made['id']}/",
        data=with_pictures({"price": "4000", "estimated_time": ""}, "c.png"),
        as_=creator,
    )
    shown = await changed.json()
    assert (shown["price"], shown["estimated_time"], shown["title"]) == ("4000.00", "3-5 рабочих дней", sent["title"])
    # A PATCH adds its pictures.
    assert [image["id"] for image in shown["images"][:2]] == [image["id"] for image in made["images"]]
    assert len(shown["images"]) == 3
    assert await db.value("select count(*) from categories where name = 'Другое'") == 1
    again = await api.post("/api/services/", {"title": "x", "price": 1, "estimated_time": 7}, as_=creator)
    assert (again.status, (await again.json())["category_id"]) == (201, made["category_id"])


async def test_a_delivery_time_without_words_is_told_in_the_language_of_the_request(api: Api, factory: Factory) -> None:
    creator, buyer = await factory.star(), await factory.person()
    draft = {"title": "Монтаж", "price": 1, "estimated_time": 21}
    made = await (await api.post("/api/services/", draft, as_=creator, language="en")).json()
    assert made["estimated_time"] == "21 days"
    path = f"/api/services/{made['id']}/"
    for language, shown in (("en-GB,ru;q=0.5", "21 days"), ("ru", "21 день"), (None, "21 день"), ("de", "21 день")):
        assert (await (await api.get(path, language=language)).json())["estimated_time"] == shown
    await api.patch(path, {"estimated_time": 1}, as_=creator)
    order = await (await api.post("/api/v1/orders/", {"service_id": made["id"]}, as_=buyer, language="en")).json()
    assert order["service"]["estimated_time"] == "1 day"


async def test_single_pictures_of_a_service_are_removed_moved_and_added(api: Api, factory: Factory) -> None:
    creator = await factory.star()
    draft = {"title": "Монтаж", "price": "5000", "estimated_time": "7"}
    made = await (await api.post("/api/services/", data=with_pictures(draft, "a.png", "b.png"), as_=creator)).json()
    path, (first, second) = f"/api/services/{made['id']}/", made["images"]

    async def change(data: Any = None, *, method: str = "PATCH", status: int = 200, **options: Any) -> list[int]:
        answer = await api.request(method, path, data=data, as_=creator, **options)
        assert answer.status == status, await answer.text()
        return [one["id"] for one in (await answer.json())["images"]] if status == 200 else []

    assert await change(json={"images": [second["id"], first]}) == [second["id"], first["id"]], "as it was read, too"
    form = with_pictures({}, "c.png")
    form.add_field("images[]", str(second["id"]))
    form.add_field("images[]", str(first["id"]))
    *kept, added = await change(form)
    assert kept == [second["id"], first["id"]]
    assert await change(json={"images": [added, first["id"]]}) == [added, first["id"]]
    assert (await api.get(second["image"])).status == 404
    assert await change(with_pictures({"images": f"[{added}]"}, "d.png")) == [added, added + 1]

    await change(json={"images": [second["id"]]}, status=422)
    await change(with_pictures({}, *(f"{number}.png" for number in range(9))), status=422)
    assert await change(json={"title": "Другой"}) == [added, added + 1], "what is refused changes nothing"
    (only,) = await change(with_pictures(draft, "e.png"), method="PUT")
    assert only > added + 1
    assert await change(json={"images": []}) == []


@as_subtests
@pytest.mark.parametrize(
    ("sent", "days", "shown"),
    [
        ({"estimated_time": "7"}, 7, "7 дней"),
        ({"estimated_time": "1"}, 1, "1 день"),
        ({"estimated_time": 22}, 22, "22 дня"),
        ({"estimated_time": "2 недели"}, 14, "2 недели"),
        ({"estimated_time": "36 часов"}, 2, "36 часов"),
        ({"estimated_time": "48 часов"}, 2, "48 часов"),
        ({"estimated_time": "от 12 часов до 2 дней"}, 2, "от 12 часов до 2 дней"),
        ({"estimated_time": "1,5 недели"}, 11, "1,5 недели"),
        ({"estimated_time": "2 дня"}, 2, "2 дня"),
        ({"estimated_time": "5"}, 5, "5 дней"),
        ({"estimated_time": "11"}, 11, "11 дней"),
        ({"estimated_time": "21"}, 21, "21 день"),
        ({"estimated_time": "112"}, 112, "112 дней"),
        ({"estimated_time": "до 1 месяца"}, 30, "до 1 месяца"),
        ({"estimated_time_value": 3, "estimated_time_unit": "weeks"}, 21, "21 день"),
        ({"estimated_time_value": "12", "estimated_time_unit": "дней"}, 12, "12 дней"),
        ({"delivery_time": 11}, 11, "11 дней"),
        ({"delivery_time": 3, "estimated_time": "три дня: 3"}, 3, "три дня: 3"),
    ],
)
async def test_delivery_times_are_read_in_words(
    api: Api, factory: Factory, sent: dict[str, Any], days: int, shown: str
) -> None:
    creator = await factory.star()
    answer = await api.post("/api/services/", {"title": "Ролик", "price": 100, **sent}, as_=creator)
    made = await answer.json()
    assert (answer.status, made["delivery_time"], made["estimated_time"]) == (201, days, shown)


@as_subtests
@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"estimated_time": "договоримся"}, "estimated_time"),
        ({"estimated_time": "400 дней"}, "estimated_time"),
        ({"estimated_time_value": 60, "estimated_time_unit": "weeks"}, "estimated_time_value"),
        ({}, "delivery_time"),
        ({"estimated_time": "7", "price": ""}, "base_price"),
        ({"estimated_time": "7", "price": "-1"}, "price"),
    ],
)
async def test_a_wrong_field_of_the_client_s_form_is_named(
    api: Api, factory: Factory, sent: dict[str, Any], field: str
) -> None:
    creator = await factory.star()
    answer = await api.post("/api/services/", {"title": "Ролик", "price": "100", **sent}, as_=creator)
    assert (answer.status, list((await answer.json())["errors"])) == (422, [field])
