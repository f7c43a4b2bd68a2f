"""What was changed of the catalogue and of orders, for the cache of answers (D75, D81).

Triggers of the tables write it, so that no way to change them can forget to; see `sql/migrations`.
"""

from __future__ import annotations

from typing import NamedTuple

from mystar.catalog.repository import QUERIES
from mystar.catalog.subjects import EVERYTHING, LISTS, has_services, is_of_catalog
from mystar.kit.postgres.database import Queryable
from mystar.kit.web.response_cache import Changes


class _State(NamedTuple):
    server: str
    snapshot: str


class CatalogChanges:
    """:param db: single statements, each of which sees everything that was committed before it."""

    def __init__(self, db: Queryable) -> None:
        self._db = db

    async def since(self, state: _State | None) -> Changes[_State]:
        """What was committed since a state of before, and the state now."""
        row = await self._db.one(QUERIES.changes_since, snapshot=state.snapshot if state else None)
        if state is not None and any(map(has_services, row["subjects"])):
            # Asked anew, and not of these subjects: services and log have to be of one moment.
            row = await self._db.one(QUERIES.changes_since_with_services, snapshot=state.snapshot)
        now, subjects = _State(row["server"], row["snapshot"]), row["subjects"]
        if state is None or state.server != now.server or EVERYTHING in subjects:
            return Changes(now, None)
        return Changes(now, {*subjects, LISTS} if any(map(is_of_catalog, subjects)) else subjects)

    async def purge(self) -> None:
        """Forget what all processes that still answer requests have seen; the others begin anew."""
        await self._db.execute(QUERIES.purge_changes)
