"""The market endpoints of notifications: reading, counting, marking, deleting, access."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.queries import load
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.notifications.notification_requests import LIST, notifications_of, unread
from tests.subtests import as_subtests

NO_ID = 10**18 - 1


@pytest.fixture
async def orders(factory: Factory, customer: Person, star: Person) -> list[int]:
    """Three, of each of which the star is told."""
    return [await factory.order(customer, star) for _ in range(3)]


@pytest.fixture
async def ids(api: Api, star: Person, orders: list[int]) -> list[int]:
    """Of the notifications, oldest first."""
    return [one["id"] for one in reversed(await notifications_of(api, star))]


async def test_a_notification_has_the_documented_keys(api: Api, star: Person, orders: list[int]) -> None:
    newest = (await notifications_of(api, star))[0]
    assert newest.pop("id") > 0
    assert newest.pop("created_at").endswith("Z")
    number = orders[-1]
    assert newest == {
        "type": "new_order",
        "message": "У вас новый заказ!",
        "data": {"order_id": number, "kind": "greeting", "status": "pending", "total_price": "15000.00"},
        "is_read": False,
        "title": "Новый заказ",
        "notification_type": "new_order",
        "priority": "high",
        "link": f"/orders/{number}",
        "related_object_type": "order",
        "related_object_id": number,
    }


async def test_texts_are_in_the_requested_language_or_that_of_the_account(
    api: Api, app: web.Application, star: Person, orders: list[int]
) -> None:
    await app[DATABASE].execute("update accounts set language = 'en' where id = %(id)s", id=star.id)
    for asked, expected in (
        (None, "You have a new order!"),
        ("ru", "У вас новый заказ!"),
        ("en", "You have a new order!"),
    ):
        assert {one["message"] for one in await notifications_of(api, star, language=asked)} == {expected}


async def test_the_list_comes_in_pages_newest_first(api: Api, star: Person, ids: list[int]) -> None:
    answer = await api.get(LIST, params={"page_size": 2}, as_=star)
    page = await answer.json()
    assert (page["count"], page["previous"], [one["id"] for one in page["results"]]) == (3, None, ids[:0:-1])
    page = await (await api.get(page["next"], as_=star)).json()
    assert (page["next"], [one["id"] for one in page["results"]]) == (None, ids[:1])
    assert (await api.get(LIST, params={"page": 3, "page_size": 2}, as_=star)).status == 404


async def test_notifications_are_filtered_by_read_state(api: Api, star: Person, ids: list[int]) -> None:
    await api.post(f"{LIST}{ids[1]}/mark-as-read/", as_=star)
    assert [one["id"] for one in await notifications_of(api, star, read="true")] == [ids[1]]
    assert [one["id"] for one in await notifications_of(api, star, read="false")] == [ids[2], ids[0]]
    answer = await api.get(LIST, params={"read": "false", "page_size": 1}, as_=star)
    assert (await answer.json())["count"] == 2


async def test_an_invalid_query_is_refused_by_field(api: Api, star: Person) -> None:
    for query in ({"read": "perhaps"}, {"page": "0"}, {"page_size": "101"}, {"page": "many"}):
        answer = await api.get(LIST, params=query, as_=star)
        assert answer.status == 422, query
        assert list((await answer.json())["errors"]) == list(query)


async def test_marking_as_read_is_idempotent(api: Api, star: Person, ids: list[int]) -> None:
    for _ in range(2):
        answer = await api.post(f"{LIST}{ids[0]}/mark-as-read/", as_=star)
        assert (answer.status, await answer.json()) == (200, {"id": ids[0], "is_read": True})
    assert await unread(api, star) == 2
    one = await (await api.get(f"{LIST}{ids[0]}/", as_=star)).json()
    assert one["is_read"] is True


async def test_all_notifications_can_be_marked_as_read(api: Api, star: Person, ids: list[int]) -> None:
    for marked in (3, 0):
        answer = await api.post(f"{LIST}mark-all-read/", as_=star)
        assert (answer.status, await answer.json()) == (200, {"marked_count": marked, "unread_count": 0})
    assert await unread(api, star) == 0
    assert {one["is_read"] for one in await notifications_of(api, star)} == {True}


async def test_one_or_all_notifications_can_be_deleted(api: Api, star: Person, ids: list[int]) -> None:
    assert (await api.delete(f"{LIST}{ids[0]}/", as_=star)).status == 204
    assert (await api.delete(f"{LIST}{ids[0]}/", as_=star)).status == 404
    assert [one["id"] for one in await notifications_of(api, star)] == [ids[2], ids[1]]
    for deleted, clear in ((2, api.post), (0, api.delete)):
        answer = await clear(f"{LIST}clear-all/", as_=star)
        assert (answer.status, await answer.json()) == (200, {"deleted_count": deleted})
    assert await notifications_of(api, star) == []


async def test_notifications_of_other_accounts_are_404(
    api: Api, star: Person, customer: Person, ids: list[int]
) -> None:
    requests = (("GET", "{}/"), ("DELETE", "{}/"), ("POST", "{}/mark-as-read/"), ("POST", "{}/mark-read/"))
    unknown = ((ids[0], customer), (NO_ID, star), (NO_ID * 1000, star), ("one", star))
    for (method, path), (notification_id, person) in product(requests, unknown):
        answer = await api.request(method, LIST + path.format(notification_id), as_=person)
        assert answer.status == 404, (method, path, notification_id)
        assert (await answer.json()).keys() == {"error", "detail", "code"}
    assert await unread(api, star) == 3


async def test_marking_and_deleting_affect_own_notifications_only(
    api: Api, star: Person, customer: Person, ids: list[int]
) -> None:
    await api.post(f"{LIST}mark-all-read/", as_=customer)
    await api.post(f"{LIST}clear-all/", as_=customer)
    assert await unread(api, star) == 3


async def test_notifications_need_a_token(api: Api) -> None:
    for method, path in (
        *(("GET", path) for path in ("", "unread-count/", "settings/", "1/")),
        *(("POST", path) for path in ("1/mark-as-read/", "mark-all-read/", "clear-all/")),
        *(("DELETE", path) for path in ("1/", "clear-all/")),
        ("PATCH", "settings/"),
    ):
        answer = await api.request(method, LIST + path)
        assert (answer.status, answer.headers.get("WWW-Authenticate")) == (401, "Bearer"), (method, path)


@pytest.mark.parametrize(
    "base", ["/api/v1/notifications/notifications/", "/api/notifications/", "/api/notifications/notifications/"]
)
async def test_the_addresses_of_the_documents_client_are_answered(
    api: Api, star: Person, ids: list[int], base: str
) -> None:
    async def ask(method: str, path: str) -> Any:
        answer = await api.request(method, base + path, as_=star)
        assert answer.status == 200, path
        return await answer.json()

    assert [one["id"] for one in (await ask("GET", ""))["results"]] == ids[::-1]
    assert await ask("GET", "unread-count/") == {"unread_count": 3}
    assert await ask("GET", "unread-count") == {"unread_count": 3}
    assert await ask("POST", f"{ids[0]}/mark-read/") == {"id": ids[0], "is_read": True}
    assert await ask("POST", f"{ids[1]}/mark-as-read/") == {"id": ids[1], "is_read": True}
    assert (await ask("POST", "mark-all-read/"))["marked_count"] == 1
    assert await ask("GET", "settings/") == {"email": True, "muted": []}
    assert (await api.delete(f"{base}{ids[0]}/", as_=star)).status == 204
    assert await ask("DELETE", "clear-all/") == {"deleted_count": 2}


async def test_mails_can_be_switched_off_and_on(api: Api, star: Person) -> None:
    path = f"{LIST}settings/"
    assert await (await api.get(path, as_=star)).json() == {"email": True, "muted": []}
    for wanted in (False, True, True):
        answer = await api.patch(path, {"email": wanted}, as_=star)
        assert (answer.status, await answer.json()) == (200, {"email": wanted, "muted": []})
        assert await (await api.get(path, as_=star)).json() == {"email": wanted, "muted": []}
    for body in ({}, {"email": None}, {"email": "maybe"}, {"email": []}, []):
        assert (await api.patch(path, body, as_=star)).status == 422


@as_subtests
@pytest.mark.parametrize(
    ("read", "index"),
    [(None, "notifications_account_idx"), (True, "notifications_read_idx"), (False, "notifications_unread_idx")],
)
async def test_every_filter_of_the_list_has_its_index(db: Database, read: bool | None, index: str) -> None:
    async with db.transaction() as tx:
        # In an empty table anything is cheap: say what may not be.
        await tx.execute(
            "set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off"
        )
        query = f"explain {load('mystar.notifications').page}"
        plan = await tx.all(query, account_id=1, read=read, limit=20, offset=0)
    assert index in "\n".join(line["QUERY PLAN"] for line in plan)
