"""A whole list, for a file: its rows in batches, and the entry of the audit log that it was taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mystar.accounts.model import Actor
from mystar.admin.lists.columns import ListDefinition
from mystar.admin.repository import ListRepository, ListRequest
from mystar.audit.service import AuditService
from mystar.kit.postgres.database import Database, Row

_BATCH = 500


class ListExport:
    """At most `repository.MAX_ROWS` rows."""

    def __init__(self, db: Database, audit: AuditService) -> None:
        self._db, self._audit = db, audit

    async def begin(self, actor: Actor, definition: ListDefinition, list_request: ListRequest) -> list[int]:
        """The ids, in order. What was searched for is not kept, as it may be a name.

        :raises Forbidden: not staff who may change things.
        """
        actor.require_operator()
        ids = await ListRepository(self._db).ids(definition, list_request)
        is_filtered = bool(list_request.text or list_request.chosen or list_request.since or list_request.until)
        async with self._db.transaction() as tx:
            await self._audit.record(
                tx, "list_exported", actor_id=actor.id, list=definition.name, rows=len(ids), filtered=is_filtered
            )
        return ids

    async def rows(self, definition: ListDefinition, ids: Sequence[int]) -> AsyncIterator[list[Row]]:
        """Batches in the order of the ids; rows that are gone meanwhile are left out."""
        for start in range(0, len(ids), _BATCH):
            yield await ListRepository(self._db).of_ids(definition, ids[start : start + _BATCH])
