"""Deaths that are not left to chance: the service dies at one deed of somebody, before, under or after its answer."""

from __future__ import annotations

import asyncio
import random
from enum import Enum

from tests.harness.people import Accident, Answer, Attempt, Lost
from tests.harness.service import Service


class Moment(Enum):
    """When the service dies, as its client sees it."""

    ASKED = "while the request is being worked on"
    LOST = "when the work is done, before the answer arrives"
    ANSWERED = "right after the answer has arrived"


class CommonDeath(Accident):
    """Several people stand before a deed, each before one of his own; when all are there, one death meets them all.

    :param people: how many must come.
    """

    def __init__(self, service: Service, moment: Moment, people: int, chance: random.Random) -> None:
        self._service, self._moment, self._chance = service, moment, chance
        self._everybody = asyncio.Barrier(people)

    async def strike(self, attempt: Attempt) -> Answer:
        place = await self._everybody.wait()
        if self._moment is Moment.ASKED:
            return (await asyncio.gather(attempt(), self._die(place, after=self._chance.uniform(0, 0.05))))[0]
        answer = await attempt()
        await self._die(await self._everybody.wait())
        if self._moment is Moment.LOST:
            raise Lost("the service died with the answer on its lips")
        return answer

    async def _die(self, place: int, after: float = 0.0) -> None:
        """One of them all brings it about; the next attempts find the service on its way back."""
        if place == 0:
            await asyncio.sleep(after)
            self._service.kill()
            self._service.start()
