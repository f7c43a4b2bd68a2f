"""The background task of orders: applies the transitions of passed deadlines."""

from __future__ import annotations

import logging

from mystar.errors import Unavailable
from mystar.orders.service import OrderService

log = logging.getLogger(__name__)

_BATCH = 200


class Deadlines:
    """Several processes may run at once: each order is moved by the one that locks it first."""

    def __init__(self, orders: OrderService) -> None:
        self._orders = orders

    async def run_due(self) -> int:
        """Move every order whose deadline has passed; answer how many. A failure is logged and retried at the next run.

        :raises Unavailable: the database is away.
        """
        moved, after = 0, None
        while due := await self._orders.due(after, _BATCH):
            for _, order_id in due:
                moved += await self._expire(order_id)
            after = due[-1]
        return moved

    async def _expire(self, order_id: int) -> bool:
        try:
            return await self._orders.expire(order_id)
        except Unavailable:
            raise
        except Exception:
            log.exception("applying the deadline of order %s failed", order_id)
            return False
