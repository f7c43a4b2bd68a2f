"""Data to measure with is data like any other: every invariant of the service holds for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import ClientInfo
from mystar.app import broken_invariants
from mystar.demo import fixtures, scale
from mystar.kit.postgres.database import Database
from mystar.kit.text import comparison_key
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests.conftest import Api

CREATORS = 50


@pytest.fixture
async def filled(settings: Settings, db: Database) -> Database:
    """Filled twice."""
    for _ in range(2):
        await asyncio.to_thread(scale.fill, settings.database.url, CREATORS)
    return db


async def test_every_fill_adds_rows_in_proportion(filled: Database) -> None:
    numbers = await filled.one(
        """select (select count(*) from creators) as creators,
            (select count(*) from accounts) as accounts,
            (select count(*) from services where kind = 'greeting' and base_price > 0) as greetings,
            (select count(*) from services where is_listed) as services,
            (select count(*) from orders where kind <> 'studio') as orders,
            (select count(*) from orders where kind = 'studio') as studio,
            (select count(distinct name) from tags) as tags"""
    )
    creators = 2 * CREATORS
    assert numbers == {
        "creators": creators,
        "accounts": 3 * creators,
        "greetings": creators,
        "services": 4 * creators,
        "orders": 5 * creators,
        "studio": creators,
        "tags": numbers["tags"],
    }
    for table in (
        "creator_likes",
        "creator_votes",
        "creator_favourites",
        "service_tags",
        "service_options",
        "deliveries",
        "payments",
        "conversations",
        "creator_skills",
        "portfolio_items",
        "reviews",
    ):
        assert await filled.value(f"select count(*) from {table}") > creators / 2, table


async def test_all_counters_equal_their_recount(filled: Database, app: web.Application, api: Api) -> None:
    assert await broken_invariants(app) == []
    completed = """select count(*) from creators
        where completed_orders <> (
            select count(*) from orders where creator_id = creators.id and status = 'completed')"""
    assert await filled.value(completed) == 0
    ours = [one for one in await app[PAYMENTS].reconcile() if one.payment_id is not None]
    assert ours == []


async def test_orders_payments_and_ledger_agree(filled: Database) -> None:
    assert await filled.value("select sum(amount) from ledger_entries") == 0
    strays = """select count(*) from orders left join payments on payments.order_id = orders.id
        where orders.money is distinct from coalesce(payments.status, 'none')
            or payments.goal <> orders.money_goal or payments.amount <> orders.total_price"""
    assert await filled.value(strays) == 0
    assert await filled.value("select count(*) from payments where check_at is not null") == 0


async def test_the_last_event_of_every_order_has_its_state(filled: Database) -> None:
    broken = """select count(*) from orders
        join lateral (
            select array_agg(to_status order by id) as went, array_agg(from_status order by id) as came,
                (array_agg(to_money order by id desc))[1] as money, max(created_at) as at
            from order_events where order_id = orders.id
        ) events on true
        where went[cardinality(went)] is distinct from status or events.money <> orders.money
            or came[2:] <> went[:cardinality(went) - 1] or came[1] is not null or at > now()
            or at <> updated_at
            or (delivered_at is null and status in ('delivered', 'completed', 'in_progress', 'disputed'))
            or deadline_at <= now() or (status = 'pending' and deadline_at is null)
            or (orders.money in ('held', 'captured', 'released', 'refunded')) <> (paid_at is not null)"""
    assert await filled.value(broken) == 0


async def test_the_same_seed_creates_the_same_data(postgres: Any, template: str, filled: Database) -> None:
    summary = "select md5(string_agg(concat(wish, total_price, status, money), '' order by id)) from orders"
    other = postgres.create(template)
    try:
        for _ in range(2):
            await asyncio.to_thread(scale.fill, postgres.dsn(other), CREATORS)
        twin = await Database.connect(postgres.dsn(other))
        try:
            assert await twin.value(summary) == await filled.value(summary)
        finally:
            await twin.close()
    finally:
        postgres.drop(other)


async def test_all_bulk_accounts_have_the_demo_password(filled: Database, app: web.Application, api: Api) -> None:
    for login in ("scale-star-1", f"scale-person-{4 * CREATORS}@example.com"):
        await app[ACCOUNTS].log_in(ClientInfo(), "market", login, fixtures.PASSWORD)


async def test_bulk_tags_have_the_catalogue_s_keys(filled: Database) -> None:
    rows = await filled.all("select name, key from tags")
    assert rows
    assert all(comparison_key(row["name"]) == row["key"] for row in rows)


async def test_bulk_skills_have_their_keys(filled: Database) -> None:
    rows = await filled.all("select name, key, words from skills")
    assert rows
    assert all(comparison_key(row["name"]) == row["key"] == row["words"] for row in rows)


async def test_bulk_stars_are_listed(filled: Database, api: Api) -> None:
    stars = await (await api.get("/api/star/getlist/")).json()
    assert len(stars) == 2 * CREATORS
    assert {star["username"] for star in stars} >= {"scale-star-1", f"scale-star-{2 * CREATORS}"}
