"""Looks for texts in every column of every table."""

from __future__ import annotations

from collections.abc import Iterable

from mystar.kit.postgres.database import Database

_COLUMNS = """
    select table_name, column_name, data_type from information_schema.columns
    join pg_tables on tablename = table_name and schemaname = table_schema
    where table_schema = 'public' and table_name !~ 'yoyo' order by 1, 2
"""


async def found_in(database: Database, texts: Iterable[str]) -> dict[str, set[str]]:
    """The columns that hold one of the texts, in any case, with the texts."""
    found: dict[str, set[str]] = {}
    wanted = [text.lower() for text in texts]
    for column in await database.all(_COLUMNS):
        table, name = column["table_name"], column["column_name"]
        value = f"{table}.{name}"
        read = f"encode({value}, 'escape')" if column["data_type"] == "bytea" else f"{value}::text"
        rows = await database.all(
            f"""
            select distinct wanted_text from {table}, unnest(%(texts)s::text[]) as wanted_text
            where strpos(lower({read}), wanted_text) > 0
            """,
            texts=wanted,
        )
        if rows:
            found[f"{table}.{name}"] = {row["wanted_text"] for row in rows}
    return found
