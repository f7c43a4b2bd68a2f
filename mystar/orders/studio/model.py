"""Orders to the studio: records, errors and events (docs/dialects/studio.md, D34–D36)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mystar.accounts.model import Actor
from mystar.errors import Conflict, Invalid, Text, Unavailable
from mystar.orders.model import Status

#: Largest number of pictures of an order.
MAX_PICTURES = 10


class Picture(NamedTuple):
    """A picture: id and key of its file; a guest's is public."""

    id: int
    key: str
    is_public: bool


@dataclass(frozen=True, slots=True)
class StudioOrder:
    """``number``: six digits that identify it to people. ``owner_id`` None: a guest's. Moments are UTC.

    ``process_at``: when processing starts, once staff have requested it.
    """

    id: int
    number: str
    owner_id: int | None
    owner_name: str | None
    title: str
    description: str
    status: Status
    process_at: datetime | None
    created_at: datetime
    updated_at: datetime
    pictures: tuple[Picture, ...]

    def is_visible_to(self, actor: Actor | None) -> bool:
        """A guest's order by everyone, an account's by that account and staff (D35)."""
        return self.owner_id is None or (actor is not None and (actor.id == self.owner_id or actor.acts_as_staff()))


class NumbersRunOut(Unavailable):
    """All six-digit numbers of studio orders are used up."""

    code = "order_numbers_run_out"
    text = Text(
        "Свободных номеров заказов больше нет. Мы уже знаем об этом.",
        "There are no free order numbers left. We know about it already.",
    )


class WorkBegun(Conflict):
    """A studio order is changed, withdrawn or queued after it is no longer new (D35)."""

    code = "studio_order_begun"
    text = Text(
        "Заказ уже в обработке: изменить его нельзя.", "The order is in process: it cannot be changed any more."
    )


class TooManyPictures(Invalid):
    def __init__(self, part: str = "images") -> None:
        most = str(MAX_PICTURES)
        super().__init__(fields={part: [Text(f"Не больше {most} фотографий.", f"No more than {most} pictures.")]})


# Events, published in the transaction that changes the order.


@dataclass(frozen=True, slots=True)
class StudioOrderFact:
    """``actor_id`` None: a guest, or the system."""

    order: StudioOrder
    actor_id: int | None


class StudioOrderPlaced(StudioOrderFact): ...


class StudioOrderChanged(StudioOrderFact): ...


class StudioOrderWithdrawn(StudioOrderFact): ...


class StudioOrderQueued(StudioOrderFact):
    """Staff requested processing, which starts at ``order.process_at``."""


class StudioOrderProcessed(StudioOrderFact):
    """Processing has started."""


def studio_order_of(row: dict[str, Any]) -> StudioOrder:
    """``pictures`` in the row: [[id, key, is_public], …] or null."""
    pictures = tuple(Picture(*one) for one in row["pictures"] or ())
    names = set(StudioOrder.__slots__) - {"pictures", "status"}
    return StudioOrder(**{name: row[name] for name in names}, status=Status(row["status"]), pictures=pictures)
