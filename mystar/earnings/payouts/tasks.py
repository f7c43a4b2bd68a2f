"""What the clock does to payouts: the schedule asks for them."""

from __future__ import annotations

import logging

from mystar.earnings.payouts.service import PayoutService

log = logging.getLogger(__name__)


class Sweep:
    """Any number of processes may look at once; a creator has one open payout."""

    def __init__(self, payouts: PayoutService) -> None:
        self._payouts = payouts

    async def run(self) -> None:
        """Ask for payouts when the schedule says so. :raises Unavailable: the database is away."""
        requested = await self._payouts.sweep_if_due()
        if requested is not None:
            log.info("the schedule requested %s payouts", requested)
