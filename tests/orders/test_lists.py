"""Lists of orders in the market dialect, and who may read an order."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from mystar.kit.postgres.database import Database
from tests.orders.market import Market, add_service


async def test_only_its_parties_find_an_order(market: Market) -> None:
    first, second = await market.place(), await market.place()
    stranger = await market.factory.person()
    for person, found in (
        (market.buyer, [second["id"], first["id"]]),
        (market.creator, [second["id"], first["id"]]),
        (stranger, []),
    ):
        page = await (await market.api.get("/api/v1/orders/", as_=person)).json()
        assert page["count"] == len(found)
        assert [order["id"] for order in page["results"]] == found
    for role, count in (("buyer", 2), ("creator", 0)):
        page = await (await market.api.get("/api/v1/orders/", params={"role": role}, as_=market.buyer)).json()
        assert page["count"] == count


async def test_an_account_that_buys_and_sells_has_one_list(market: Market, app: web.Application) -> None:
    other = await market.factory.star()
    service_id, _ = await add_service(app, other)
    sold = await market.place()
    answer = await market.api.post("/api/v1/orders/", {"service_id": service_id}, as_=market.creator)
    bought = await answer.json()
    page = await (await market.api.get("/api/v1/orders/", as_=market.creator)).json()
    assert [order["id"] for order in page["results"]] == [bought["id"], sold["id"]]


async def test_a_list_is_filtered_by_the_shown_status(market: Market, db: Database) -> None:
    plain, paid, done = [(await market.place())["id"] for _ in range(3)]
    await db.execute("update orders set money = 'held' where id = %(id)s", id=paid)
    await db.execute("update orders set status = 'cancelled' where id = %(id)s", id=done)
    for status, found in (("pending", plain), ("paid", paid), ("cancelled", done), ("canceled", done)):
        page = await (await market.api.get("/api/v1/orders/", params={"status": status}, as_=market.buyer)).json()
        assert [order["id"] for order in page["results"]] == [found], status
    bad = await market.api.get("/api/v1/orders/", params={"status": "lost"}, as_=market.buyer)
    assert bad.status == 422


async def test_pages_of_orders_link_to_each_other(market: Market) -> None:
    placed = [(await market.place())["id"] for _ in range(3)]
    page = await (await market.api.get("/api/v1/orders/", params={"page_size": 2}, as_=market.buyer)).json()
    assert (page["count"], page["previous"], len(page["results"])) == (3, None, 2)
    last = await (await market.api.get(page["next"], as_=market.buyer)).json()
    assert (last["count"], last["next"], [order["id"] for order in last["results"]]) == (3, None, placed[:1])
    beyond = await market.api.get("/api/v1/orders/", params={"page": 3, "page_size": 2}, as_=market.buyer)
    assert beyond.status == 404


async def test_strangers_and_guests_cannot_read_an_order(market: Market) -> None:
    order = await market.place()
    stranger = await market.factory.star()
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "deliveries/"),
        *(("POST", f"{verb}/") for verb in ("pay", "accept", "reject", "deliveries", "approve", "cancel")),
        *(("POST", f"{verb}/") for verb in ("request-revision", "dispute", "capture", "refund", "complete_order")),
    ):
        body = {"requirements": "x", "message": "x"}
        url = f"/api/v1/orders/{order['id']}/{path}"
        options = {} if method == "GET" else {"json": body}
        assert (await market.api.request(method, url, as_=stranger, **options)).status == 404, (method, path)
        assert (await market.api.request(method, url, **options)).status == 401, (method, path)


async def test_the_number_of_queries_does_not_grow_with_the_page(
    market: Market, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    run = Database._run

    async def counting(self: Database, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return await run(self, *arguments)

    monkeypatch.setattr(Database, "_run", counting)
    counts = []
    for _ in range(2):
        for _ in range(3):
            await market.place(selected_option_ids=market.options)
        tries = []
        # What runs in the background asks, too, but not every time. Pages of another size are not kept answers.
        for size in range(10, 15):
            asked = 0
            path = f"/api/v1/orders/?page_size={size + 5 * len(counts)}"
            assert (await market.api.get(path, as_=market.buyer)).status == 200
            tries.append(asked)
        counts.append(min(tries))
    # Three more orders would be three more queries.
    assert counts[1] < counts[0] + 3
    assert max(counts) <= 4
