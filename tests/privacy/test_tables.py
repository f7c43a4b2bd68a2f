"""Every table that refers to accounts has its part in an erasure, or a reason to stay (docs/privacy.md)."""

from __future__ import annotations

import re

from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.privacy.keys import ERASURES

#: Rows that stay under the number of the account.
KEPT = {
    "conversations": "the other side's; without texts",
    "creator_balances": "books",
    "creator_votes": "part of a sum",
    "earning_entries": "books, which are only added to",
    "erasures": "that it was asked for, and when",
    "statements": "books",
}
_WRITES = re.compile(r"\b(?:update|delete\s+from)\s+([a-z_]+)", re.IGNORECASE)


async def test_every_table_that_refers_to_accounts_is_erased_or_kept_for_a_reason(app: web.Application) -> None:
    refers = await app[DATABASE].all(
        "select distinct conrelid::regclass::text as name from pg_constraint"
        " where contype = 'f' and confrelid = 'accounts'::regclass"
    )
    tables = {row["name"] for row in refers}
    registry = app[ERASURES]._personal_data
    statements = [str(query) for part in registry._parts for query in part._queries.erasures]
    erased = {table for statement in statements for table in _WRITES.findall(statement)} | {"data_exports"}
    assert tables - erased - set(KEPT) == set(), "add the queries to PERSONAL_DATA of the domain, or a reason here"
    assert set(KEPT) <= tables
    app.freeze()
    await app.cleanup()
