"""Counting the open orders of a creator."""

from __future__ import annotations

from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable

QUERIES = queries.load(__package__)


class CapacityRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def count_open(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_open, creator_id=creator_id))
