"""The same works with nothing around them but aiohttp and aiopg: what the service is compared with.

No middleware, no validation, no rules, no logs; rows go out as they come, and statements are sent as text, one by one,
as aiopg does. Token and session are checked for every request, and an order is shown to its parties only.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
from aiohttp import web
from psycopg2.extras import Json

from mystar.catalog import filter_queries
from mystar.catalog.search import ServiceFilter, StarFilter
from mystar.kit.postgres import queries
from tests.bench.bare import KEY, POOL, run

ACCOUNTS, CATALOG, NEWS, ORDERS, PAYMENTS, EARNINGS = (
    queries.load(f"mystar.{domain}")
    for domain in ("accounts", "catalog", "notifications", "orders", "payments", "earnings")
)
PAGE = filter_queries.counted_page_of_ids(ServiceFilter(), limit=20, offset=0)
STARS = filter_queries.page_of_stars(StarFilter(), limit=1000, offset=0)
_ENTRIES = {
    **dict.fromkeys(("order_id", "buyer_id", "seller_id", "status")),
    **{"limit": 20, "offset": 0, "reach": 20, "greetings": False, "studio": True},
}


class _Values(dict[str, Any]):
    """What nothing is said of here is null: the statements of the service know more than these works need."""

    def __missing__(self, name: str) -> None:
        return None


class Session:
    """One connection of the pool, and the account whose token the request has."""

    def __init__(self, cursor: Any, account_id: int | None) -> None:
        self._cursor, self.id = cursor, account_id

    async def rows(self, query: str, values: Any = None, **named: Any) -> list[dict[str, Any]]:
        await self._cursor.execute(query, _Values(named) if values is None else values)
        names = [column.name for column in self._cursor.description or ()]
        return [dict(zip(names, row)) for row in await self._cursor.fetchall()] if names else []  # noqa: B905

    async def run(self, statement: str) -> None:
        await self._cursor.execute(statement)


@contextlib.asynccontextmanager
async def session_of(request: web.Request) -> AsyncIterator[Session]:
    token, account_id = request.headers.get("Authorization", "").removeprefix("Bearer "), None
    async with request.app[POOL].acquire() as connection, connection.cursor() as cursor:
        if token:
            claims = jwt.decode(token, request.app[KEY], algorithms=["HS256"], issuer="mystar", audience="mystar")
            account_id = claims["id"]
            await cursor.execute(ACCOUNTS.active_session, {"ids": [claims["sid"]], "now": datetime.now(UTC)})
            if not await cursor.fetchall():
                raise web.HTTPUnauthorized
        yield Session(cursor, account_id)


def answer(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data, default=str), content_type="application/json", status=status)


async def services(request: web.Request) -> web.Response:
    async with session_of(request) as session:
        page = await session.rows(*PAGE)
        found = await session.rows(CATALOG.services, ids=[one["id"] for one in page])
    return answer({"count": page[0]["total"], "results": found})


async def service(request: web.Request) -> web.Response:
    async with session_of(request) as session:
        (found,) = await session.rows(CATALOG.services, ids=[int(request.match_info["id"])])
    return answer(found)


async def stars(request: web.Request) -> web.Response:
    async with session_of(request) as session:
        ids = [one["id"] for one in await session.rows(*STARS)]
        return answer(await session.rows(CATALOG.stars, ids=ids), 201)


async def orders(request: web.Request) -> web.Response:
    async with session_of(request) as session:
        found = await session.rows(ORDERS.order_entries, _ENTRIES | {"buyer_id": session.id, "seller_id": session.id})
        await _add_services(session, found)
    return answer({"count": len(found), "results": found})


async def order(request: web.Request) -> web.Response:
    order_id = int(request.match_info["id"])
    async with session_of(request) as session:
        (found,) = await session.rows(ORDERS.order_entries, _ENTRIES | {"order_id": order_id})
        if session.id not in (found["buyer_id"], found["creator_account_id"]):
            raise web.HTTPNotFound
        await _add_services(session, [found])
        found["deliveries"] = await session.rows(ORDERS.deliveries, order_id=order_id, limit=100, offset=0)
        found["payments"] = await session.rows(PAYMENTS.payments_of_order, order_id=order_id, most=100)
        found["timeline"] = await session.rows(ORDERS.timeline, order_id=order_id, limit=1000)
    return answer(found)


async def _add_services(session: Session, found: list[dict[str, Any]]) -> None:
    rows = await session.rows(CATALOG.services, ids=list({one["service_id"] for one in found}))
    known = {one["id"]: one for one in rows}
    for one in found:
        one["service"] = known.get(one["service_id"])


async def place(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    async with session_of(request) as session:
        (sold,) = await session.rows(CATALOG.services, ids=[body["service_id"]])
        chosen = [
            dict(zip(("id", "name", "description", "price"), option, strict=True))
            for option in sold["options"] or ()
            if option[0] in body["selected_option_ids"]
        ]
        await session.run("begin")
        placed = await _write(session, sold, chosen, body["requirements"])
        await session.run("commit")
    return answer(placed | {"service": sold}, 201)


async def _write(session: Session, sold: dict[str, Any], chosen: list[dict[str, Any]], wish: str) -> dict[str, Any]:
    now, price = datetime.now(UTC), sold["base_price"]
    total = price + sum(option["price"] for option in chosen)
    (placed,) = await session.rows(
        ORDERS.place_order,
        kind="service",
        creator_id=sold["creator_id"],
        service_id=sold["id"],
        buyer_id=session.id,
        price=price,
        total_price=total,
        options=orjson.dumps(chosen).decode(),
        for_whom="",
        wish=wish,
        occasion="video",
        by_date=(now + timedelta(days=sold["delivery_days"])).date(),
        by_time="23:59",
        deadline_at=now + timedelta(days=3),
        now=now,
    )
    await session.rows(
        ORDERS.add_event,
        **{"order_id": placed["id"], "actor_id": session.id, "role": "buyer", "action": "place"},
        **{"from_status": None, "to_status": "pending", "from_money": None, "to_money": "none"},
        **{"details": Json({"price": total}), "now": now},
    )
    await session.rows(
        EARNINGS.add_earning,
        **{"order_id": placed["id"], "creator_id": sold["account_id"], "mode": "balance", "service_id": sold["id"]},
        **{"kind": "service", "vat_percent": 0, "keeps_commission": False, "price": total, "now": now},
    )
    await session.rows(
        NEWS.add,
        account_id=sold["account_id"],
        kind="new_order",
        data=Json({"order_id": placed["id"], "kind": "service", "status": "pending", "total_price": str(total / 100)}),
        subject="order",
        subject_id=placed["id"],
        now=now,
        mail_at=None,
        is_mailed=False,
    )
    return placed


def main() -> None:
    app = web.Application()
    app.router.add_get("/api/star/getlist/", stars)
    app.router.add_get("/api/v1/services/", services)
    app.router.add_get(r"/api/v1/services/{id:\d+}/", service)
    app.router.add_get("/api/v1/orders/", orders)
    app.router.add_get(r"/api/v1/orders/{id:\d+}/", order)
    app.router.add_post("/api/v1/orders/", place)
    run(app, idle_connections=1, backlog=128)


if __name__ == "__main__":
    main()
