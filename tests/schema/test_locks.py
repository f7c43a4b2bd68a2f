"""What `python -m tests.schema` measures: small here, so that the suite notices when it measures nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.database import Server
from tests.schema.__main__ import measured
from tests.schema.rows import fill

TABLES = ["orders", "messages", "outbox"]
PAUSE = "; select pg_sleep(0.5);"
#: A migration, and what has to wait for it.
MIGRATIONS = {
    "0001_reader": ("alter table orders add column words text" + PAUSE, "orders"),
    "0002_writer": ("create index words on messages (text)" + PAUSE, "writes messages"),
    "0003_row": ("update outbox set attempts = 1" + PAUSE, "writes outbox"),
}


@pytest.fixture
def filled(postgres: Server, template: str) -> Iterator[str]:
    name = postgres.create(template)
    fill(postgres.dsn(name), 200, TABLES)
    yield postgres.dsn(name)
    postgres.drop(name)


def test_readers_and_writers_that_wait_are_noticed(filled: str, tmp_path: Path) -> None:
    for name, (statements, _) in MIGRATIONS.items():
        (tmp_path / f"{name}.sql").write_text(f"-- expand\n{statements}")
    found = measured(filled, sorted(tmp_path.glob("*.sql")), TABLES)
    for name, (_, waits) in MIGRATIONS.items():
        _, seconds, what = found[name]
        assert waits in what
        assert seconds > 0.2
    with contextlib.closing(psycopg2.connect(filled)) as connection, connection.cursor() as cursor:
        # The indexes that were left alone while the tables were filled have been built.
        cursor.execute("select indexrelid::regclass from pg_index where not (indisvalid and indisready)")
        assert cursor.fetchall() == []
