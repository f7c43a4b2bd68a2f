"""How often something may be tried: moving windows in memory, or in Redis for several processes."""

from __future__ import annotations

import time
from collections.abc import Mapping

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from mystar.errors import TooMany


class Limits:
    """Named limits, each a text such as ``"10/minute"``.

    :param rules: limit by name; an unknown name is a mistake of ours and raises ``KeyError``.
    :param url: ``redis://…`` to share the counts between processes; empty = this process alone.
    :param enabled: false lets everything pass.
    """

    def __init__(self, rules: Mapping[str, str], *, url: str = "", enabled: bool = True) -> None:
        self._rules: dict[str, RateLimitItem] = {name: parse(rule) for name, rule in rules.items()}
        storage = RedisStorage(f"async+{url}", implementation="redispy") if url else MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._enabled = enabled

    async def hit(self, name: str, *key: object) -> None:
        """Count one try of ``key``.

        :raises TooMany: that was one too many; says in how many seconds it is worth trying again.
        """
        rule = self._rules[name]
        identifiers = (name, *map(str, key))
        if self._enabled and not await self._limiter.hit(rule, *identifiers):
            await self._refuse(rule, identifiers)

    async def check(self, name: str, *key: object) -> None:
        """Like ``hit``, but counts nothing: for limits on failures only."""
        rule = self._rules[name]
        identifiers = (name, *map(str, key))
        if self._enabled and not await self._limiter.test(rule, *identifiers):
            await self._refuse(rule, identifiers)

    async def _refuse(self, rule: RateLimitItem, identifiers: tuple[str, ...]) -> None:
        stats = await self._limiter.get_window_stats(rule, *identifiers)
        raise TooMany(retry_after=max(1, round(stats.reset_time - time.time())))
