"""Plans of prepared queries over 200,000 events, for any values and for given ones: none reads a large table whole.

And of two pages that are written for their filters.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2
import pytest

from mystar.catalog import filter_queries
from mystar.catalog.search import ServiceFilter, SortOrder
from mystar.kit.postgres.prepared import Template
from mystar.kit.postgres.queries import Query
from tests.bench.targets import database
from tests.test_sql import QUERIES

pytestmark = pytest.mark.long
CREATORS, LARGE = 8_000, 5_000
#: Values by the type of a parameter. Such an id exists; such a list is as long as a page.
VALUES = {
    "boolean": True,
    "bigint": 20,
    "integer": 20,
    "smallint": 1,
    "numeric": 20,
    "double precision": 20,
    "text": "market",
    "bigint[]": list(range(1, 21)),
    "integer[]": list(range(1, 21)),
    "text[]": ["market"],
    "uuid": "00000000-0000-0000-0000-000000000007",
    "uuid[]": "{00000000-0000-0000-0000-000000000007}",
    "pg_snapshot": "100:100:",
    "timestamp with time zone": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time without time zone": "12:00",
    "jsonb": "{}",
    "json": "[]",
    "bytea": "x",
    "interval": "1 day",
    "inet": "127.0.0.1",
}
PREPARED: list[Query] = [query for queries in QUERIES.values() for query in queries.values() if query.plan != "text"]


@pytest.fixture(scope="module")
def filled() -> Iterator[Any]:
    """On a server with default settings, which keeps its statistics while it is filled."""
    with database(CREATORS) as dsn, contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # As the service does every ten minutes: the log of changes is short.
            cursor.execute("delete from catalog_changes")
            cursor.execute("analyze")
        yield connection


@pytest.mark.parametrize("query", PREPARED, ids=lambda query: query.identifier)
def test_a_prepared_query_reads_no_large_table_whole(filled: Any, query: Query) -> None:
    template = Template(query)
    with filled.cursor() as cursor:
        cursor.execute("select relname from pg_class where reltuples > %s", (LARGE,))
        large = {table for (table,) in cursor}
        cursor.execute("deallocate all")
        cursor.execute(template.prepare, {})
        cursor.execute("select parameter_types::text[] from pg_prepared_statements")
        values = dict(zip(template.order, map(VALUES.__getitem__, cursor.fetchone()[0]), strict=True))
        for mode in ("force_generic_plan", "force_custom_plan"):
            cursor.execute(f"set plan_cache_mode = {mode}")
            cursor.execute(f"explain (format json) {template.execute.rpartition('; ')[2]}", values)
            assert not large.intersection(_read_whole(cursor.fetchone()[0][0]["Plan"])), mode


#: Pages of services that read no row of the table but those they show, and the index that allows it.
PAGES = {
    "services_kind_price_idx": ServiceFilter(kind="service", order=SortOrder.PRICE_ASC),
    "services_category_kind_price_idx": ServiceFilter(
        kind="service", category_ids=(1,), min_price=200_000, max_price=1_500_000, order=SortOrder.PRICE_ASC
    ),
}


@pytest.mark.parametrize("index", PAGES)
def test_a_page_by_price_reads_the_index_of_its_kind(filled: Any, index: str) -> None:
    statement, values = filter_queries.counted_page_of_ids(PAGES[index], limit=20, offset=0)
    with filled.cursor() as cursor:
        cursor.execute(f"explain (format json) {statement}", values)
        used = set(_indexes(cursor.fetchone()[0][0]["Plan"]))
    assert used == {index}


def _indexes(node: Mapping[str, Any]) -> Iterator[str]:
    """Of a plan without bitmaps: those would read rows of the table."""
    if "Index Name" in node:
        yield node["Index Name"] if node["Node Type"] == "Index Only Scan" else node["Node Type"]
    for child in node.get("Plans", ()):
        yield from _indexes(child)


def _read_whole(node: Mapping[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _read_whole(child)
