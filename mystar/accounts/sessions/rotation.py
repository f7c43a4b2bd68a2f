"""When a refresh token that comes back was stolen (D7, RFC 9700, 4.14.2).

A client may ask for a new refresh token with every refresh. The old one then waits until the new one is seen: an
answer can get lost, and two windows of one browser ask at once. So an exchanged token is good for half a minute, and
for as long as its successor has not been used. After that only a copy can be speaking.

Tokens are counted, not dated: several exchanges within one second are several generations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """The refresh tokens of one session.

    :param newest: the generation that was given out last.
    :param newest_used: whether that one has been presented.
    :param rotated_at: when older ones were exchanged; those of long ago may be missing.
    """

    newest: int
    newest_used: bool
    rotated_at: Mapping[int, datetime]

    def is_copy(self, generation: int, now: datetime) -> bool:
        """Whether nobody but a thief can be presenting this generation."""
        if generation >= self.newest:
            return False
        successor_used = self.newest_used or generation + 1 < self.newest
        rotated_at = self.rotated_at.get(generation)
        return successor_used and (rotated_at is None or now - rotated_at > GRACE)
