"""Statements, transactions, and failures."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from mystar.errors import Conflict, Invalid, Unavailable
from mystar.kit.events import Events
from mystar.kit.postgres.database import (
    ConstraintViolated,
    Database,
    NoRow,
    Retry,
    TransactionBroken,
    Tx,
    assert_no_transaction,
)
from tests.database import Server
from tests.tcp_proxy import kill, wired

BOTH_LOOPS = True


class WordTaken(Conflict):
    code = "word_taken"


@dataclass(frozen=True)
class Written:
    word: str


@pytest.fixture(scope="module")
def address(postgres: Server) -> Iterator[str]:
    """One empty database for this module."""
    name = postgres.create()
    yield postgres.dsn(name)
    postgres.drop(name)


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
async def db(address: str, events: Events) -> AsyncIterator[Database]:
    """A database of two connections with a table of unique words."""
    constraints = {"words_word_key": WordTaken}
    database = await Database.connect(
        address, max_size=2, acquire_timeout=5, constraints=constraints, events=events, statement_timeout_ms=20_000
    )
    await database.execute("""
        create table words (
            id int generated always as identity,
            word text not null constraint words_word_key unique deferrable,
            number smallint constraint words_number_check check (number > 0)
        )""")
    yield database
    await database.execute("drop table words")
    assert database.pool.size == database.pool.free, "a connection was not released"
    await database.close()


WRITE = "insert into words (word) values (%(word)s)"


async def words(db: Database | Tx) -> list[str]:
    return [row["word"] for row in await db.all("select word from words order by id")]


# Statements


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


# Failures


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


async def test_no_free_connection_in_time_is_unavailable_with_retry_after(address: str) -> None:
    db = await Database.connect(address, max_size=1, acquire_timeout=0.1)
    async with db.transaction():
        with pytest.raises(Unavailable) as caught:
            await asyncio.create_task(db.value("select 1"))
    assert caught.value.details == {"retry_after": 5}
    assert await db.value("select 1") == 1
    await db.close()


async def test_after_an_outage_the_pool_recovers(address: str) -> None:
    async with wired(address) as wire:
        db = await Database.connect(wire.dsn(), min_size=2, max_size=2)
        await wire.unplug()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await db.value("select 1")
            with pytest.raises(Unavailable):
                async with db.transaction() as tx:
                    await tx.value("select 1")
        await wire.plug()
        assert await db.value("select 1") == 1
        await db.close()


async def test_a_server_that_cannot_be_reached_at_the_start_is_an_outage(address: str) -> None:
    async with wired(address) as wire:
        await wire.unplug()
        with pytest.raises(Unavailable):
            await Database.connect(wire.dsn())
        await wire.plug()


async def test_a_closed_database_refuses(address: str) -> None:
    db = await Database.connect(address)
    await db.close()
    with pytest.raises(Unavailable):
        await db.value("select 1")


async def test_a_connection_inside_a_transaction_is_not_reused(db: Database) -> None:
    await db.execute("begin")
    assert db.pool.size == 0
    assert await db.value("select now() = statement_timestamp()")


# Transactions


async def test_a_transaction_is_all_or_nothing(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(WRITE, word="a")
        await tx.execute(WRITE, word="b")
        assert await asyncio.create_task(words(db)) == []
    assert await words(db) == ["a", "b"]

    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="c")
            raise ZeroDivisionError
    assert await words(db) == ["a", "b"]


async def test_isolation_and_read_only_are_set(db: Database) -> None:
    for isolation in (None, "repeatable read", "serializable"):
        async with db.transaction(isolation) as tx:
            assert await tx.value("show transaction_isolation") == (isolation or "read committed")
    async with db.transaction(readonly=True) as tx:
        assert await tx.value("show transaction_read_only") == "on"
    with pytest.raises(ValueError, match="isolation"):
        async with db.transaction("serialisable; drop table words"):
            pass


async def test_a_swallowed_error_is_never_a_silent_rollback(db: Database, events: Events) -> None:
    heard: list[str] = []

    async def follow() -> None:
        heard.append("committed")

    with pytest.raises(TransactionBroken) as caught:
        async with db.transaction() as tx:
            tx.after_commit(follow)
            await tx.execute(WRITE, word="a")
            with suppress(WordTaken):
                await tx.execute(WRITE, word="a")
    assert isinstance(caught.value.__cause__, WordTaken)
    assert await words(db) == []
    assert heard == []


async def test_after_a_swallowed_error_the_next_statement_names_it(db: Database) -> None:
    with pytest.raises(TransactionBroken) as caught:
        async with db.transaction() as tx:
            with suppress(psycopg2.Error):
                await tx.value("select 1 / 0")
            await tx.value("select 1")
    assert isinstance(caught.value.__cause__, psycopg2.errors.DivisionByZero)


async def test_a_manual_commit_or_rollback_is_detected(db: Database) -> None:
    for statement in ("commit", "rollback"):
        with pytest.raises(TransactionBroken):
            async with db.transaction() as tx:
                await tx.execute(statement)


async def test_a_savepoint_can_fail_alone(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(WRITE, word="a")
        with pytest.raises(WordTaken):
            async with tx.savepoint():
                await tx.execute(WRITE, word="b")
                await tx.execute(WRITE, word="a")
        async with tx.savepoint():
            await tx.execute(WRITE, word="c")
            async with tx.savepoint():
                await tx.execute(WRITE, word="d")
    assert await words(db) == ["a", "c", "d"]


async def test_an_error_swallowed_inside_a_savepoint_rolls_it_back(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(WRITE, word="a")
        with pytest.raises(TransactionBroken):
            async with tx.savepoint():
                with suppress(WordTaken):
                    await tx.execute(WRITE, word="a")
    assert await words(db) == ["a"]


async def _killed_by_the_server(tx: Tx) -> None:
    await tx.value("select pg_terminate_backend(pg_backend_pid())")


async def test_a_lost_connection_does_not_hide_the_first_error(db: Database, address: str) -> None:
    with pytest.raises(Unavailable):
        async with db.transaction() as tx, tx.savepoint():
            await _killed_by_the_server(tx)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx, tx.savepoint():
            with suppress(Unavailable):
                await _killed_by_the_server(tx)
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx, tx.savepoint():
            kill(address, await tx.value("select pg_backend_pid()"))
            raise ZeroDivisionError


async def test_a_connection_lost_between_two_statements_is_an_outage_not_a_commit(db: Database) -> None:
    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="a")
            with suppress(Unavailable):
                await _killed_by_the_server(tx)
    assert await words(db) == []


async def test_a_cancelled_transaction_leaves_nothing_behind(db: Database) -> None:
    async def write_and_wait() -> None:
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="a")
            await asyncio.sleep(60)

    task = asyncio.create_task(write_and_wait())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await words(db) == []


async def test_an_ended_transaction_refuses_statements(db: Database) -> None:
    async with db.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="ended"):
        await tx.value("select 1")


async def test_two_statements_at_once_on_one_transaction_raise(db: Database) -> None:
    with pytest.raises(RuntimeError, match="another coroutine"):
        async with db.transaction() as tx:
            await asyncio.gather(tx.value("select pg_sleep(0.1)"), tx.value("select 1"))


async def test_a_task_with_a_transaction_is_refused_a_second_connection(db: Database) -> None:
    async with db.transaction() as tx:
        with pytest.raises(RuntimeError, match="use its tx"):
            await db.value("select 1")
        with pytest.raises(RuntimeError, match="use its tx"):
            async with db.transaction():
                pass
        with pytest.raises(RuntimeError, match="use its tx"):
            async with db.shared():
                pass
        assert await tx.value("select 1") == 1


async def test_waiting_for_third_parties_is_refused_inside_a_transaction(db: Database) -> None:
    assert_no_transaction("bcrypt")
    async with db.transaction():
        with pytest.raises(RuntimeError, match="bcrypt inside a transaction"):
            assert_no_transaction("bcrypt")

        async def elsewhere() -> object:
            assert_no_transaction("bcrypt")
            return await db.value("select 1")

        assert await asyncio.create_task(elsewhere()) == 1
    assert_no_transaction("bcrypt")


async def test_transactions_and_cancellations_leak_no_connection(db: Database) -> None:
    async def write(number: int) -> int:
        async with db.transaction() as tx:
            await tx.execute(WRITE, word=f"{number}a")
            async with tx.savepoint():
                await tx.execute(WRITE, word=f"{number}b")
        return number

    tasks = [asyncio.create_task(write(number)) for number in range(60)]
    for number in range(0, 60, 4):
        await asyncio.sleep(0.002)
        tasks[number].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    written = set(await words(db))
    for number, result in enumerate(results):
        pair = {f"{number}a", f"{number}b"} & written
        # A task cancelled during the COMMIT itself cannot know the outcome; it still is both or none.
        assert len(pair) == 2 if result == number else len(pair) in (0, 2)


# After the commit, and events


async def test_after_commit_callbacks_run_in_order_without_a_connection(address: str) -> None:
    db = await Database.connect(address, max_size=1, acquire_timeout=1)
    seen: list[object] = []

    async def first() -> None:
        assert_no_transaction("a follower")
        seen.append(await db.value("select 1"))

    async def second() -> None:
        seen.append("second")

    async with db.transaction() as tx:
        tx.after_commit(first)
        tx.after_commit(second)
        assert seen == []
    assert seen == [1, "second"]
    await db.close()


async def test_a_failing_after_commit_callback_is_logged_and_the_others_run(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    async def failing() -> None:
        raise ZeroDivisionError("of the follower")

    async def during_an_outage() -> None:
        raise Unavailable(retry_after=5) from TimeoutError("of the database")

    async def sound() -> None:
        seen.append("sound")

    with caplog.at_level(logging.WARNING):
        async with db.transaction() as tx:
            tx.after_commit(failing)
            tx.after_commit(during_an_outage)
            tx.after_commit(sound)
    assert seen == ["sound"]
    assert "of the follower" in caplog.text
    (outage,) = [record for record in caplog.records if "of the database" in record.getMessage()]
    assert (outage.levelname, outage.exc_info) == ("WARNING", None), "an outage is no defect"


async def test_after_commit_callbacks_of_a_rolled_back_part_are_not_called(db: Database) -> None:
    seen: list[str] = []

    async def follow() -> None:
        seen.append("called")

    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.after_commit(follow)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        with suppress(ZeroDivisionError):
            async with tx.savepoint():
                tx.after_commit(follow)
                raise ZeroDivisionError
    assert seen == []


async def test_an_event_reaches_listeners_in_the_transaction_and_after_it(db: Database, events: Events) -> None:
    heard: list[str] = []

    async def share(tx: Tx, event: Written) -> None:
        heard.append(f"shared {event.word}")
        await tx.execute(WRITE, word=event.word * 2)

    async def share_too(tx: Tx, event: Written) -> None:
        heard.append(f"shared too {event.word}")

    async def follow(event: Written) -> None:
        heard.append(f"followed {event.word}")

    events.after_commit(Written, follow)
    events.on(Written, share)
    events.on(Written, share_too)
    async with db.transaction() as tx:
        await tx.publish(Written("a"))
        await tx.publish("an event without listeners")
        assert heard == ["shared a", "shared too a"]
    assert heard == ["shared a", "shared too a", "followed a"]
    assert await words(db) == ["aa"]


async def test_a_failing_listener_rolls_the_transaction_back(db: Database, events: Events) -> None:
    async def refuse(tx: Tx, event: Written) -> None:
        raise Conflict

    events.on(Written, refuse)
    with pytest.raises(Conflict):
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="a")
            await tx.publish(Written("a"))
    assert await words(db) == []


# Shared


async def test_all_statements_of_a_task_join_its_shared_transaction(db: Database) -> None:
    seen: list[str] = []

    async def follow() -> None:
        seen.append("committed")

    async with db.shared() as outer:
        await db.execute(WRITE, word="a")
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="b")
            tx.after_commit(follow)
        assert await words(outer) == ["a", "b"]
        assert await asyncio.create_task(words(db)) == []
        assert seen == []
    assert await words(db) == ["a", "b"]
    assert seen == ["committed"]


async def test_a_failure_inside_a_shared_transaction_is_rolled_back_alone(db: Database) -> None:
    async with db.shared():
        await db.execute(WRITE, word="a")
        with pytest.raises(WordTaken):
            await db.execute(WRITE, word="a")
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as tx:
                await tx.execute(WRITE, word="b")
                raise ZeroDivisionError
        with pytest.raises(TransactionBroken):
            async with db.transaction() as tx:
                with suppress(WordTaken):
                    await tx.execute(WRITE, word="a")
        await db.execute(WRITE, word="c")
    assert await words(db) == ["a", "c"]


async def test_a_failed_shared_transaction_is_rolled_back_as_a_whole(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.shared():
            async with db.transaction() as tx:
                await tx.execute(WRITE, word="a")
            raise ZeroDivisionError
    assert await words(db) == []


async def test_a_shared_transaction_cannot_be_nested_or_change_isolation(db: Database) -> None:
    async with db.shared():
        with pytest.raises(RuntimeError, match="already"):
            async with db.shared():
                pass
        with pytest.raises(RuntimeError, match="serializable"):
            async with db.transaction("serializable"):
                pass
        with pytest.raises(RuntimeError, match="bcrypt inside"):
            assert_no_transaction("bcrypt")


# Trying again


async def test_a_serialization_failure_is_retried(db: Database) -> None:
    await db.execute("insert into words (word, number) values ('a', 1)")
    tries: list[int] = []

    async def add(tx: Tx) -> int:
        number = await tx.value("select number from words")
        tries.append(number)
        if len(tries) < 3:
            await asyncio.create_task(db.execute("update words set number = number + 10"))
        await tx.execute("update words set number = %(number)s", number=number + 1)
        return len(tries)

    assert await db.retrying(add, "repeatable read") == 3
    assert tries == [1, 11, 21]
    assert await db.value("select number from words") == 22


async def test_after_three_serialization_failures_retry_is_raised(db: Database) -> None:
    await db.execute("insert into words (word, number) values ('a', 1)")
    tries: list[int] = []

    async def add(tx: Tx) -> None:
        tries.append(await tx.value("select number from words"))
        await asyncio.create_task(db.execute("update words set number = number + 1"))
        await tx.execute("update words set number = 100")

    with pytest.raises(Retry) as caught:
        await db.retrying(add, "repeatable read")
    assert isinstance(caught.value, Unavailable)
    assert tries == [1, 2, 3]


async def test_both_sides_of_a_deadlock_succeed(db: Database) -> None:
    await db.execute("insert into words (word, number) values ('a', 1), ('b', 1)")
    both_have_one = asyncio.Barrier(2)
    tries = 0

    async def add(tx: Tx, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        change = "update words set number = number + 1 where word = %(word)s"
        await tx.execute(change, word=first)
        if tries <= 2:
            await both_have_one.wait()
        await tx.execute(change, word=second)

    await asyncio.gather(
        db.retrying(lambda tx: add(tx, "a", "b")),
        db.retrying(lambda tx: add(tx, "b", "a")),
    )
    assert tries >= 3
    assert [row["number"] for row in await db.all("select number from words")] == [3, 3]


async def test_other_errors_are_not_retried(db: Database) -> None:
    tries = 0

    async def fail(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        raise Conflict

    with pytest.raises(Conflict):
        await db.retrying(fail)
    assert tries == 1
