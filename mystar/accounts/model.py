"""People: what an account is, who is asking, and what can be refused."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking (contract D1): always the account of the token, never an id from a body."""

    id: int
    session_id: uuid.UUID
    username: str
    role: str | None = None

    @property
    def is_staff(self) -> bool:
        """Any member of the staff: viewer, operator or owner."""
        return self.role is not None

    @property
    def may_operate(self) -> bool:
        """Staff who may change things."""
        return self.role in ("operator", "owner")
