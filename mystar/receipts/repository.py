"""Receipts as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.recount import Difference
from mystar.receipts.model import Kind, Receipt, ReceiptUnknown, Scheme, Subject

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "receipts": QUERIES.export_receipts,
    },
    erasures=(QUERIES.erase_receipts,),
    obstacles=QUERIES.erasure_obstacles,
)
_COLUMNS = tuple(one.name for one in fields(Receipt))
_MAX_DIFFERENCES = 1000


class ReceiptRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self, *, order_id: int, payment_id: int, kind: Kind, amount: int, scheme: Scheme, now: datetime
    ) -> Receipt:
        row = await self._tx.one(
            QUERIES.add_receipt,
            order_id=order_id,
            payment_id=payment_id,
            kind=kind,
            amount=amount,
            scheme=scheme,
            now=now,
        )
        return _receipt(row)

    async def get(self, receipt_id: int) -> Receipt:
        """:raises ReceiptUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.receipt, id=receipt_id))

    async def lock(self, receipt_id: int) -> Receipt:
        """:raises ReceiptUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.lock_receipt, id=receipt_id))

    async def of_payment(self, payment_id: int) -> list[Receipt]:
        return [_receipt(row) for row in await self._tx.all(QUERIES.receipts_of_payment, payment_id=payment_id)]

    async def subject(self, receipt_id: int) -> Subject:
        row = dict(await self._tx.one(QUERIES.subject, id=receipt_id))
        name = row.pop("creator_full_name") or row["creator_username"]
        del row["creator_username"]
        return Subject(creator_name=name, **row)

    async def save(self, receipt: Receipt, now: datetime, fiscal: Mapping[str, str] | None = None) -> Receipt:
        row = await self._tx.one(
            QUERIES.save_receipt,
            id=receipt.id,
            status=receipt.status,
            provider_id=receipt.provider_id,
            reason=receipt.reason,
            attempt=receipt.attempt,
            fiscal=dict(fiscal) if fiscal else None,
            now=now,
        )
        return _receipt(row)

    async def differences(self, before: datetime) -> list[Difference]:
        """Captures and refunds without their receipts, and receipts unfinished since ``before``."""
        found = []
        for query in (QUERIES.missing_receipts, QUERIES.stuck_receipts):
            rows = await self._tx.all(query, limit=_MAX_DIFFERENCES, before=before)
            found += [Difference(**row) for row in rows]
        return found


def _found(row: Row | None) -> Receipt:
    if row is None:
        raise ReceiptUnknown
    return _receipt(row)


def _receipt(row: Row) -> Receipt:
    return Receipt(**{name: row[name] for name in _COLUMNS})
