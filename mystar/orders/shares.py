"""The creator's share of an order, which earnings computes and only the creator is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CreatorShare:
    """Kopecks. ``clears_at``: when the share can be paid out; None before the order is completed."""

    commission: int
    share: int
    clears_at: datetime | None


#: What orders of these ids bring the account, by id; only those that it sold.
ShareReader = Callable[[int, Sequence[int]], Awaitable[Mapping[int, CreatorShare]]]
