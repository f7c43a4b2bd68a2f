"""Services of creators: created, changed, hidden, removed, and who sees them (docs/dialects/market.md#services)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import OptionUnknown, ServiceUnknown
from mystar.kit.postgres.database import Database
from tests.catalog.service_requests import ALL, create_service, form, ids
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.subtests import as_subtests


async def test_a_service_comes_with_its_options_and_tags_in_both_shapes(api: Api, factory: Factory) -> None:
    creator, category = await factory.star(), await factory.category("Дизайн")
    sent = await form(factory, category_id=category, allows_modifications=True, modifications_price="1150.50")

    made = await (await api.post(ALL, sent, as_=creator)).json()

    assert (made["base_price"], made["price"], made["delivery_time"], made["estimated_time"]) == (
        1000,
        "1000.00",
        7,
        "7 дней",
    )
    assert made["category"] == {"id": category, "name": "Дизайн"}
    assert made["options"] == [
        {"id": made["options"][0]["id"], "name": "Срочно", "description": "За день", "price": 200}
    ]
    assert made["tags"] == ["Кофе", "логотип"]
    assert (made["allows_modifications"], made["modifications_price"]) == (True, "1150.50")
    assert made["creator_username"] == made["creator"]["username"] == creator.username
    assert made["is_active"]
    assert await (await api.get(f"{ALL}{made['id']}/")).json() == made
    brief = await (await api.get(f"/api/services/{made['id']}/")).json()
    assert brief == {name: made[name] for name in brief}
    assert set(brief) == {
        *("id", "creator_profile", "creator_username", "title", "description", "price", "estimated_time"),
        *("allows_modifications", "modifications_price", "is_active", "created_at", "updated_at"),
    }


async def test_only_creators_create_services(api: Api, factory: Factory) -> None:
    assert (await api.post(ALL, await form(factory))).status == 401
    refused = await api.post(ALL, await form(factory), as_=await factory.person())
    assert (refused.status, (await refused.json())["code"]) == (403, "creators_only")


@as_subtests
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "title"),
        ("title", "\x00", "title"),
        ("title", "x" * 201, "title"),
        ("category_id", 999, "category_id"),
        ("base_price", 0, "base_price"),
        ("base_price", -5, "base_price"),
        ("base_price", "1.001", "base_price"),
        ("base_price", 10**20, "base_price"),
        ("delivery_time", 1.5, "delivery_time"),
        ("delivery_time", 366, "delivery_time"),
        ("options", [{"name": "Срочно"}], "options.0.price"),
        ("options", [{"name": "Срочно", "price": -1}], "options.0.price"),
        ("options", [{"id": 7}], "options.0.id"),
        ("options", [{"name": "Ещё", "price": 1}] * 51, "options"),
        ("options", "всё", "options"),
        ("tags", ["x"] * 31, "tags"),
        ("tags", [None], "tags.0"),
        ("modifications_price", "много", "modifications_price"),
    ],
)
async def test_invalid_input_is_refused_by_field(api: Api, factory: Factory, field: str, value: Any, said: str) -> None:
    creator = await factory.star()
    refused = await api.post(ALL, await form(factory, **{field: value}), as_=creator)
    assert refused.status == 422
    assert list((await refused.json())["errors"]) == [said]
    assert (await (await api.get(ALL, params={"creator": "me"}, as_=creator)).json())["count"] == 1  # The greeting.


async def test_read_only_fields_of_the_body_are_ignored(api: Api, factory: Factory) -> None:
    creator, other = await factory.star(), await factory.star()
    made = await create_service(
        api, creator, factory, id=77, creator_id=1, creator_profile=1, account_id=other.id, kind="greeting",
        is_listed=False, is_withheld=True, rating=5, created_at="2001-01-01T00:00:00Z",
    )  # fmt: skip
    assert made["creator"]["user_id"] == creator.id
    assert (made["kind"], made["is_listed"], made["id"] == 77) == ("service", True, False)
    assert not made["created_at"].startswith("2001")


async def test_a_repeated_request_creates_one_service(api: Api, factory: Factory) -> None:
    creator, body = await factory.star(), await form(factory)
    answers = [await api.post(ALL, body, as_=creator, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert len({(await answer.json())["id"] for answer in answers}) == 1


async def test_options_are_replaced_as_a_whole_list(
    api: Api, app: web.Application, db: Database, factory: Factory
) -> None:
    creator = await factory.star()
    three = [{"name": name, "price": 100} for name in ("Первая", "Вторая", "Третья")]
    made = await create_service(api, creator, factory, options=three)
    first, second, third = (one["id"] for one in made["options"])
    await db.execute("update services set updated_at = updated_at - interval '1 second'")

    new_list = [{"id": third}, {"id": first, "price": "99.90"}, {"name": "Новая", "price": 1}]
    changed = await (await api.patch(f"{ALL}{made['id']}/", {"options": new_list}, as_=creator)).json()

    shown = [(one["name"], one["price"]) for one in changed["options"]]
    assert shown == [("Третья", 100), ("Первая", 99.9), ("Новая", 1)]
    assert changed["updated_at"] >= made["updated_at"]
    quote = await app[CATALOG].quote(made["id"], [first])
    assert (quote.options[0].price, quote.base_price, quote.delivery_days) == (9990, 100_000, 7)
    with pytest.raises(OptionUnknown):
        await app[CATALOG].quote(made["id"], [second])
    refused = await api.patch(f"{ALL}{made['id']}/", {"options": [{"id": second}], "title": "Иное"}, as_=creator)
    assert (refused.status, list((await refused.json())["errors"])) == (422, ["options.0.id"])
    twice = await api.patch(f"{ALL}{made['id']}/", {"options": [{"id": first}, {"id": first}]}, as_=creator)
    assert twice.status == 422
    assert (await (await api.get(f"{ALL}{made['id']}/")).json()) == changed


async def test_a_patch_changes_given_fields_and_a_put_requires_the_rest(api: Api, factory: Factory) -> None:
    creator = await factory.star()
    made = await create_service(api, creator, factory)
    where = f"{ALL}{made['id']}/"
    changed = await (await api.patch(where, {"base_price": "1500"}, as_=creator)).json()
    differ = {name for name in made if made[name] != changed[name]}
    assert differ - {"updated_at"} == {"base_price", "price"}
    assert (await api.put(where, {"title": "Одно"}, as_=creator)).status == 422
    whole = {"title": "Вывеска", "category_id": made["category_id"], "base_price": 5, "delivery_time": 1}
    replaced = await (await api.put(f"/api/services/{made['id']}", whole, as_=creator)).json()
    assert (replaced["title"], replaced["options"], replaced["tags"]) == ("Вывеска", made["options"], made["tags"])
    assert (await api.patch(where, {"base_price": 0}, as_=creator)).status == 422
    assert (await api.patch(where, {"category_id": 999}, as_=creator)).status == 422


async def test_modifications_are_free_priced_or_unavailable(api: Api, factory: Factory) -> None:
    creator = await factory.star()
    made = await create_service(api, creator, factory)
    where = f"{ALL}{made['id']}/"
    assert (made["allows_modifications"], made["modifications_price"]) == (False, "0.00")
    for change, allows, price in (
        ({"allows_modifications": True}, True, "1000.00"),
        ({"base_price": 1200}, True, "1200.00"),
        ({"modifications_price": 1300}, True, "1300.00"),
        ({"allows_modifications": True}, True, "1300.00"),
        ({"title": "Иначе"}, True, "1300.00"),
        ({"base_price": 1000}, True, "1300.00"),
        ({"allows_modifications": False}, False, "0.00"),
    ):
        shown = await (await api.patch(where, change, as_=creator)).json()
        assert (shown["allows_modifications"], shown["modifications_price"]) == (allows, price), change


@as_subtests
@pytest.mark.parametrize("change", [{"modifications_price": "999.99"}, {"base_price": 1200.01}])
async def test_a_price_with_modifications_below_the_base_price_is_refused(
    api: Api, factory: Factory, change: dict[str, Any]
) -> None:
    creator = await factory.star()
    made = await create_service(api, creator, factory, modifications_price=1200)
    refused = await api.patch(f"{ALL}{made['id']}/", change, as_=creator)
    body = await refused.json()
    assert (refused.status, body["code"], list(body["errors"])) == (
        422,
        "modifications_too_cheap",
        ["modifications_price"],
    )
    assert await (await api.get(f"{ALL}{made['id']}/")).json() == made


async def test_only_the_creator_changes_a_service(api: Api, factory: Factory) -> None:
    made = await create_service(api, await factory.star(), factory)
    where = f"{ALL}{made['id']}/"
    for other, status in ((await factory.star(), 404), (await factory.staff(), 404), (None, 401)):
        assert (await api.patch(where, {"title": "Моё"}, as_=other)).status == status
        assert (await api.put(where, await form(factory), as_=other)).status == status
        assert (await api.delete(where, as_=other)).status == status
    assert (await (await api.get(where)).json()) == made
    assert (await api.get(f"{ALL}999999/")).status == 404
    assert (await api.get(f"{ALL}9999999999999999999999/")).status == 404


async def test_a_hidden_service_is_visible_to_its_creator_and_staff_only(
    api: Api, app: web.Application, factory: Factory
) -> None:
    creator, staff, guest = await factory.star(), await factory.staff(), None
    made = await create_service(api, creator, factory, is_active=False)
    where = f"{ALL}{made['id']}/"

    async def statuses() -> list[int]:
        return [(await api.get(where, as_=person)).status for person in (creator, staff, await factory.person(), guest)]

    assert await statuses() == [200, 200, 404, 404]
    assert (await api.get(f"/api/services/{made['id']}/")).status == 404
    assert made["id"] not in await ids(api)
    assert made["id"] in await ids(api, creator="me", as_=creator)
    with pytest.raises(ServiceUnknown):
        await app[CATALOG].quote(made["id"])
    await api.patch(where, {"is_active": True}, as_=creator)
    assert await statuses() == [200] * 4
    await app[CATALOG].set_listed(actor(staff, "operator"), made["id"], False)
    assert await statuses() == [200, 200, 404, 404]
    shown = await (await api.get(where, as_=creator)).json()
    assert (shown["is_active"], shown["is_listed"]) == (True, False)
    assert (await api.get(ALL, params={"creator": "me"})).status == 401
    assert (await (await api.get(ALL, params={"creator": "me"}, as_=staff)).json())["count"] == 0


async def test_a_removed_service_remains_in_its_orders_only(api: Api, app: web.Application, factory: Factory) -> None:
    creator = await factory.star()
    made = await create_service(api, creator, factory)
    where = f"{ALL}{made['id']}/"
    assert (await api.delete(where, as_=creator)).status == 204
    assert [(await api.get(where, as_=person)).status for person in (creator, None)] == [404, 404]
    assert (await api.delete(where, as_=creator)).status == 404
    assert (await api.patch(where, {"title": "Снова"}, as_=creator)).status == 404
    assert made["id"] not in await ids(api, creator="me", as_=creator)
    kept = (await app[CATALOG].services_by_id([made["id"]]))[made["id"]]
    assert (kept.title, kept.is_removed, kept.options[0].name) == (made["title"], True, "Срочно")
    assert not await broken_invariants(app)


async def test_a_greeting_cannot_be_removed(api: Api, factory: Factory) -> None:
    star = await factory.star(price=1_500_000)
    (greeting,) = (await (await api.get("/api/v1/users/me/services/", as_=star)).json())["results"]
    assert (greeting["kind"], greeting["price"]) == ("greeting", "15000.00")
    where = f"{ALL}{greeting['id']}/"
    refused = await api.delete(where, as_=star)
    assert (refused.status, (await refused.json())["code"]) == (409, "greeting_stays")
    await api.patch(where, {"base_price": 20_000, "tags": ["юбилей"]}, as_=star)
    (shown,) = await (await api.get("/api/star/getlist/")).json()
    assert (shown["price"], shown["tags"]) == ("20000.00", ["юбилей"])
    await api.patch(where, {"is_active": False}, as_=star)
    stars = await api.get("/api/star/getlist/")
    assert (await stars.json(), stars.headers["X-Total-Count"]) == ([], "0")


async def test_services_of_a_blocked_creator_are_unlisted(api: Api, app: web.Application, factory: Factory) -> None:
    creator, owner = await factory.star(), await factory.staff()
    made = await create_service(api, creator, factory)
    await api.post(f"/admin/accounts/{creator.id}/block/", as_=owner)
    assert (await api.get(f"{ALL}{made['id']}/")).status == 404
    assert await ids(api) == []
    await api.post(f"/admin/accounts/{creator.id}/unblock/", as_=owner)
    assert made["id"] in await ids(api)
    assert not await broken_invariants(app)


async def test_concurrent_edits_do_not_mix(api: Api, app: web.Application, factory: Factory) -> None:
    creator = await factory.star()
    made = await create_service(api, creator, factory)
    lists = [[{"name": f"{letter}{number}", "price": 1} for number in range(3)] for letter in "абвгд"]
    answers = await asyncio.gather(
        *(api.patch(f"{ALL}{made['id']}/", {"options": one, "tags": [one[0]["name"]]}, as_=creator) for one in lists)
    )
    assert {answer.status for answer in answers} == {200}
    final = await (await api.get(f"{ALL}{made['id']}/")).json()
    names = [option["name"] for option in final["options"]]
    assert names in [[option["name"] for option in one] for one in lists]
    assert final["tags"] == names[:1]
