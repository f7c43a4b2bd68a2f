"""Migrations keep the meaning of stored prices."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg2

from mystar.kit.postgres.migrations import migrate

MIGRATIONS = Path(__file__).resolve().parents[2] / "sql" / "migrations"
NEW = "modifications_price.sql"
OLD_SERVICES = """
    insert into accounts (username, username_key, created_at, updated_at) values ('anna', 'anna', now(), now());
    insert into creators (account_id, created_at, updated_at) select id, now(), now() from accounts;
    insert into services (creator_id, kind, title, base_price, modifications_price, created_at, updated_at)
    select creators.id, 'service', title, 500000, price, now(), now()
    from creators, (values ('priced', 200000), ('free', 0), ('none', null)) as old (title, price);
"""


def test_a_surcharge_for_modifications_becomes_the_whole_price(empty_dsn: str, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql")):
        if file.name.endswith(NEW):
            break
        shutil.copy(file, old)
    migrate(empty_dsn, old)
    with psycopg2.connect(empty_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(OLD_SERVICES)
    connection.close()

    migrate(empty_dsn)

    with psycopg2.connect(empty_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("select title, modifications_price from services where kind = 'service'")
        assert dict(cursor.fetchall()) == {"priced": 700_000, "free": 500_000, "none": None}
    connection.close()
