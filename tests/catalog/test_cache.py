"""Kept answers of the catalogue: they are what the database says at every moment (D75)."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import random
import secrets
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.catalog.keys import CATALOG
from mystar.catalog.repository import CatalogRepository
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.web.observability import METRICS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.catalog.race import FIRST, Race, State, Written
from tests.catalog.test_services import ALL, create_service
from tests.conftest import Api
from tests.factory import Factory, picture
from tests.files.uploading import form


@contextlib.asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Api]:
    """A second process over the same database, as far as the cache can tell."""
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1")) as client:
        yield Api(client)


def hits(app: web.Application) -> float:
    return app[METRICS].registry.get_sample_value("mystar_cache_answers_total", {"result": "hit"}) or 0.0


async def test_random_writers_and_readers_of_two_processes_never_see_what_is_out_of_date(
    app: web.Application, api: Api, factory: Factory, settings: Settings
) -> None:
    creator, buyer, seed = await factory.star(), await factory.person(), secrets.randbelow(10**6)
    categories = [await factory.category(), await factory.category()]
    made = [
        await create_service(api, creator, factory, category_id=categories[0], base_price=FIRST, tags=[])
        for _ in range(3)
    ]
    services = {one["id"]: Written([State(categories[0], True)]) for one in made}
    async with another(settings) as second:
        race = Race(
            [api.url, second.url],
            settings.database.url,
            creator.token,
            buyer.token,
            services,
            categories,
            random.Random(seed),
        )
        await race.run(20, readers=6, most=120)
    assert race.orders, f"seed {seed}"
    assert race.writes, f"seed {seed}"
    assert hits(app), f"seed {seed}"


#: What a service, a page or its category shows of each table, changed by SQL: {service}, {creator}, {account} are ids.
CHANGES = {
    "title": "update services set title = 'Другое' where id = {service}",
    "price": "update services set base_price = base_price + 100 where id = {service}",
    "category": "update services set category_id = (select min(id) from categories) where id = {service}",
    "back": "update services set category_id = {category} where id = {service}",
    "no category": "update services set category_id = null where id = {service}",
    "back again": "update services set category_id = {category} where id = {service}",
    "option": "update service_options set price = price + 100 where service_id = {service}",
    "option retired": "update service_options set retired_at = now() where service_id = {service}",
    "option added": "insert into service_options (service_id, name, price, position) values ({service}, 'x', 1, 9)",
    "option deleted": "delete from service_options where service_id = {service}",
    "tag renamed": "update tags set name = 'Другая' where key = 'кофе'",
    "tag removed": "delete from tags where key = 'кофе'",
    "tag added": "insert into service_tags select {service}, id from tags where key = 'другой'",
    "image": "delete from service_images where service_id = {service}",
    "category renamed": "update categories set name = 'Другая' where id = {category}",
    "rating": "update creators set rating_sum = rating_sum + 4, rating_count = rating_count + 1 where id = {creator}",
    "completed": "update creators set completed_orders = completed_orders + 1 where id = {creator}",
    "username": "update accounts set username = 'other' where id = {account}",
    "avatar": "update accounts set avatar_id = (select max(id) from files), avatar_key = 'x' where id = {account}",
    "no avatar": "update accounts set avatar_id = null where id = {account}",
    "capacity": "insert into creator_availability (creator_id, lead_days) values ({creator}, 5)",
    "away": "update creator_availability set is_away = true where creator_id = {creator}",
    "unlimited": "delete from creator_availability where creator_id = {creator}",
    "many": "insert into services (creator_id, kind, title, created_at, updated_at, category_id, base_price) "
    "select {creator}, 'service', 'x', now(), now(), {category}, 100 from generate_series(1, 1001)",
    "hidden": "update services set is_withheld = true where id = {service}",
    "shown": "update services set is_withheld = false where id = {service}",
    "fewer": "delete from services where title = 'x'",
}


async def test_every_change_of_what_an_answer_shows_is_in_the_next_answer(
    api: Api, factory: Factory, settings: Settings, make_settings: Callable[..., Settings], app: web.Application
) -> None:
    creator, db = await factory.star(), app[DATABASE]
    await factory.star(tags=["Другой"])
    category = await factory.category("Дизайн")
    service = (await create_service(api, creator, factory, category_id=category))["id"]
    await api.post("/api/v1/files/upload/", data=form(file=("a.jpg", picture())), as_=creator)
    await db.execute(
        "insert into service_images (service_id, file_id, position) select %s, min(id), 1 from files", (service,)
    )
    ids = {"service": service, "category": category, "account": creator.id}
    ids["creator"] = await db.value("select id from creators where account_id = %s", (creator.id,))
    addresses = (f"{ALL}{service}/", ALL, f"{ALL}?category={category}")

    async def service_as_it_is() -> object:
        truth = await CatalogRepository(db).services([service])
        for _ in range(2):
            assert await app[CATALOG].services_by_id([service, -1]) == truth
        return truth

    async with another(make_settings(HTTP__CACHE_BYTES=0, HTTP__PUBLIC_URL=settings.http.public_url)) as plain:
        before = await compared(plain, api, addresses)
        await service_as_it_is()
        for name, statement in CHANGES.items():
            await db.execute(statement.format(**ids))
            await service_as_it_is()
            after = await compared(plain, api, addresses)
            assert after != before, f"{name} changes nothing that is shown"
            before = after
        kept_before = hits(app)
        await compared(plain, api, addresses)
        await compared(plain, api, addresses)
    assert hits(app) >= kept_before + len(addresses)


async def test_a_transaction_sees_its_own_change_of_a_service_and_others_do_not(
    api: Api, factory: Factory, app: web.Application
) -> None:
    service = (await create_service(api, await factory.star(), factory, title="Before"))["id"]

    async def title() -> str:
        return (await app[CATALOG].services_by_id([service]))[service].title

    assert [await title(), await title()] == ["Before", "Before"]
    async with app[DATABASE].shared() as tx:
        await tx.execute("update services set title = 'After' where id = %s", (service,))
        assert await title() == "After"
        # A task of its own has no transaction.
        assert await asyncio.create_task(title(), context=contextvars.Context()) == "Before"
    assert await title() == "After"


@pytest.mark.one_process("measures the memory of one process")
async def test_what_is_kept_takes_no_more_memory_than_is_counted(
    api: Api, factory: Factory, app: web.Application, db: Database
) -> None:
    creator = await factory.star()
    for _ in range(3):
        await create_service(api, creator, factory)

    async def page(number: int) -> None:
        answer = await api.get(f"{ALL}?page_size=5&max_price={10**6 + number}", headers={"Accept-Encoding": "gzip"})
        assert (await answer.json())["count"] == 3

    # What all requests share is made once.
    await page(0)
    tracemalloc.start()
    try:
        for number in range(1, 31):
            await page(number)
            await page(number)
        counted = app[METRICS].registry.get_sample_value("mystar_cache_bytes") or 0.0
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        await db.execute("insert into catalog_changes (subject) values ('everything')")
        await page(1)
        gc.collect()
        assert 0 < taken - tracemalloc.get_traced_memory()[0] <= counted
    finally:
        tracemalloc.stop()


async def compared(plain: Api, kept: Api, addresses: tuple[str, ...]) -> list[tuple[int, Any]]:
    """What is answered without a cache, after the kept answers were found to be the same."""
    answers = []
    for address in addresses:
        truth, answer = await plain.get(address), await kept.get(address)
        assert (answer.status, await answer.read()) == (truth.status, await truth.read()), address
        assert _headers(answer) == _headers(truth)
        answers.append((truth.status, await truth.read()))
    return answers


def _headers(answer: ClientResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("Date", "X-Request-ID")}
