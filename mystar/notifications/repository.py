"""People as recipients."""

from __future__ import annotations

from collections.abc import Iterable

from mystar.kit import queries
from mystar.kit.db import Statements
from mystar.notifications.model import Recipient

QUERIES = queries.load(__package__)


class NotificationRepository:
    """Bound to one transaction."""

    def __init__(self, tx: Statements) -> None:
        self._tx = tx

    async def recipients(self, account_ids: Iterable[int]) -> dict[int, Recipient]:
        """Those of the accounts that may be told, by id; a blocked one may not."""
        rows = await self._tx.all(QUERIES.recipients, ids=list(account_ids))
        return {row["id"]: Recipient(**row) for row in rows}
