"""How much longer statements take in tables that grow for ever: ``python -m tests.bench.rows``.

Messages, notifications, the audit log and the outbox with few and with many rows, on two servers. Statements of both
are run in turns over one connection each, for people and conversations at random; what they write is rolled back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

from mystar.audit.model import AuditEvent, Filters, Head
from mystar.audit.repository import AuditRepository
from mystar.chat import repository as chat
from mystar.kit.outbox import repository as outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from mystar.notifications import repository as notifications
from tests.database import reachable_directory
from tests.schema.rows import LARGE_SERVER, fill

TABLES = (
    *("accounts", "notification_boxes", "conversations"),
    *("messages", "notifications", "outbox", "audit_entries", "audit_heads"),
)
#: What is promised of the time when there is much, in times.
PROMISED = 1.5
Statement = Callable[[Tx, int], Awaitable[object]]


class _UndoError(Exception):
    """Leaves a transaction without its changes."""


def statements(rows: int) -> dict[str, Statement]:
    """By what they are for; the number is random. :param rows: of each large table."""
    people, conversations, now = rows // 10, rows // 20, datetime.now(UTC)

    def of(query: str, **values: object) -> Statement:
        """:param values: numbers are reduced to a person or a conversation by their names."""
        bounds = {"account_id": people, "conversation_id": conversations, "sender_id": conversations}

        def run(tx: Tx, number: int) -> Awaitable[object]:
            return tx.all(query, values | {name: number % bounds[name] + 1 for name in values.keys() & bounds.keys()})

        return run

    message = {"text": "Hello", "answer_id": None, "client_id": "new", "only_notified": False, "now": now}
    notice = {"kind": "order_paid", "data": {}, "subject": "order", "subject_id": 1, "now": now, "mail_at": now}
    claim = {"topic": "mail", "now": now, "lease": 60, "batch": 10}
    return {
        "a page of a conversation": of(chat.QUERIES.messages_up_to, conversation_id=0, number=20, limit=20),
        "what a socket missed": of(chat.QUERIES.changes_after, conversation_id=0, position=10, limit=100),
        "sending a message": of(chat.QUERIES.send, conversation_id=0, sender_id=0, **message),
        "a page of notifications": of(notifications.QUERIES.page, account_id=0, read=None, limit=20, offset=0),
        "unread notifications": of(notifications.QUERIES.count, account_id=0, read=False),
        "writing a notification": of(
            notifications.QUERIES.add, account_id=0, is_mailed=True, mails_per_hour=100, **notice
        ),
        "writing to the outbox": of(
            outbox.QUERIES.insert_message, topic="mail", name="new", payload={}, after=None, lane=None, cause=None
        ),
        "claiming from the outbox": of(outbox.QUERIES.claim_messages, **claim),
        "an entry of the audit log": _entry,
        "the audit log of a person": lambda tx, number: AuditRepository(tx).entries(
            Filters(subject=f"account:{number % people + 1}"), 50, 0
        ),
        "the end of the audit log": lambda tx, _: AuditRepository(tx).entries(Filters(), 50, 0),
        "the audit log of an hour": lambda tx, _: AuditRepository(tx).entries(
            Filters(until=now - timedelta(milliseconds=rows // 2)), 50, 0
        ),
    }


async def _entry(tx: Tx, _number: int) -> None:
    rows = AuditRepository(tx)
    head = await rows.lock_head()
    assert head is not None
    event = AuditEvent(datetime.now(UTC), "logged_in", 1, "account:1", "203.0.113.7", {})
    await rows.add(Head(head.chain, head.length + 1, b"x" * 32, ""), event)


async def _milliseconds(database: Database, statement: Statement, number: int) -> float:
    with contextlib.suppress(_UndoError):
        async with database.transaction() as tx:
            # The transaction begins with it, so that only the statement is timed.
            await tx.value("select 1")
            began = time.perf_counter()
            await statement(tx, number)
            taken = time.perf_counter() - began
            raise _UndoError
    return taken * 1000


@contextlib.contextmanager
def server(rows: int) -> Iterator[str]:
    """The address of a database with so many rows in each large table."""
    with reachable_directory("mystar-bench-") as directory:
        embedded = EmbeddedPostgres(directory, LARGE_SERVER).start()
        try:
            embedded.create_database("mystar")
            dsn = embedded.dsn("mystar")
            migrate(dsn)
            began = time.monotonic()
            fill(dsn, rows, TABLES)
            print(f"{rows:,} rows of each in {time.monotonic() - began:.0f} s", flush=True)
            yield dsn
        finally:
            embedded.stop()


async def measured(addresses: list[str], sizes: list[int], rounds: int) -> dict[str, list[float]]:
    """Medians in milliseconds: for each statement one for each size."""
    databases = [await Database.connect(dsn, max_size=1) for dsn in addresses]
    medians = {}
    for title in statements(100):
        times: list[list[float]] = [[] for _ in sizes]
        for turn in range(rounds + 20):
            for database, size, its_times in zip(databases, sizes, times, strict=True):
                taken = await _milliseconds(database, statements(size)[title], random.randrange(10**9))
                # The first turns prepare statements and read what all have in common.
                if turn >= 20:
                    its_times.append(taken)
        medians[title] = [statistics.median(its_times) for its_times in times]
    for database in databases:
        await database.close()
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rows", description=__doc__)
    parser.add_argument("--few", type=int, default=1_000_000, help="rows of each table (default 1000000)")
    parser.add_argument("--many", type=int, default=10_000_000, help="the same, much later (default 10000000)")
    parser.add_argument("--rounds", type=int, default=300, help="turns (default 300)")
    given = parser.parse_args()
    sizes = [given.few, given.many]
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(server(size)) for size in sizes]
        print(f"p50 in milliseconds, {given.few:,} and {given.many:,} rows of each table")
        for title, (few, many) in asyncio.run(measured(addresses, sizes, given.rounds)).items():
            print(f"  {title:28} {few:8.3f} {many:8.3f}   {many / few:.2f} times, at most {PROMISED} are promised")


if __name__ == "__main__":
    main()
