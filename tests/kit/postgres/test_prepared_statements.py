"""Prepared statements: which queries use them, and how they survive DISCARD, migrations and lost connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg2 import errors

from mystar.errors import Unavailable
from mystar.kit.postgres.database import Database, Retry
from mystar.kit.postgres.queries import Query

GENERIC = Query("select %(a)s::int + %(b)s::int as sum, %(a)s::int as a, 'x%%' as per_cent", "test_sum", "generic")
CUSTOM = Query("select %(a)s::int as a", "test_custom", "custom")
WORDS = Query("select * from words where id = %(id)s", "test_words", "generic")
ADD_WORD = Query("insert into words (word) values (%(word)s)", "test_add_word", "generic")


@pytest.fixture
async def db(empty_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(empty_dsn, max_size=1)
    await database.execute("create table words (id bigserial primary key, word text)")
    yield database
    await database.close()


async def prepared(db: Database) -> dict[str, Any]:
    """The prepared statements of the only connection, with the number of their generic plans."""
    rows = await db.all("select name, generic_plans, custom_plans from pg_prepared_statements")
    return {row["name"]: (row["generic_plans"], row["custom_plans"]) for row in rows}


async def test_a_query_is_prepared_once_and_planned_once(db: Database) -> None:
    for number in range(3):
        assert await db.one(GENERIC, a=number, b=2) == {"sum": number + 2, "a": number, "per_cent": "x%"}
    assert await prepared(db) == {"test_sum": (3, 0)}


async def test_a_custom_query_is_planned_for_its_values(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tx.value(CUSTOM, a=1) == 1
    assert [await db.value(CUSTOM, a=2), await db.value(GENERIC, a=1, b=1)] == [2, 2]
    assert await prepared(db) == {"test_custom": (0, 2), "test_sum": (1, 0)}


async def test_other_statements_and_a_database_without_preparing_send_text(db: Database, empty_dsn: str) -> None:
    await db.value(Query("select %(a)s::int", "test_text"), a=1)
    await db.value("select %s::int", [1])
    assert await prepared(db) == {}
    other = await Database.connect(empty_dsn, max_size=1, prepare=False)
    assert (await other.one(GENERIC, a=1, b=2))["sum"] == 3
    assert await prepared(other) == {}
    await other.close()


async def test_the_begin_of_a_transaction_travels_with_the_statement(db: Database) -> None:
    async with db.transaction("repeatable read") as tx:
        assert await tx.execute(ADD_WORD, word="привет") == 1
        assert await tx.value("show transaction_isolation") == "repeatable read"
        assert [row["word"] for row in await tx.all(WORDS, id=1)] == ["привет"]
    assert (await db.one(WORDS, id=1))["word"] == "привет"


@pytest.mark.parametrize("away", ["discard all", "deallocate all"])
async def test_statements_are_prepared_again_after_they_were_discarded(db: Database, away: str) -> None:
    await db.execute(ADD_WORD, word="a")
    await db.execute(away)
    assert await db.execute(ADD_WORD, word="b") == 1
    await db.execute(away)
    async with db.transaction("serializable") as tx:
        assert await tx.execute(ADD_WORD, word="c") == 1
    assert await db.value("select count(*) from words") == 3


async def test_a_migration_that_changes_the_result_is_noticed(db: Database) -> None:
    await db.execute(ADD_WORD, word="a")
    assert list(await db.one(WORDS, id=1)) == ["id", "word"]
    await db.execute("alter table words add further int default 7")
    assert (await db.one(WORDS, id=1))["further"] == 7
    await db.execute("alter table words drop further")
    async with db.transaction() as tx:
        assert list(await tx.one(WORDS, id=1)) == ["id", "word"]


async def test_in_the_middle_of_a_transaction_the_transaction_is_to_be_retried(db: Database) -> None:
    await db.one(GENERIC, a=1, b=2)

    async def work(tx: Any) -> Any:
        await tx.execute(ADD_WORD, word="a")
        tries.append(1)
        if len(tries) == 1:
            await tx.execute("deallocate all")
        return await tx.one(GENERIC, a=1, b=2)

    tries: list[int] = []
    assert (await db.retrying(work))["sum"] == 3
    assert len(tries) == 2
    tries.clear()
    with pytest.raises(Retry):
        async with db.transaction() as tx:
            await work(tx)
    assert await db.value("select count(*) from words") == 1


async def test_a_lost_connection_is_replaced_by_one_that_prepares_anew(db: Database, empty_dsn: str) -> None:
    await db.one(GENERIC, a=1, b=2)
    other = await Database.connect(empty_dsn, max_size=1)
    pid = await db.value("select pg_backend_pid()")
    await other.execute("select pg_terminate_backend(%s)", [pid])
    await other.close()
    # The first use may still meet the lost connection.
    with contextlib.suppress(Unavailable):
        await db.one(GENERIC, a=1, b=2)
    assert (await db.one(GENERIC, a=3, b=4))["sum"] == 7
    assert list(await prepared(db)) == ["test_sum"]


async def test_a_statement_that_cannot_be_prepared_raises_its_error_every_time(db: Database) -> None:
    for _ in range(2):
        with pytest.raises(errors.UndefinedTable):
            await db.all(Query("select * from nothing where id = %(id)s", "test_wrong", "generic"), id=1)
    await db.execute("create table nothing (id bigint)")
    assert await db.all(Query("select * from nothing where id = %(id)s", "test_wrong", "generic"), id=1) == []


async def test_values_of_every_type_reach_their_parameters(db: Database) -> None:
    query = Query(
        "select %(list)s::bigint[] as list, %(empty)s::text[] as empty, %(none)s::text as none, %(json)s::jsonb as json"
        ", %(bytes)s::bytea as bytes",
        "test_types",
        "generic",
    )
    values = {"list": [1, 2], "empty": [], "none": None, "json": {"a": ["ü"]}, "bytes": b"\0\xff"}
    for _ in range(2):
        assert await db.one(query, values) == values
