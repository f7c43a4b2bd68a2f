"""The attacks, each a coroutine that its workers call again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.attacks.attacker import Attacker

Act = Callable[[Attacker], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Attack:
    """:param workers: how many of them run at a time."""

    item: str
    name: str
    workers: int
    act: Act

    @property
    def title(self) -> str:
        return f"{self.item} {self.name}"


ATTACKS: list[Attack] = []
#: Settings of the server: limits of all requests that write would refuse an attack before it begins.
LIMITS = {
    "LIMITS__ENABLED": "true",
    "LIMITS__WRITE": "1000000/minute",
    "LIMITS__GUEST_WRITE": "1000000/minute",
    "LIMITS__UPLOAD": "1000000/minute",
    "LIMITS__LISTING": "1000000/minute",
}


def attack(item: str, name: str, *, workers: int = 4) -> Callable[[Act], Act]:
    """Register the coroutine as an attack of this item of the list in docs/promises.md."""

    def register(act: Act) -> Act:
        ATTACKS.append(Attack(item, name, workers, act))
        return act

    return register
