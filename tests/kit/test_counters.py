"""What rate limits keep in memory is bounded, and costs a request nothing that others have left there."""

from __future__ import annotations

import asyncio
import time

import pytest

from mystar.errors import TooMany
from mystar.kit.security import rate_limits
from mystar.kit.security.counters import Counters
from mystar.kit.security.rate_limits import RateLimits


async def test_a_hit_looks_at_no_counters_of_others() -> None:
    limits, before = RateLimits({"write": "3/minute; 9/hour"}), asyncio.all_tasks()
    for number in range(300):
        await limits.hit("write", f"2001:db8:{number:x}::1")
    assert asyncio.all_tasks() == before


async def test_many_networks_push_out_old_counters_of_their_own_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MOST_COUNTERS", 100)
    limits = RateLimits({"guest": "2/hour", "account": "2/hour"})
    for _ in range(2):
        await limits.hit("account", 7)
    for number in range(300):
        await limits.hit("guest", f"198.51.{number // 256}.{number % 256}")
    await limits.hit("guest", "198.51.1.43")
    for name, key in (("account", "7"), ("guest", "198.51.1.43")):
        with pytest.raises(TooMany):
            await limits.hit(name, key)


async def test_the_number_of_counters_is_bounded() -> None:
    counters = Counters(100)
    for number in range(300):
        assert await counters.incr(str(number), 60) == 1
    assert len(counters) == 100
    assert [await counters.get("0"), await counters.get("299")] == [0, 1]


async def test_a_counter_ends_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    counters, now = Counters(100), time.time()
    for number in range(50):
        await counters.incr(str(number), 60)
    await counters.incr("long", 3600)
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert [await counters.get("0"), await counters.get("long")] == [0, 1]
    for number in range(50):
        await counters.incr(f"later {number}", 60)
    assert len(counters) == 51


async def test_a_hit_that_is_taken_back_does_not_count() -> None:
    counters = Counters(100)
    assert [await counters.incr("a", 60, 2), await counters.decr("a"), await counters.get("a")] == [2, 1, 1]
    assert [await counters.decr("a", 5), await counters.decr("b")] == [0, 0]
    assert len(counters) == 1
