"""The audit log as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pypika import FormatParameter, Order, PostgreSQLQuery, Table, functions
from pypika.queries import QueryBuilder

from mystar.audit.model import AuditEvent, Entry, Filters, Head, Value
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.tracing import REQUEST

QUERIES = queries.load(__package__)
_ENTRIES = Table("audit_entries")
_COLUMNS = ("id", "chain", "number", "at", "act", "actor_id", "subject", "address", "details", "hash", "request_id")
PERSONAL_DATA = PersonalQueries(exports={"audit": QUERIES.export_audit})


class AuditRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def lock_head(self) -> Head | None:
        """The head of a chain without a writer, locked until the transaction ends; None when all are locked."""
        row = await self._tx.one_or_none(QUERIES.lock_head)
        return _head(row) if row else None

    async def add(self, head: Head, event: AuditEvent) -> None:
        """:param head: of the chain with the event."""
        values = {"chain": head.chain, "number": head.length, "hash": head.hash, "seal": head.seal}
        await self._tx.execute(
            QUERIES.add_entry,
            {
                **values,
                "at": event.at,
                "action": event.action,
                "actor_id": event.actor_id,
                "subject": event.subject,
                "address": event.address,
                "details": dict(event.details),
                "request_id": REQUEST.get(),
            },
        )

    async def heads(self) -> list[Head]:
        return [_head(row) for row in await self._tx.all(QUERIES.heads)]

    async def after(self, chain: int, number: int, limit: int) -> list[Entry]:
        """The rows that follow ``number``, in order."""
        rows = await self._tx.all(QUERIES.entries_after, chain=chain, number=number, limit=limit)
        return [_entry(row) for row in rows]

    async def at(self, chain: int, number: int) -> Entry | None:
        row = await self._tx.one_or_none(QUERIES.entry_at, chain=chain, number=number)
        return _entry(row) if row else None

    async def former_names(self, subject: str) -> list[Row]:
        """``field, before, after`` of the changes of the names of an account."""
        return await self._tx.all(QUERIES.former_names, subject=subject)

    async def of_person(
        self, account_id: int, subject: str, actions: Sequence[str], names: Sequence[str]
    ) -> list[Entry]:
        """Entries of these actions about the account, and those about or by it that have one of the names."""
        values = {"account_id": account_id, "subject": subject, "actions": list(actions), "names": list(names)}
        return [_entry(row) for row in await self._tx.all(QUERIES.entries_of_person, values)]

    async def redact(self, entry_id: int, details: Mapping[str, Value], head: Head) -> None:
        """:param head: the place of the entry that vouches for the details."""
        values = {"id": entry_id, "details": dict(details), "chain": head.chain, "number": head.length}
        await self._tx.execute(QUERIES.redact_entry, values)

    async def entry_without_chain(self) -> Row | None:
        """``id, chain, number`` of a row in a chain that does not exist."""
        return await self._tx.one_or_none(QUERIES.entry_without_chain)

    async def entries(self, filters: Filters, limit: int, offset: int) -> list[Entry]:
        """Newest first."""
        query = _matching(filters).select(*_COLUMNS).orderby(_ENTRIES.id, order=Order.desc).limit(limit).offset(offset)
        return [_entry(row) for row in await self._tx.all(*_statement(query))]

    async def count(self, filters: Filters) -> int:
        count: int = await self._tx.value(*_statement(_matching(filters).select(functions.Count("*"))))
        return count


def _matching(filters: Filters) -> QueryBuilder:
    """Only the conditions that are asked for, each over an index."""
    query: QueryBuilder = PostgreSQLQuery.from_(_ENTRIES)
    if filters.action is not None:
        query = query.where(_ENTRIES.act == filters.action)
    if filters.actor_id is not None:
        query = query.where(_ENTRIES.actor_id == filters.actor_id)
    if filters.subject is not None:
        query = query.where(_ENTRIES.subject == filters.subject)
    if filters.since is not None:
        query = query.where(_ENTRIES.at >= filters.since)
    if filters.until is not None:
        query = query.where(_ENTRIES.at < filters.until)
    return query


def _statement(query: QueryBuilder) -> tuple[str, list[object]]:
    parameter = FormatParameter()
    text = query.get_sql(parameter=parameter)
    return text, parameter.get_parameters()


def _head(row: Row) -> Head:
    return Head(row["chain"], row["length"], bytes(row["hash"]), row["seal"])


def _entry(row: Row) -> Entry:
    event = AuditEvent(row["at"], row["act"], row["actor_id"], row["subject"], row["address"], row["details"])
    redaction = (row["redaction_chain"], row["redaction_number"]) if row.get("redaction_number") else None
    return Entry(
        row["id"], row["chain"], row["number"], event, bytes(row["hash"]), redaction, row.get("request_id") or ""
    )
