"""Kept pages of one's orders: they are what the database says at every moment (D81)."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.catalog.test_cache import another, hits
from tests.conftest import Api
from tests.factory import Person
from tests.orders.market import Market

ORDERS = "/api/v1/orders/"
#: What a page shows of each table, changed by SQL, with the ids of an order, a service, accounts and creators.
CHANGES = {
    "wish": "update orders set wish = 'Без слов' where id = {order}",
    "money": "update orders set money = 'held' where id = {order}",
    "deadline": "update orders set deadline_at = now() + interval '1 hour' where id = {order}",
    "another buyer": "update orders set buyer_id = {stranger} where id = {order}",
    "the buyer again": "update orders set buyer_id = {buyer} where id = {order}",
    "another creator": "update orders set creator_id = {other} where id = {order}",
    "the creator again": "update orders set creator_id = {creator} where id = {order}",
    "name of the buyer": "update accounts set first_name = 'Другая' where id = {buyer}",
    "name of the creator": "update accounts set username = 'other' where id = {seller}",
    "service": "update services set title = 'Другое' where id = {service}",
    "service hidden": "update services set is_withheld = true where id = {service}",
    "option": "update service_options set price = price + 100 where service_id = {service}",
    "rating": "update creators set completed_orders = completed_orders + 1 where id = {creator}",
    "share": "update earnings set percent_bp = percent_bp + 100, fixed = fixed + 100 where order_id = {order}",
    "clearing": "update earnings set clears_at = now() where order_id = {order}",
    "no share": "delete from earnings where order_id = {order}",
    "share again": "insert into earnings (order_id, creator_id, price, created_at, updated_at) "
    "values ({order}, {seller}, 100, now(), now())",
    "copied": "insert into orders (kind, service_id, creator_id, buyer_id, price, total_price, created_at, updated_at) "
    "select kind, service_id, creator_id, buyer_id, 100, 100, now(), now() from orders where id = {order}",
    "many": "insert into orders (kind, service_id, creator_id, buyer_id, price, total_price, created_at, updated_at) "
    "select kind, service_id, creator_id, buyer_id, 100, 100, now(), now() "
    "from orders, generate_series(1, 1001) where id = {order}",
    "all of them": "update orders set wish = 'Всё' where buyer_id = {buyer}",
    "fewer": "delete from orders where total_price = 100 and buyer_id = {buyer}",
}


@pytest.mark.one_process("read the metrics of one process")
async def test_every_change_of_what_a_page_shows_is_in_the_next_answer(
    market: Market,
    app: web.Application,
    db: Database,
    settings: Settings,
    make_settings: Callable[..., Settings],
) -> None:
    order, stranger, other = (await market.place())["id"], await market.factory.person(), await market.factory.star()
    ids = {"order": order, "buyer": market.buyer.id, "stranger": stranger.id, "seller": market.creator.id}
    ids |= {
        "service": market.service_id,
        "creator": await _creator(db, market.creator),
        "other": await _creator(db, other),
    }
    people = (market.buyer, market.creator, stranger, other)
    async with another(make_settings(HTTP__CACHE_BYTES=0, HTTP__PUBLIC_URL=settings.http.public_url)) as plain:
        before = await _compared(plain, market.api, people)
        for name, statement in CHANGES.items():
            await db.execute(statement.format(**ids))
            after = await _compared(plain, market.api, people)
            assert after != before, f"{name} changes nothing that is shown"
            before = after
        kept = hits(app)
        await _compared(plain, market.api, people)
    assert hits(app) == kept + len(people), "nobody else's page is given"


async def test_a_page_is_never_older_than_its_request(market: Market, settings: Settings, db: Database) -> None:
    order, seed = (await market.place())["id"], secrets.randbelow(10**6)
    dice, acknowledged, begun, reads = random.Random(seed), 0, 0, 0

    async def write() -> None:
        nonlocal acknowledged, begun
        while reads < 120:
            begun = acknowledged + 1
            async with db.transaction() as tx:
                await tx.execute("update orders set price = %(price)s where id = %(id)s", price=100 * begun, id=order)
                await asyncio.sleep(dice.uniform(0, 0.01))
            acknowledged = begun

    async def read(apis: Sequence[Api]) -> None:
        nonlocal reads
        while reads < 120:
            known, person = acknowledged, dice.choice((market.buyer, market.creator))
            page = await (await dice.choice(apis).get(ORDERS, as_=person)).json()
            shown = round(page["results"][0]["price"])
            assert shown in range(known, begun + 1) or not known, f"seed {seed}: {shown} after {known}"
            reads += 1

    async with another(settings) as second, asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        for _ in range(4):
            tasks.create_task(read((market.api, second)))
    assert acknowledged > 3, f"seed {seed}"


async def _creator(db: Database, person: Person) -> int:
    return int(await db.value("select id from creators where account_id = %(id)s", id=person.id))


async def _compared(plain: Api, kept: Api, people: Sequence[Person]) -> list[Any]:
    """What each is answered without a cache, after the kept answer was found to be the same."""
    answers = []
    for person in people:
        truth, answer = await plain.get(ORDERS, as_=person), await kept.get(ORDERS, as_=person)
        assert (answer.status, await answer.read()) == (truth.status, await truth.read())
        assert answer.headers["ETag"] == truth.headers["ETag"]
        assert answer.headers["Cache-Control"] == truth.headers["Cache-Control"]
        answers.append(await truth.json())
    return answers
