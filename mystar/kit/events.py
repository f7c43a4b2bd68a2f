"""Events: lower domains publish, higher ones listen, the composition root registers the listeners (law 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

#: ``async listener(tx, event)``: runs in the publisher's transaction; an error rolls it back.
TransactionListener = Callable[[Any, Any], Awaitable[None]]
#: ``async listener(event)``: runs after the commit, without a connection; an error is logged.
CommitListener = Callable[[Any], Awaitable[None]]


class Events:
    """The listeners of each class of events, called in the order of their registration; subclasses do not count."""

    def __init__(self) -> None:
        self._in_transaction: dict[type, list[TransactionListener]] = defaultdict(list)
        self._after_commit: dict[type, list[CommitListener]] = defaultdict(list)

    def on(self, event_class: type, listener: TransactionListener) -> None:
        """Listen inside the transaction, for what must be true together with the event."""
        self._in_transaction[event_class].append(listener)

    def after_commit(self, event_class: type, listener: CommitListener) -> None:
        """Listen after the commit, for sockets and caches."""
        self._after_commit[event_class].append(listener)

    def transaction_listeners(self, event: object) -> tuple[TransactionListener, ...]:
        return tuple(self._in_transaction.get(type(event), ()))

    def commit_listeners(self, event: object) -> tuple[CommitListener, ...]:
        return tuple(self._after_commit.get(type(event), ()))
