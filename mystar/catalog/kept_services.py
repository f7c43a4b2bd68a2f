"""Services by id, kept in memory and never older than the request that asks for them (D75)."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.catalog.model import Service
from mystar.catalog.repository import CatalogRepository
from mystar.catalog.subjects import service_subject
from mystar.kit.postgres.database import Database, in_transaction
from mystar.kit.postgres.replica import is_age_allowed
from mystar.kit.web.response_cache import ResponseCache


class KeptServices:
    """Orders and their pages ask for the same few services again and again."""

    def __init__(self, db: Database, cache: ResponseCache) -> None:
        self._db, self._cache = db, cache

    async def by_id(self, ids: Sequence[int]) -> dict[int, Service]:
        """Listed or not; unknown ids are left out."""
        if in_transaction() or is_age_allowed():
            # The transaction may have changed them; a standby may be behind the log of changes.
            return await self._read(ids)
        return await self._cache.values("service", ids, self._read, service_subject)

    async def _read(self, ids: Sequence[int]) -> dict[int, Service]:
        return await CatalogRepository(self._db).services(ids)
