"""Notes of the staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: Characters of a note.
MAX_LENGTH = 4000
Kind = Literal["order", "account", "service"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a note is about."""

    kind: Kind
    id: int

    def __str__(self) -> str:
        """As the audit log names it."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Note:
    """``text`` is empty after its subject was erased. One of the three ids is set."""

    id: int
    order_id: int | None
    account_id: int | None
    service_id: int | None
    author_id: int
    author: str
    text: str
    created_at: datetime
