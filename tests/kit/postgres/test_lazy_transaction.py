"""A transaction that begins with the first change (`mystar.kit.postgres.lazy_transaction`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from mystar.errors import Conflict
from mystar.kit.postgres.database import Database, Tx, assert_no_transaction

WRITE = "insert into words (word) values (%(word)s)"
COUNT = "select count(*) from words"


@pytest.fixture
async def db(empty_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(empty_dsn, max_size=2, acquire_timeout=1)
    await database.execute("create table words (word text primary key)")
    yield database
    await database.close()


class Precondition:
    """Counts its calls, and raises the error that it is given."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.asked, self.refusal = 0, refusal

    async def __call__(self, tx: Tx) -> None:
        self.asked += 1
        await tx.execute(WRITE, word="opened")
        if self.refusal:
            raise self.refusal


async def test_no_connection_is_held_before_the_first_change(db: Database) -> None:
    precondition = Precondition()
    async with db.lazy_transaction(precondition):
        assert await db.value(COUNT) == 0
        async with db.transaction(readonly=True) as tx:
            assert await tx.value(f"-- a comment\n{COUNT}") == 0
        assert_no_transaction("bcrypt")
        assert precondition.asked == 0
        await db.execute(WRITE, word="a")
        with pytest.raises(RuntimeError, match="bcrypt inside"):
            assert_no_transaction("bcrypt")
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="b")
        # Writes join the transaction, and so do reads from now on.
        assert (await db.value(COUNT), await asyncio.create_task(db.value(COUNT))) == (3, 0)
    assert (precondition.asked, await db.value(COUNT)) == (1, 3)


async def test_without_a_change_there_is_no_transaction(db: Database) -> None:
    precondition = Precondition()
    async with db.lazy_transaction(precondition):
        assert await db.value(COUNT) == 0
    assert precondition.asked == 0
    async with db.lazy_transaction(precondition) as lazy:
        await lazy.tx()
    assert precondition.asked == 1


async def test_a_with_statement_counts_as_a_change(db: Database) -> None:
    precondition = Precondition()
    async with db.lazy_transaction(precondition):
        query = "with new as (insert into words values ('a') returning word) select word from new"
        assert await db.value(query) == "a"
    assert precondition.asked == 1


async def test_a_swallowed_error_of_the_precondition_is_raised_again(db: Database) -> None:
    precondition = Precondition(Conflict())
    with pytest.raises(Conflict):
        async with db.lazy_transaction(precondition):
            for _ in range(2):
                with suppress(Conflict):
                    async with db.transaction() as tx:
                        await tx.execute(WRITE, word="a")
    assert (precondition.asked, await db.value(COUNT)) == (1, 0)


async def test_a_failure_rolls_back_and_callbacks_run_after_the_commit(db: Database) -> None:
    told: list[str] = []

    async def tell() -> None:
        assert_no_transaction("a follower")
        told.append(str(await db.value(COUNT)))

    with pytest.raises(ZeroDivisionError):
        async with db.lazy_transaction(Precondition()):
            async with db.transaction() as tx:
                await tx.execute(WRITE, word="a")
                tx.after_commit(tell)
            raise ZeroDivisionError
    assert (told, await db.value(COUNT)) == ([], 0)
    async with db.lazy_transaction(Precondition()):
        async with db.transaction() as tx:
            tx.after_commit(tell)
        assert told == []
    assert told == ["1"]


async def test_a_task_has_one_lazy_transaction_at_a_time(db: Database) -> None:
    async with db.lazy_transaction(Precondition()):
        with pytest.raises(RuntimeError, match="lazy transaction already"):
            async with db.lazy_transaction(Precondition()):
                pass
