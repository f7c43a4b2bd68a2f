"""What is compared at the end: the provider's journal, the acknowledgements, and the rows of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from tests.harness.client import Acknowledgement, Acknowledgements, Repeat
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
    "audit": "select id, act, subject, details from audit_entries order by id",
    "notifications": "select * from notifications order by id",
    "discrepancies": "select * from payment_discrepancies",
    "votes": "select creators.account_id as star_id, votes.account_id from creator_votes votes "
    "join creators on creators.id = votes.creator_id",
    "likes": "select creators.account_id as star_id, likes.account_id from creator_likes likes "
    "join creators on creators.id = likes.creator_id",
}


@dataclass(frozen=True)
class Snapshot:
    """Money is kopecks everywhere. ``journal`` lines are the sandbox's (`mystar/sandbox/journal.py`), oldest first."""

    journal: list[Row]
    acknowledged: list[Acknowledgement]
    repeats: list[Repeat]
    orders: list[Row]
    payments: list[Row]
    ledger: list[Row]
    events: list[Row]
    deliveries: list[Row]
    outbox: list[Row]
    audit: list[Row]
    notifications: list[Row]
    discrepancies: list[Row]
    votes: list[Row]
    likes: list[Row]
    #: E-mail addresses by account.
    addresses: dict[int, str]
    #: The newest thousand mails in the mailboxes.
    mails: list[Row]
    #: The share of mails that may have arrived twice: some answers to their sender were lost.
    unsure_mails: float

    def truth(self) -> dict[str, Row]:
        """Every payment as the provider keeps it, by the provider's id: the last line wins."""
        return {line["payment_id"]: line["payment"] for line in self.journal}

    def lines(self, kind: str, provider_id: str | None) -> list[Row]:
        return [line for line in self.journal if line["kind"] == kind and line["payment_id"] == provider_id]

    def order_called(self, order_name: str) -> Row | None:
        return next((order for order in self.orders if order["for_whom"] == order_name), None)

    def by_order(self) -> Iterator[tuple[str, dict[str, Acknowledgement]]]:
        """The name of every order with its acknowledgements, the last of each action."""
        named: dict[str, dict[str, Acknowledgement]] = {}
        for acknowledgement in self.acknowledged:
            named.setdefault(acknowledgement.order_name, {})[acknowledgement.action] = acknowledgement
        yield from ((name, actions) for name, actions in named.items() if "place" in actions)


async def take_snapshot(
    dsn: str, sandbox: SandboxClient, acknowledgements: Acknowledgements, unsure_mails: float = 0.0
) -> Snapshot:
    """The journal is read after the rows, so the database cannot be ahead of it."""
    rows = await asyncio.to_thread(_rows, dsn)
    addresses = {row["id"]: row["email"] for row in rows.pop("accounts")}
    return Snapshot(
        journal=await sandbox.journal(),
        mails=await sandbox.mails(),
        unsure_mails=unsure_mails,
        acknowledged=list(acknowledgements.acknowledged),
        repeats=list(acknowledgements.repeats),
        addresses=addresses,
        **rows,
    )


def _rows(dsn: str) -> dict[str, list[Row]]:
    """All rows, read in one transaction."""
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
