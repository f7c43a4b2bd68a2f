"""Detection of a stolen refresh token (D7, RFC 9700, 4.14.2).

A client may ask for a new refresh token with every refresh. The old one stays valid until the new one is used, as a
response can get lost, and two windows of one browser can refresh at once. So a rotated token is accepted for half a
minute, and for as long as its successor has not been used. After that, only a copy can be the sender.

Tokens have generation numbers, not dates: several rotations within one second are several generations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """The refresh tokens of one session.

    :param newest: the latest generation.
    :param newest_used: whether it has been used.
    :param rotated_at: when older generations were rotated; old entries may be missing.
    """

    newest: int
    newest_used: bool
    rotated_at: Mapping[int, datetime]

    def is_copy(self, generation: int, now: datetime) -> bool:
        """Whether only a copied token can have this generation."""
        if generation >= self.newest:
            return False
        successor_used = self.newest_used or generation + 1 < self.newest
        rotated_at = self.rotated_at.get(generation)
        return successor_used and (rotated_at is None or now - rotated_at > GRACE)
