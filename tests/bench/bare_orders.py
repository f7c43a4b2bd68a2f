"""Orders with nothing around them but the statements of the service: what its orders are compared with.

Who asks is checked by token and session, an order is read by its buyer only; no validation, no process, no views.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiopg
import jwt
import orjson
import uvloop
from aiohttp import web
from psycopg2.extras import Json

from mystar.kit.postgres import queries
from mystar.kit.security.tokens import derive

ACCOUNTS, CATALOG, NEWS, ORDERS, PAYMENTS = (
    queries.load(f"mystar.{domain}") for domain in ("accounts", "catalog", "notifications", "orders", "payments")
)
POOL = web.AppKey("pool", aiopg.Pool)
KEY = web.AppKey("key", str)
_ONE: dict[str, Any] = {
    **dict.fromkeys(("buyer_id", "seller_id", "status")),
    **{"limit": 1, "offset": 0, "reach": 1, "greetings": False, "studio": True},
}


class Asker:
    """A client with one database connection."""

    def __init__(self, cursor: Any, account_id: int) -> None:
        self._cursor, self.id = cursor, account_id

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        await self._cursor.execute(query, values)
        names = [column.name for column in self._cursor.description or ()]
        return [dict(zip(names, row)) for row in await self._cursor.fetchall()] if names else []  # noqa: B905

    async def run(self, statement: str) -> None:
        await self._cursor.execute(statement)


@contextlib.asynccontextmanager
async def asking(request: web.Request) -> AsyncIterator[Asker]:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, request.app[KEY], algorithms=["HS256"], issuer="mystar", audience="mystar")
    async with request.app[POOL].acquire() as connection, connection.cursor() as cursor:
        asker = Asker(cursor, claims["id"])
        if not await asker.rows(ACCOUNTS.living_session, id=claims["sid"], now=datetime.now(UTC)):
            raise web.HTTPUnauthorized
        yield asker


def answer(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data, default=str), content_type="application/json", status=status)


async def read(request: web.Request) -> web.Response:
    order_id = int(request.match_info["id"])
    async with asking(request) as asker:
        (order,) = await asker.rows(ORDERS.order_entries, order_id=order_id, **_ONE)
        if order["buyer_id"] != asker.id:
            raise web.HTTPNotFound
        order["service"] = await asker.rows(CATALOG.services, ids=[order["service_id"]])
        order["deliveries"] = await asker.rows(ORDERS.deliveries, order_id=order_id, limit=100, offset=0)
        order["payments"] = await asker.rows(PAYMENTS.payments_of_order, order_id=order_id, most=100)
        order["timeline"] = await asker.rows(ORDERS.timeline, order_id=order_id, limit=1000)
    return answer(order)


async def place(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    async with asking(request) as asker:
        (service,) = await asker.rows(CATALOG.services, ids=[body["service_id"]])
        chosen = [
            dict(zip(("id", "name", "description", "price"), option, strict=True))
            for option in service["options"] or ()
            if option[0] in body["selected_option_ids"]
        ]
        await asker.run("begin")
        order_id = await _written(asker, service, chosen, body["requirements"])
        await asker.run("commit")
        (order,) = await asker.rows(ORDERS.order_entries, order_id=order_id, **_ONE)
        order["service"] = await asker.rows(CATALOG.services, ids=[order["service_id"]])
    return answer(order, 201)


async def _written(asker: Asker, service: dict[str, Any], chosen: list[dict[str, Any]], wish: str) -> int:
    now, price = datetime.now(UTC), service["base_price"]
    total = price + sum(option["price"] for option in chosen)
    (order,) = await asker.rows(
        ORDERS.place_order,
        **{name: service[name] for name in ("creator_id",)},
        kind="service",
        service_id=service["id"],
        buyer_id=asker.id,
        price=price,
        total_price=total,
        options=orjson.dumps(chosen).decode(),
        for_whom="",
        wish=wish,
        occasion="video",
        by_date=(now + timedelta(days=service["delivery_days"])).date(),
        by_time="23:59",
        deadline_at=now + timedelta(days=3),
        now=now,
    )
    order_id = int(order["id"])
    await asker.rows(
        ORDERS.add_event,
        order_id=order_id,
        actor_id=asker.id,
        role="buyer",
        action="place",
        from_status=None,
        to_status="pending",
        from_money=None,
        to_money="none",
        details=Json({"price": total}),
        now=now,
    )
    await asker.rows(NEWS.recipients, ids=[asker.id, service["account_id"]])
    await asker.rows(
        NEWS.add,
        account_id=service["account_id"],
        kind="new_order",
        data=Json({"order_id": order_id, "kind": "service", "status": "pending", "total_price": str(total / 100)}),
        subject="order",
        subject_id=order_id,
        now=now,
        mail_at=None,
    )
    return order_id


async def serve(dsn: str, port: int, key: str) -> None:
    app = web.Application()
    app.router.add_get(r"/api/v1/orders/{id:\d+}/", read)
    app.router.add_post("/api/v1/orders/", place)
    app[KEY] = derive(key, "tokens")
    app[POOL] = await aiopg.create_pool(dsn, minsize=1, maxsize=10, enable_hstore=False)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("serves", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in (("dsn", str), ("port", int), ("key", str), ("loop", str)):
        parser.add_argument(name, type=kind)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(given.dsn, given.port, given.key))


if __name__ == "__main__":
    main()
