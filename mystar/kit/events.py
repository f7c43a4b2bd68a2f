"""Facts travel upwards: lower domains publish, higher ones listen, the composition root introduces them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

#: ``async listener(tx, event)``: part of the publisher's transaction. What it raises undoes everything.
Sharing = Callable[[Any, Any], Awaitable[None]]
#: ``async listener(event)``: runs after COMMIT, without a connection. What it raises is logged.
Following = Callable[[Any], Awaitable[None]]


class Events:
    """Who listens to what. Events are frozen dataclasses; a listener hears exactly its class. The first come, first."""

    def __init__(self) -> None:
        self._sharing: dict[type, list[Sharing]] = defaultdict(list)
        self._following: dict[type, list[Following]] = defaultdict(list)

    def on(self, event_class: type, listener: Sharing) -> None:
        """Listen inside the transaction: money, state, outbox, notification rows."""
        self._sharing[event_class].append(listener)

    def after_commit(self, event_class: type, listener: Following) -> None:
        """Listen once the fact is a fact: sockets, caches."""
        self._following[event_class].append(listener)

    def sharing(self, event: object) -> tuple[Sharing, ...]:
        return tuple(self._sharing.get(type(event), ()))

    def following(self, event: object) -> tuple[Following, ...]:
        return tuple(self._following.get(type(event), ()))
