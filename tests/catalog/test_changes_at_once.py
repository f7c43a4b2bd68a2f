"""A change of what services show is in the next answer also where a service is added or moved at the same moment.

Triggers see what was committed when they run, so neither of two transactions sees the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from aiohttp import web
from psycopg2 import extensions

from mystar.catalog.keys import CATALOG
from mystar.catalog.repository import CatalogRepository
from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.catalog.test_cache import another, compared
from tests.catalog.test_services import ALL, create_service
from tests.conftest import Api
from tests.factory import Factory

#: What is done to a service by the one transaction.
MOVED = "update services set category_id = {other} where id = {service}"
ADDED = """
insert into services (id, creator_id, kind, title, created_at, updated_at, category_id, base_price)
overriding system value values (1000, {creator}, 'service', 'New', now(), now(), {other}, 100);
insert into service_tags select 1000, id from tags where key = 'кофе'
"""
#: What is changed by the other, which is committed later.
CHANGES = {
    "rating": "update creators set rating_sum = rating_sum + 4, rating_count = rating_count + 1 where id = {creator}",
    "username": "update accounts set username = 'other' where id = {account}",
    "capacity": "insert into creator_availability (creator_id, max_open_orders) values ({creator}, 1)",
    "tag": "update tags set name = 'Другая' where key = 'кофе'",
}
#: Of a service itself, which is not there before it is added.
OPTION = "insert into service_options (service_id, name, price, position) values ({service}, 'x', 1, 9)"
CASES = {
    **{f"moved, {name}": (MOVED, change) for name, change in (*CHANGES.items(), ("option", OPTION))},
    **{f"added, {name}": (ADDED, change) for name, change in CHANGES.items()},
}
Sessions = tuple[extensions.connection, extensions.connection]


@pytest.fixture
def two_sessions(settings: Settings) -> Iterator[Sessions]:
    def session() -> extensions.connection:
        # One that waited for the other would wait for ever.
        return psycopg2.connect(settings.database.url, options="-c lock_timeout=5000")

    with closing(session()) as one, closing(session()) as other:
        yield one, other


@pytest.mark.parametrize(("first", "second"), CASES.values(), ids=CASES)
async def test_a_service_that_is_added_or_moved_meanwhile_shows_the_change(
    api: Api,
    app: web.Application,
    db: Database,
    factory: Factory,
    settings: Settings,
    make_settings: Callable[..., Settings],
    two_sessions: Sessions,
    first: str,
    second: str,
) -> None:
    creator, other = await factory.star(), await factory.category()
    service = (await create_service(api, creator, factory, tags=["Кофе"]))["id"]
    ids = {"service": service, "other": other, "account": creator.id}
    ids["creator"] = await db.value("select id from creators where account_id = %s", (creator.id,))
    shown = 1000 if first is ADDED else service
    one, two = two_sessions
    one.cursor().execute(first.format(**ids))
    two.cursor().execute(second.format(**ids))
    one.commit()
    async with another(make_settings(HTTP__CACHE_BYTES=0, HTTP__PUBLIC_URL=settings.http.public_url)) as plain:
        for _ in range(2):
            await compared(plain, api, (f"{ALL}?category={other}", f"{ALL}{shown}/"))
            kept = await app[CATALOG].services_by_id([shown])
        two.commit()
        await compared(plain, api, (f"{ALL}?category={other}", f"{ALL}{shown}/"))
        truth = await CatalogRepository(db).services([shown])
        assert await app[CATALOG].services_by_id([shown]) == truth
        assert truth != kept, "nothing is changed that is shown"


async def test_a_change_of_very_many_services_is_one_of_all(
    api: Api, app: web.Application, db: Database, factory: Factory
) -> None:
    creator = await factory.star()
    service = (await create_service(api, creator, factory))["id"]
    await db.execute(
        "insert into services (creator_id, kind, title, created_at, updated_at) "
        "select id, 'service', 'x', now(), now() from creators, generate_series(1, 1001) where account_id = %s",
        (creator.id,),
    )
    for name in ("other", "another"):
        await db.execute("update accounts set username = %s where id = %s", (name, creator.id))
        assert (await app[CATALOG].services_by_id([service]))[service].creator_username == name
