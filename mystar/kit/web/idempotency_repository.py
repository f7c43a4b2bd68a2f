"""Rows of ``Idempotency-Key``: which request had which answer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    erasures=(QUERIES.erase_answers, QUERIES.erase_in_answers),
)


class Key(NamedTuple):
    """``account_id`` None = a guest's."""

    account_id: int | None
    key: str


class StoredAnswer(NamedTuple):
    """``fingerprint``: a signature of the request."""

    fingerprint: bytes
    status: int
    body: bytes
    content_type: str


class IdempotencyRepository:
    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def try_lock(self, key: Key) -> bool:
        """Lock the key until the transaction ends; false if another transaction holds it."""
        return bool(await self._tx.value(QUERIES.try_lock_key, **key._asdict()))

    async def find(self, key: Key) -> StoredAnswer | None:
        row = await self._tx.one_or_none(QUERIES.find_answer, **key._asdict())
        return StoredAnswer(**row) if row else None

    async def insert(self, key: Key, answer: StoredAnswer, now: datetime) -> None:
        await self._tx.execute(QUERIES.insert_answer, **key._asdict(), **answer._asdict(), now=now)

    async def purge(self, before: datetime) -> int:
        """Delete up to a thousand keys that were stored before this moment; how many."""
        return await self._tx.execute(QUERIES.purge_answers, before=before)
