"""What the clock does to orders: the step of the system once a deadline is over."""

from __future__ import annotations

import logging

from mystar.errors import Unavailable
from mystar.orders.service import OrderService

log = logging.getLogger(__name__)

_BATCH = 200


class Deadlines:
    """Any number of processes may look at once: each order is moved by whoever locks it first."""

    def __init__(self, orders: OrderService) -> None:
        self._orders = orders

    async def pass_by(self) -> int:
        """Move every order whose deadline is over; answer how many. One that cannot be moved is logged and tried again
        with the next look.

        :raises Unavailable: the database is away.
        """
        moved, after = 0, None
        while due := await self._orders.due(after, _BATCH):
            for _, order_id in due:
                moved += await self._pass_by(order_id)
            after = due[-1]
        return moved

    async def _pass_by(self, order_id: int) -> bool:
        try:
            return await self._orders.pass_deadline(order_id)
        except Unavailable:
            raise
        except Exception:
            log.exception("the deadline of order %s could not be kept", order_id)
            return False
