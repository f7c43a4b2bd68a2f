"""Statements that a transaction sends together with its next one: `Tx.enqueue`, savepoints, the commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mystar.errors import Conflict, Invalid
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.driver import Connection
from mystar.kit.postgres.queries import Query

ADD = Query("insert into words (word) values (%(word)s)", "test_add_word", "generic")


@pytest.fixture
async def db(empty_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(empty_dsn, max_size=2, constraints={"words_word_key": Conflict})
    await database.execute("create table words (id bigserial primary key, word text constraint words_word_key unique)")
    yield database
    await database.close()


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent, a line for each message, the values included."""
    sent: list[str] = []
    send = Connection._send

    async def recorded(self: Connection, message: str, *rest: Any) -> Any:
        sent.append(" ".join(message.split()))
        return await send(self, message, *rest)

    monkeypatch.setattr(Connection, "_send", recorded)
    return sent


async def words(db: Database) -> list[str]:
    return [row["word"] for row in await db.all("select word from words order by id")]


async def test_enqueued_statements_travel_with_the_next_one(db: Database, messages: list[str]) -> None:
    async with db.transaction() as tx:
        await tx.enqueue(ADD, word="a%s")
        await tx.enqueue("insert into words (word) values (%s)", ["b -- c"])
        assert await tx.value("select count(*) from words") == 2
        await tx.enqueue(ADD, word="c")
    assert len(messages) == 2
    assert messages[-1] == "execute test_add_word('c') ; commit"
    assert await words(db) == ["a%s", "b -- c", "c"]


async def test_a_transaction_may_be_one_message(db: Database, messages: list[str]) -> None:
    async with db.transaction() as tx:
        await tx.enqueue("insert into words (word) values ('a')")
    assert messages == ["begin ; insert into words (word) values ('a') ; commit"]
    assert await words(db) == ["a"]


async def test_the_error_of_an_enqueued_statement_rolls_back_at_the_commit(db: Database) -> None:
    await db.execute(ADD, word="a")
    for _ in range(2):
        with pytest.raises(Conflict):
            async with db.transaction() as tx:
                await tx.enqueue(ADD, word="b")
                await tx.enqueue(ADD, word="a")
    assert await words(db) == ["a"]
    await db.execute(ADD, word="c")


async def test_nothing_is_lost_when_the_next_statement_cannot_be_sent(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.enqueue(ADD, word="a")
        with pytest.raises(Invalid):
            await tx.execute(ADD, word="\0")
        await tx.value("select 1")
        await tx.enqueue(ADD, word="b")
        with pytest.raises(Invalid):
            await tx.execute(ADD, word="\0")
    assert await words(db) == ["a", "b"]


async def test_nothing_enqueued_is_sent_when_the_block_fails(db: Database, messages: list[str]) -> None:
    with pytest.raises(KeyError):
        async with db.transaction() as tx:
            await tx.enqueue(ADD, word="a")
            raise KeyError
    assert messages == []


async def test_savepoints_cost_no_message_of_their_own(db: Database, messages: list[str]) -> None:
    async with db.shared():
        await db.execute(ADD, word="a")
        async with db.transaction() as inner:
            await inner.execute(ADD, word="b")
        with pytest.raises(KeyError):
            async with db.transaction():
                raise KeyError
    assert len(messages) == 3
    assert await words(db) == ["a", "b"]


async def test_statements_enqueued_by_a_failed_savepoint_are_undone_alone(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.enqueue(ADD, word="a")
        with pytest.raises(KeyError):
            async with tx.savepoint():
                await tx.enqueue(ADD, word="b")
                raise KeyError
        with pytest.raises(Conflict):
            async with tx.savepoint():
                await tx.enqueue(ADD, word="c")
                await tx.enqueue(ADD, word="a")
        with pytest.raises(Conflict):
            async with tx.savepoint():
                await tx.execute(ADD, word="d")
                await tx.execute(ADD, word="a")
        async with tx.savepoint():
            await tx.enqueue(ADD, word="e")
    assert await words(db) == ["a", "e"]


async def test_stale_statements_of_a_first_message_are_prepared_again(db: Database) -> None:
    await db.execute(ADD, word="a")
    await db.execute("discard all")
    async with db.transaction() as tx:
        await tx.enqueue(ADD, word="b")
        assert await tx.value("select count(*) from words") == 2
    assert await words(db) == ["a", "b"]


async def test_a_database_executes_at_once(db: Database) -> None:
    await db.enqueue(ADD, word="a")
    assert await words(db) == ["a"]
