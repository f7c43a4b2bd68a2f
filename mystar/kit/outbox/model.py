"""A row of the outbox on its way, and how a handler ends an attempt other than by success or an ordinary error."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A claimed row. ``idempotency_key`` is the same in every attempt; ``attempts`` counts from 1."""

    id: int
    topic: str
    name: str | None
    idempotency_key: uuid.UUID
    payload: dict[str, Any]
    attempts: int
    #: The request that wrote the row, and its trace: see `mystar.kit.tracing`.
    cause: dict[str, str] | None = None


class Postpone(Exception):
    """Raised by a handler: try again in ``seconds``. It does not count as an attempt."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class GiveUp(Exception):
    """Raised by a handler: refused for good. The row stays, marked as failed, until staff retries it."""
