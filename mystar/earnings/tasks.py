"""What the clock does to earnings: shares whose clearance is over become available."""

from __future__ import annotations

from mystar.earnings.service import EarningService

_BATCH = 100


class Clearance:
    """Any number of processes may run it at once; each takes rows that no other has."""

    def __init__(self, earnings: EarningService) -> None:
        self._earnings = earnings

    async def run(self) -> int:
        """Clear everything that is due; answer how many earnings.

        :raises Unavailable: the database is away.
        """
        cleared = 0
        while found := await self._earnings.clear_due(_BATCH):
            cleared += found
        return cleared
