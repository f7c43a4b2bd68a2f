"""The database that a test is given equals a new one, whatever the tests before have done to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from tests.database import Server
from tests.databases import ReusedDatabase, Template


@pytest.fixture
def database(postgres: Server, template: str) -> Iterator[ReusedDatabase]:
    made = ReusedDatabase(postgres, Template.of(postgres, template))
    yield made
    made.drop()


@pytest.mark.parametrize(
    ("statement", "is_kept"),
    [
        ("insert into accounts (username, username_key, password_hash) values ('kira', 'kira', '')", True),
        ("update audit_heads set length = 7 where chain = 3", True),
        ("delete from audit_heads where chain = 3; delete from _yoyo_version", True),
        ("insert into audit_heads select 999, length, hash, seal from audit_heads limit 1", True),
        ("select nextval('accounts_id_seq')", True),
        ("create table further (id bigint)", False),
        ("alter table accounts alter first_name set default 'Kira'", False),
        ("drop trigger if exists immutable on audit_entries; create function one() returns int return 1", False),
    ],
)
def test_what_a_test_has_done_is_undone(
    postgres: Server, database: ReusedDatabase, statement: str, is_kept: bool
) -> None:
    name = database.take()
    new = _rows(postgres, name)
    for _ in range(2):
        # After the second time, too, when rows of the migrations are no longer those that were copied.
        _execute(postgres, name, statement)
        database.give_back()
        after = database.take()
        assert (after == name) == is_kept
        assert _rows(postgres, after) == new
        name = after


def _rows(postgres: Server, name: str) -> dict[str, list[str]]:
    tables = Template.of(postgres, name).rows
    return {table: sorted(rows.splitlines()) for table, rows in tables.items() if rows}


def _execute(postgres: Server, name: str, statement: str) -> None:
    with closing(psycopg2.connect(postgres.dsn(name))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(statement)
