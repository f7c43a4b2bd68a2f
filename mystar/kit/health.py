"""What is measured of the health of an installation: domains register probes, the alarms judge what they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One measurement.

    :param kind: what is measured; how it is judged is the rule of `mystar.alarms.model` of this name.
    :param subject: of which one of several, such as a topic of the outbox; "" = there is one.
    :param value: in the unit of the rule.
    :param note: what a system said, for operators; without personal data.
    """

    kind: str
    subject: str
    value: float
    note: str = ""


Probe = Callable[[], Awaitable[Sequence[Fact]]]


class Health:
    """The probes of one application."""

    def __init__(self) -> None:
        self._probes: list[Probe] = []

    def watch(self, probe: Probe) -> None:
        """Register a probe. It runs twice a minute and on the overview of the panel, so it must be cheap."""
        self._probes.append(probe)

    def watch_trouble(self, kind: str, subject: str, trouble: Callable[[], str]) -> None:
        """Register a state: the words are what is wrong, "" = nothing is."""

        async def probe() -> Sequence[Fact]:
            words = trouble()
            return (Fact(kind, subject, float(bool(words)), words),)

        self.watch(probe)

    async def facts(self) -> list[Fact]:
        """Ask all probes. :raises Unavailable: the database does not answer."""
        return [fact for probe in self._probes for fact in await probe()]
