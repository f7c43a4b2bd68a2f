"""Kills at a chosen action: while it is being worked on, before its answer arrives, or after it."""

from __future__ import annotations

import asyncio
import random
from enum import Enum

from tests.harness.client import Answer, AnswerLost, Attempt, Interruption
from tests.harness.service import Service


class Moment(Enum):
    """When the service is killed, as the client sees it."""

    DURING_REQUEST = "while the request is being worked on"
    BEFORE_ANSWER = "when the work is done, before the answer arrives"
    AFTER_ANSWER = "right after the answer has arrived"


class SharedKill(Interruption):
    """One kill for several clients: each waits before an action of its own until all have arrived.

    :param clients: how many take part.
    """

    def __init__(self, service: Service, moment: Moment, clients: int, chance: random.Random) -> None:
        self._service, self._moment, self._chance = service, moment, chance
        self._barrier = asyncio.Barrier(clients)

    async def apply(self, attempt: Attempt) -> Answer:
        place = await self._barrier.wait()
        if self._moment is Moment.DURING_REQUEST:
            return (await asyncio.gather(attempt(), self._kill(place, after=self._chance.uniform(0, 0.05))))[0]
        answer = await attempt()
        await self._kill(await self._barrier.wait())
        if self._moment is Moment.BEFORE_ANSWER:
            raise AnswerLost("the service was killed before it answered")
        return answer

    async def _kill(self, place: int, after: float = 0.0) -> None:
        """The first client kills and restarts the service; the next attempts find it starting."""
        if place == 0:
            await asyncio.sleep(after)
            self._service.kill()
            self._service.start()
