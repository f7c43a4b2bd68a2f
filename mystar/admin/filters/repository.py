"""Saved filters as rows."""

from __future__ import annotations

from mystar.admin.filters.model import SavedFilter
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(exports={}, erasures=(QUERIES.erase_filters,))


class FilterRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def of(self, account_id: int, list_: str) -> list[SavedFilter]:
        """By name."""
        rows = await self._tx.all(QUERIES.filters_of, account_id=account_id, list=list_)
        return [SavedFilter(**row) for row in rows]

    async def count_others(self, account_id: int, list_: str, name: str) -> int:
        """How many of other names there are."""
        return int(await self._tx.value(QUERIES.count_filters, account_id=account_id, list=list_, name=name))

    async def save(self, account_id: int, list_: str, name: str, query: str) -> None:
        values = {"account_id": account_id, "list": list_, "name": name, "query": query}
        await self._tx.execute(QUERIES.save_filter, values)

    async def delete(self, account_id: int, filter_id: int) -> bool:
        """Whether it was there."""
        return bool(await self._tx.execute(QUERIES.delete_filter, account_id=account_id, id=filter_id))
