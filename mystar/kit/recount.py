"""Differences between kept sums and a recount of what they add up."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """``what`` of the ``of`` with this id is ``stored``, and by recount it is ``counted``."""

    of: str
    what: str
    id: int
    stored: str | int
    counted: str | int

    def __str__(self) -> str:
        return f"{self.of} {self.id}: {self.what} is {self.stored}, by recount {self.counted}"
