"""Every named query fits the schema, and every table is written by its owner alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import mystar
from mystar.kit.postgres.prepared import Template
from mystar.kit.postgres.queries import load

OWNERS = {
    "accounts": [
        "accounts",
        "sessions",
        "rotations",
        "mailed_tokens",
        "second_factors",
        "recovery_codes",
        "factor_challenges",
        "provider_identities",
        "sign_in_attempts",
        "contact_changes",
    ],
    "files": [
        "files",
        "file_copies",
        "file_readers",
        "discarded_files",
        "upload_reservations",
        "upload_turns",
        "temporary_files",
    ],
    "creators": [
        *("creators", "creator_votes", "creator_likes", "creator_favourites", "skills", "creator_skills"),
        *("creator_availability", "creator_absences"),
    ],
    "catalog": [
        *("categories", "services", "service_options", "service_images", "tags", "service_tags"),
        *("listed_counts", "search_words", "catalog_changes"),
    ],
    "portfolio": ["portfolio_items", "portfolio_images"],
    "payments": ["payments", "ledger_entries", "payment_discrepancies"],
    "orders": ["orders", "order_events", "deliveries", "delivery_files", "order_pictures"],
    "earnings": [
        *("commission_rules", "earnings", "earning_entries", "creator_balances", "statements", "chargebacks"),
        *("payout_details", "payouts", "payout_parts", "payout_sweeps", "payout_queue"),
    ],
    "receipts": ["receipts"],
    "reviews": ["reviews"],
    "chat": ["conversations", "messages", "message_files", "chat_blocks", "offers"],
    "audit": ["audit_entries", "audit_heads"],
    "notifications": ["notifications", "notification_boxes", "push_accounts", "push_subscriptions", "announcements"],
    "admin": ["staff_notes", "staff_filters"],
    "texts": ["text_versions"],
    "reports": ["report_cases", "reports"],
    "alarms": ["alarms", "alarm_silences", "health_marks"],
    "privacy": ["data_exports", "erasures"],
    "kit": ["outbox", "idempotency_keys"],
}
OWNER = {table: owner for owner, tables in OWNERS.items() for table in tables}
#: `demo` draws data to measure with in temporary tables and fills everybody's at once; its own test runs it.
ROOT = Path(mystar.__file__).parent
PACKAGES = sorted({".".join(file.parent.relative_to(ROOT).parts) for file in ROOT.rglob("queries.sql")} - {"demo"})
QUERIES = {package: dict(load(f"mystar.{package}")) for package in PACKAGES}

_WRITES = re.compile(r"\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate)\s+(?:only\s+)?([a-z_]+)", re.I)
#: "for update" locks and "do update set" belongs to an insert: neither names a table.
_NO_WRITES = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b|\bdo\s+update\s+set\b|--.*", re.I)


class Nulls(Mapping[str, Any]):
    """Whatever the query's parameters are called, they are null."""

    def __getitem__(self, name: str) -> None:
        return None

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture(scope="module")
def migrated(postgres: Any, template: str) -> Iterator[Any]:
    name = postgres.create(template)
    connection = psycopg2.connect(postgres.dsn(name))
    connection.autocommit = True
    yield connection
    connection.close()
    postgres.drop(name)


# One test for each package, which names the queries that fail: there are hundreds.


@pytest.mark.parametrize("package", PACKAGES)
def test_every_query_can_be_planned(migrated: Any, package: str) -> None:
    statements = {name: [f"explain {query}"] for name, query in QUERIES[package].items()}
    assert _refused(migrated, statements) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_query_that_is_prepared_has_types_for_its_parameters(migrated: Any, package: str) -> None:
    templates = {name: Template(query) for name, query in QUERIES[package].items() if query.plan != "text"}
    statements = {
        name: [template.prepare, f"explain {template.execute.rpartition('; ')[2]}"]
        for name, template in templates.items()
    }
    assert _refused(migrated, statements) == {}


def _refused(migrated: Any, statements: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What PostgreSQL has against the statements, by the names of their queries."""
    refused = {}
    with migrated.cursor() as cursor:
        for name, texts in statements.items():
            try:
                for text in texts:
                    cursor.execute(text, Nulls())
            except psycopg2.Error as error:
                refused[name] = str(error)
    return refused


@pytest.mark.parametrize("package", PACKAGES)
def test_a_domain_writes_only_its_own_tables(package: str) -> None:
    owner = package.partition(".")[0]
    written = {name: _WRITES.findall(_NO_WRITES.sub(" ", query)) for name, query in QUERIES[package].items()}
    tables = {(name, table.lower()) for name, found in written.items() for table in found}
    assert {(name, table) for name, table in tables if OWNER.get(table) != owner} == set()


def test_every_table_has_an_owner(migrated: Any) -> None:
    with migrated.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public' and tablename !~ 'yoyo'")
        assert {table for (table,) in cursor} == set(OWNER)


def test_deleting_a_row_finds_its_children_by_an_index(migrated: Any) -> None:
    # A dozen rows need none.
    exempt = {"categories_photo_id_fkey"}
    with migrated.cursor() as cursor:
        cursor.execute("""
            select conname from pg_constraint c
            where contype = 'f' and connamespace = 'public'::regnamespace
            and not exists (select 1 from pg_index where indrelid = c.conrelid and indkey[0] = c.conkey[1])
        """)
        assert {name for (name,) in cursor} <= exempt
