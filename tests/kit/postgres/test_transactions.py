"""Transactions: their end, savepoints, shared ones, and retries."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg2
import pytest

from mystar.errors import Conflict, Unavailable
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Retry, TransactionBroken, Tx, assert_no_transaction
from tests.kit.postgres.backends import terminate_backend
from tests.kit.postgres.words_table import WRITE, WordTaken, words

BOTH_LOOPS = True


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
            terminate_backend(address, await tx.value("select pg_backend_pid()"))
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
