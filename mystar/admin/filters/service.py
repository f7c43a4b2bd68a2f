"""Saving, reading and deleting the own filters."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.admin.filters.model import MAX_FILTERS, SavedFilter, TooManyFilters
from mystar.admin.filters.repository import FilterRepository
from mystar.errors import NotFound
from mystar.kit.postgres.database import Database


class FilterService:
    """Every member of the staff has filters of their own."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, actor: Actor, list_: str) -> list[SavedFilter]:
        """By name. :raises Forbidden: not staff."""
        actor.require_staff()
        return await FilterRepository(self._db).of(actor.id, list_)

    async def save(self, actor: Actor, list_: str, name: str, query: str) -> None:
        """The same name again replaces the filter. :raises Forbidden: not staff. :raises TooManyFilters:"""
        actor.require_staff()
        async with self._db.transaction() as tx:
            filters = FilterRepository(tx)
            if await filters.count_others(actor.id, list_, name) >= MAX_FILTERS:
                raise TooManyFilters
            await filters.save(actor.id, list_, name, query)

    async def delete(self, actor: Actor, filter_id: int) -> None:
        """:raises Forbidden: not staff. :raises NotFound: it is not the actor's."""
        actor.require_staff()
        if not await FilterRepository(self._db).delete(actor.id, filter_id):
            raise NotFound
