"""Single statements: their results, their errors, lost connections."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from mystar.errors import Invalid, Unavailable
from mystar.kit.postgres.database import ConstraintViolated, Database, NoRow
from mystar.kit.postgres.errors import translate_errors
from tests.kit.postgres.words_table import WRITE, WordTaken, words
from tests.tcp_proxy import proxied

BOTH_LOOPS = True


async def test_each_method_returns_its_kind_of_result(db: Database) -> None:
    assert await db.execute("insert into words (word) values ('a'), ('b')") == 2
    assert await db.all("select word, number from words order by id") == [
        {"word": "a", "number": None},
        {"word": "b", "number": None},
    ]
    assert await db.one("select word from words where id = %(id)s", id=1) == {"word": "a"}
    assert await db.one_or_none("select word from words where id = %(id)s", id=9) is None
    assert await db.value("select count(*) from words") == 2
    assert await db.value("select word from words where id = 9") is None
    assert await db.execute("update words set number = 1 where id = 9") == 0


async def test_one_raises_for_no_row_and_for_two(db: Database) -> None:
    with pytest.raises(NoRow):
        await db.one("select 1 where false")
    with pytest.raises(NoRow):
        await db.one("select generate_series(1, 2)")
    with pytest.raises(NoRow):
        await db.one_or_none("select generate_series(1, 2)")


async def test_values_are_given_by_name_by_position_or_as_a_mapping(db: Database) -> None:
    assert await db.value("select %(query)s || '%%'", query="a") == "a%"
    assert await db.value("select %s || %s", ["a", "b"]) == "ab"
    assert await db.value("select %(a)s", {"a": "b"}) == "b"
    assert await db.value("select '%%'") == "%"


async def test_values_of_every_type_are_read_as_they_were_written(db: Database) -> None:
    moment = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    values: dict[str, Any] = {
        "a_uuid": uuid.UUID(int=7),
        "uuids": [uuid.UUID(int=7)],
        "a_dict": {"ключ": [1, None, {"глубже": "я"}]},
        "moment": moment,
        "day": date(2000, 2, 29),
        "money": Decimal("10.50"),
        "digest": b"\x00\xff'\\",
        "text": "100% 'ё' \\ \U0001f600",
        "numbers": [1, 2],
        "yes": True,
        "nothing": None,
    }
    row = await db.one("select " + ", ".join(f"%({name})s as {name}" for name in values), values)
    assert row == values
    assert row["moment"].tzinfo is UTC


async def test_json_contains_plain_types_only(db: Database) -> None:
    stored = await db.value(
        "select %(letter)s",
        letter={"price": Decimal("10.50"), "id": uuid.UUID(int=7), "at": datetime(2026, 1, 1, tzinfo=UTC)},
    )
    assert stored == {
        "price": "10.50",
        "id": "00000000-0000-0000-0000-000000000007",
        "at": "2026-01-01T00:00:00+00:00",
    }
    with pytest.raises(TypeError):
        await db.value("select %(letter)s", letter={"what": object()})


async def test_two_columns_of_one_name_raise(db: Database) -> None:
    with pytest.raises(ValueError, match="id, id"):
        await db.all("select 1 as id, 2 as id")


async def test_sessions_use_utc_and_have_timeouts(db: Database) -> None:
    async def setting(name: str) -> object:
        return await db.value("select current_setting(%(name)s)", name=name)

    assert await setting("timezone") == "UTC"
    assert await setting("statement_timeout") == "20s"
    assert await setting("client_connection_check_interval") == "1s"
    assert await setting("idle_in_transaction_session_timeout") == "1min"
    assert await setting("application_name") == "mystar"


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"], ids=["NUL", "half a pair"])
async def test_a_text_that_no_column_can_store_is_invalid(db: Database, text: str) -> None:
    with pytest.raises(Invalid):
        await db.execute(WRITE, word=text)
    async with db.transaction() as tx:
        with pytest.raises(Invalid):
            await tx.execute(WRITE, word=text)
        await tx.execute(WRITE, word="still alive")
    assert await words(db) == ["still alive"]


async def test_nul_inside_json_and_a_number_out_of_range_are_invalid(db: Database) -> None:
    with pytest.raises(Invalid):
        await db.value("select %(letter)s", letter={"a": "b\0"})
    with pytest.raises(Invalid):
        await db.execute("insert into words (word, number) values ('a', %(number)s)", number=70_000)


async def test_a_violated_constraint_becomes_the_error_that_was_registered_for_it(db: Database) -> None:
    await db.execute(WRITE, word="a")
    with pytest.raises(WordTaken):
        await db.execute(WRITE, word="a")


async def test_a_violated_constraint_that_is_not_registered_is_named(db: Database) -> None:
    with pytest.raises(ConstraintViolated) as caught:
        await db.execute("insert into words (word, number) values ('a', -1)")
    assert caught.value.name == "words_number_check"
    with pytest.raises(ConstraintViolated) as caught:
        await db.execute(WRITE, word=None)
    assert caught.value.name == "words.word"


async def test_a_constraint_that_is_checked_at_the_commit_is_translated_too(db: Database) -> None:
    with pytest.raises(WordTaken):
        async with db.transaction() as tx:
            await tx.execute("set constraints all deferred")
            await tx.execute("insert into words (word) values ('a'), ('a')")
    assert await words(db) == []


async def test_a_wrong_statement_raises_the_database_error(db: Database) -> None:
    with pytest.raises(psycopg2.errors.UndefinedTable):
        await db.all("select * from nowhere")
    with pytest.raises(TypeError):
        await db.all("select '%'")
    with pytest.raises(psycopg2.ProgrammingError):
        await db.all("set timezone = 'UTC'")


async def test_a_statement_that_takes_too_long_is_an_outage_and_costs_no_connection(address: str) -> None:
    db = await Database.connect(address, max_size=1, statement_timeout_ms=50)
    pid = await db.value("select pg_backend_pid()")
    with pytest.raises(Unavailable):
        await db.value("select pg_sleep(5)")
    assert await db.value("select pg_backend_pid()") == pid
    await db.close()


async def test_a_change_on_a_standby_is_an_outage_and_its_connection_is_not_used_again(address: str) -> None:
    """As after a failover that a proxy in between has not noticed."""
    db = await Database.connect(address, max_size=1)
    for in_transaction in (False, True):
        await db.execute("select set_config('default_transaction_read_only', 'on', false)")
        with pytest.raises(Unavailable):
            if in_transaction:
                async with db.transaction() as tx:
                    await tx.execute("create table nothing ()")
            else:
                await db.execute("create table nothing ()")
        assert await db.value("show transaction_read_only") == "off"
    await db.close()


async def test_no_free_connection_in_time_is_unavailable_with_retry_after(address: str) -> None:
    db = await Database.connect(address, max_size=1, acquire_timeout=0.1)
    async with db.transaction():
        with pytest.raises(Unavailable) as caught:
            await asyncio.create_task(db.value("select 1"))
    assert caught.value.details == {"retry_after": 5}
    assert await db.value("select 1") == 1
    await db.close()


async def test_after_an_outage_the_pool_recovers(address: str) -> None:
    async with proxied(address) as proxy:
        db = await Database.connect(proxy.dsn(), min_size=2, max_size=2)
        await proxy.stop()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await db.value("select 1")
            with pytest.raises(Unavailable):
                async with db.transaction() as tx:
                    await tx.value("select 1")
        await proxy.start()
        assert await db.value("select 1") == 1
        await db.close()


async def test_a_server_that_cannot_be_reached_at_the_start_is_an_outage(address: str) -> None:
    async with proxied(address) as proxy:
        await proxy.stop()
        with pytest.raises(Unavailable):
            await Database.connect(proxy.dsn())
        await proxy.start()


async def test_a_closed_database_refuses(address: str) -> None:
    db = await Database.connect(address)
    await db.close()
    with pytest.raises(Unavailable):
        await db.value("select 1")


async def test_a_connection_inside_a_transaction_is_not_reused(db: Database) -> None:
    await db.execute("begin")
    assert db.pool.size == 0
    assert await db.value("select now() = statement_timestamp()")


@pytest.mark.parametrize("kind", [psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.DatabaseError])
def test_a_connection_that_ends_before_the_answer_is_an_outage(kind: type[psycopg2.Error]) -> None:
    with pytest.raises(Unavailable), translate_errors():
        raise kind("server closed the connection unexpectedly")


def test_what_no_answer_of_the_server_explains_is_a_defect() -> None:
    with pytest.raises(psycopg2.ProgrammingError), translate_errors():
        raise psycopg2.ProgrammingError("the connection cannot be re-entered recursively")
