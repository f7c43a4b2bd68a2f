"""Facts travel upwards: lower domains publish, higher ones listen, the composition root introduces them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

#: ``async listener(tx, event)``: part of the publisher's transaction. What it raises undoes everything.
TransactionListener = Callable[[Any, Any], Awaitable[None]]
#: ``async listener(event)``: runs after COMMIT, without a connection. What it raises is logged.
CommitListener = Callable[[Any], Awaitable[None]]


class Events:
    """Who listens to what. Events are frozen dataclasses; a listener hears exactly its class. The first come, first."""

    def __init__(self) -> None:
        self._in_transaction: dict[type, list[TransactionListener]] = defaultdict(list)
        self._after_commit: dict[type, list[CommitListener]] = defaultdict(list)

    def on(self, event_class: type, listener: TransactionListener) -> None:
        """Listen inside the transaction: money, state, outbox, notification rows."""
        self._in_transaction[event_class].append(listener)

    def after_commit(self, event_class: type, listener: CommitListener) -> None:
        """Listen once the fact is a fact: sockets, caches."""
        self._after_commit[event_class].append(listener)

    def transaction_listeners(self, event: object) -> tuple[TransactionListener, ...]:
        return tuple(self._in_transaction.get(type(event), ()))

    def commit_listeners(self, event: object) -> tuple[CommitListener, ...]:
        return tuple(self._after_commit.get(type(event), ()))
