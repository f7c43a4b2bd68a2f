"""Rate limits: sliding windows in memory, or in Redis for several processes."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from limits import RateLimitItem, parse_many
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from prometheus_client import CollectorRegistry, Counter, Gauge

from mystar.errors import TooMany
from mystar.kit.postgres.database import assert_no_transaction
from mystar.kit.security.counters import Counters
from mystar.kit.web.http import parse_address

log = logging.getLogger(__name__)

#: Seconds that Redis has to answer, and seconds for which this process counts alone after it did not.
_TIMEOUT, _PAUSE = 1.0, 5.0
#: Counters of one limit in memory, for each length of its windows: some 12 MB.
_MOST_COUNTERS = 50_000
#: A limit of a /56 is this many times that of a /64.
_NETWORKS_OF_A_SITE = 8


class RateLimits:
    """Named limits, each a text such as ``"10/minute"``, or several: ``"10/minute; 50/hour"``.

    While Redis does not answer, each process counts for itself: limits are wider then, and requests are not refused.

    :param rules: limit by name; an unknown name is a defect and raises ``KeyError``.
    :param url: ``redis://…`` to share the counts between processes; empty = this process alone.
    :param enabled: false lets everything pass.
    :param registry: where it is shown whether Redis answers.
    """

    def __init__(
        self,
        rules: Mapping[str, str],
        *,
        url: str = "",
        enabled: bool = True,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._rules: dict[str, list[RateLimitItem]] = {name: parse_many(rule) for name, rule in rules.items()}
        self._enabled = enabled
        # Each has counters of its own: those who fill the ones of addresses do not make others forget accounts.
        self._own = {name: SlidingWindowCounterRateLimiter(Counters(_MOST_COUNTERS)) for name in rules}
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._alone_until = 0.0
        alone = Gauge(
            "mystar_rate_limits_alone", "Whether Redis is away and this process counts alone", registry=registry
        )
        alone.set_function(lambda: time.monotonic() < self._alone_until)
        self._failures = Counter(
            "mystar_rate_limits_redis_failures_total", "Counts that Redis did not take", registry=registry
        )
        # `limits` passes unknown arguments on to redis; its type hints allow only numbers and texts.
        self._pool: Any = None
        if url and enabled:
            # Imported where it is used: it takes a tenth of the time of a start.
            import redis.asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            self._pool = redis.ConnectionPool.from_url(
                url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                # A connection that Redis has closed meanwhile is not an outage.
                retry=Retry(NoBackoff(), 1),
            )
            self._shared = SlidingWindowCounterRateLimiter(
                RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", connection_pool=self._pool)
            )

    async def hit(self, name: str, *key: object) -> None:
        """Count one attempt of ``key``.

        :raises TooMany: above the limit; ``retry_after`` in seconds.
        """
        await self._ask(name, key, count=True)

    async def check(self, name: str, *key: object) -> None:
        """Like ``hit`` without counting, for limits on failures only."""
        await self._ask(name, key, count=False)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _ask(self, name: str, key: tuple[object, ...], *, count: bool) -> None:
        assert_no_transaction("counting attempts")
        rules = self._rules[name]
        if not self._enabled:
            return
        parts = tuple(map(str, key))
        wide = tuple(site_of(part) for part in parts)
        for rule in rules:
            await self._ask_one(rule, (name, *map(network_of, parts)), count=count)
            if wide != parts:
                wider = type(rule)(rule.amount * _NETWORKS_OF_A_SITE, rule.multiples, rule.namespace)
                await self._ask_one(wider, (name, *wide), count=count)

    async def _ask_one(self, rule: RateLimitItem, identifiers: tuple[str, ...], *, count: bool) -> None:
        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                return await _allow(self._shared, rule, identifiers, count=count)
            except StorageError as error:
                self._alone_until = time.monotonic() + _PAUSE
                self._failures.inc()
                log.warning("Redis does not answer, this process counts rate limits alone: %r", error.storage_error)
        await _allow(self._own[identifiers[0]], rule, identifiers, count=count)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What a limit counts for an address: of IPv6 the /64, which one client owns; IPv4 in IPv6 is IPv4.

    Anything else is returned as it is.
    """
    parsed = parse_address(address)
    return address if parsed is None else str(parsed) if parsed.version == 4 else _network(parsed, 64)


@lru_cache(maxsize=4096)
def site_of(address: str) -> str:
    """The /56 of an IPv6 address, which providers give to one customer; anything else as it is."""
    parsed = parse_address(address)
    if parsed is None or parsed.version == 4:
        return address
    return _network(parsed, 56)


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
    return str(ipaddress.ip_network((int(address), prefix), strict=False))


async def _allow(
    limiter: SlidingWindowCounterRateLimiter, rule: RateLimitItem, identifiers: tuple[str, ...], *, count: bool
) -> None:
    allowed = await (limiter.hit if count else limiter.test)(rule, *identifiers)
    if not allowed:
        stats = await limiter.get_window_stats(rule, *identifiers)
        raise TooMany(retry_after=max(1, round(stats.reset_time - time.time())))
