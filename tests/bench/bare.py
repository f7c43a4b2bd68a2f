"""The same queries with nothing around them but aiohttp and aiopg: what the service is compared with.

No middleware, no validation, no domain; rows go out as they came. An order is still read by its owner only, so the
token and its session are checked as the service checks them.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from typing import Any

import aiopg
import jwt
import orjson
import uvloop
from aiohttp import web

from mystar.catalog import filter_queries
from mystar.catalog.search import MAX_FOUND, RECENT, ServiceFilter, words_of
from mystar.kit.postgres import queries
from mystar.kit.security.tokens import derive

STARS = queries.load("mystar.catalog").stars
ORDER = queries.load("mystar.orders").order_entries
SESSION = queries.load("mystar.accounts").living_session
CATALOG = queries.load("mystar.catalog")
_EVERYTHING: dict[str, Any] = {
    **dict.fromkeys(("category_ids", "creator_id", "least", "most")),
    **{"hidden_too": False, "order": "fit", "recent": RECENT, "limit": MAX_FOUND},
}
PAGE = filter_queries.page_of_ids(ServiceFilter(), limit=20, offset=0)
_ALL = {"account_id": None, "category_id": None, "tag": None, "fan_id": None, "limit": 1000, "offset": 0}

POOL = web.AppKey("pool", aiopg.Pool)
KEY = web.AppKey("key", str)


async def rows(request: web.Request, query: str, values: dict[str, Any] | list[Any]) -> list[dict[str, Any]]:
    async with request.app[POOL].acquire() as connection, connection.cursor() as cursor:
        await cursor.execute(query, values)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in await cursor.fetchall()]  # noqa: B905 - as fast as can be


def answer(data: Any) -> web.Response:
    return web.Response(body=orjson.dumps(data, default=str), content_type="application/json")


async def stars(request: web.Request) -> web.Response:
    return answer(await rows(request, STARS, _ALL))


async def order(request: web.Request) -> web.Response:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, request.app[KEY], algorithms=["HS256"], issuer="mystar", audience="mystar")
    if not await rows(request, SESSION, {"id": claims["sid"], "now": datetime.now(UTC)}):
        raise web.HTTPUnauthorized
    nothing = dict.fromkeys(("buyer_id", "seller_id", "status"))
    only = nothing | {"limit": 1, "reach": 1, "offset": 0, "greetings": True, "studio": False}
    only["order_id"] = int(request.query["order_id"])
    (found,) = await rows(request, ORDER, only)
    if found["buyer_id"] != claims["id"]:
        raise web.HTTPNotFound
    return answer({"star_username": found["creator_username"], "order_price": found["total_price"]})


async def catalogue(request: web.Request) -> web.Response:
    if "search" in request.query:
        query = " & ".join(words_of(request.query["search"]))
        found = await rows(request, CATALOG.search, {**_EVERYTHING, "query": query})
        return answer({"count": len(found), "results": await _services(request, found[:20])})
    (counted,) = await rows(request, CATALOG.count_listed, {"kind": None, "category_ids": None})
    page = await rows(request, *PAGE)
    return answer({"count": counted, "results": await _services(request, page)})


async def _services(request: web.Request, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return await rows(request, CATALOG.services, {"ids": [one["id"] for one in found]})


async def serve(dsn: str, port: int, key: str) -> None:
    app = web.Application()
    app.router.add_get("/api/star/getlist/", stars)
    app.router.add_get("/api/order/cust/detail/", order)
    app.router.add_get("/api/v1/services/", catalogue)
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
    factory = uvloop.new_event_loop if given.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(given.dsn, given.port, given.key))


if __name__ == "__main__":
    main()
