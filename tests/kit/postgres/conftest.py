"""A database with a table of unique words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mystar.kit.events import Events
from mystar.kit.postgres.database import Database
from tests.database import Server
from tests.kit.postgres.words_table import WordTaken


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
