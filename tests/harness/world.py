"""What is left when everybody has gone home: the provider's journal, the diary, and the rows of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from tests.harness.people import Act
from tests.sandbox_process import SandboxClient

Row = dict[str, Any]

_QUERIES = {
    "accounts": "select id, email from accounts",
    "orders": "select orders.*, creators.account_id as star_id from orders join creators on creators.id = creator_id",
    "payments": "select * from payments order by id",
    "ledger": "select * from ledger_entries order by id",
    "events": "select * from order_events order by id",
    "deliveries": "select order_id, number from deliveries",
    "outbox": "select * from outbox order by id",
    "discrepancies": "select * from payment_discrepancies",
    "votes": "select creators.account_id as star_id, votes.account_id from creator_votes votes "
    "join creators on creators.id = votes.creator_id",
    "likes": "select creators.account_id as star_id, likes.account_id from creator_likes likes "
    "join creators on creators.id = likes.creator_id",
}


@dataclass(frozen=True)
class World:
    """Money is kopecks everywhere. ``journal`` lines are the sandbox's (`mystar/sandbox/bank.py`), oldest first."""

    journal: list[Row]
    acts: list[Act]
    orders: list[Row]
    payments: list[Row]
    ledger: list[Row]
    events: list[Row]
    deliveries: list[Row]
    outbox: list[Row]
    discrepancies: list[Row]
    votes: list[Row]
    likes: list[Row]
    #: E-mail addresses by account.
    addresses: dict[int, str]
    #: What came into people's mailboxes, the newest thousand.
    mails: list[Row]

    def truth(self) -> dict[str, Row]:
        """Every payment as the provider keeps it, by the provider's id: the last line wins."""
        return {line["payment_id"]: line["payment"] for line in self.journal}

    def lines(self, kind: str, provider_id: str | None) -> list[Row]:
        return [line for line in self.journal if line["kind"] == kind and line["payment_id"] == provider_id]

    def order_called(self, business: str) -> Row | None:
        return next((order for order in self.orders if order["for_whom"] == business), None)

    def businesses(self) -> Iterator[tuple[str, dict[str, Act]]]:
        """Every order's name with what was acknowledged about it, the last of each deed."""
        named: dict[str, dict[str, Act]] = {}
        for act in self.acts:
            named.setdefault(act.business, {})[act.deed] = act
        yield from ((name, deeds) for name, deeds in named.items() if "place" in deeds)


async def look(dsn: str, sandbox: SandboxClient, acts: list[Act]) -> World:
    """The journal is read after the rows: what the service knows cannot be newer than the truth."""
    rows = await asyncio.to_thread(_rows, dsn)
    addresses = {row["id"]: row["email"] for row in rows.pop("accounts")}
    return World(
        journal=await sandbox.journal(), mails=await sandbox.mails(), acts=list(acts), addresses=addresses, **rows
    )


def _rows(dsn: str) -> dict[str, list[Row]]:
    """One moment of the whole database."""
    connection = psycopg2.connect(dsn, cursor_factory=RealDictCursor)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as cursor:
            found = {}
            for name, query in _QUERIES.items():
                cursor.execute(query)
                found[name] = [{**row} for row in cursor]
            return found
    finally:
        connection.close()
