"""How often something may be tried; in memory and in Redis it is the same."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import unused_port

from mystar.errors import TooMany
from mystar.kit.security.rate_limits import RateLimits

RULES = {"door": "3/minute", "brief": "2/second"}


@pytest.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[RateLimits]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    limits = RateLimits(RULES, url=url)
    yield limits
    await limits.close()


@pytest.fixture
def somebody() -> str:
    return uuid.uuid4().hex


async def test_a_hit_above_the_limit_is_refused_with_retry_after(limits: RateLimits, somebody: str) -> None:
    for _ in range(3):
        await limits.hit("door", somebody)
    with pytest.raises(TooMany) as refused:
        await limits.hit("door", somebody)
    assert 1 <= refused.value.details["retry_after"] <= 60
    assert str(refused.value.details["retry_after"]) in refused.value.message("ru")


async def test_keys_and_limits_are_counted_separately(limits: RateLimits, somebody: str) -> None:
    for _ in range(3):
        await limits.hit("door", somebody, 1)
    await limits.hit("door", somebody, 2)
    await limits.hit("brief", somebody, 1)


async def test_a_check_counts_nothing(limits: RateLimits, somebody: str) -> None:
    for _ in range(10):
        await limits.check("door", somebody)
    for _ in range(3):
        await limits.hit("door", somebody)
    with pytest.raises(TooMany):
        await limits.check("door", somebody)


async def test_concurrent_hits_pass_exactly_up_to_the_limit(limits: RateLimits, somebody: str) -> None:
    tries = await asyncio.gather(*(limits.hit("door", somebody) for _ in range(20)), return_exceptions=True)
    assert sum(one is None for one in tries) == 3
    assert sum(isinstance(one, TooMany) for one in tries) == 17


async def test_hits_are_allowed_again_after_the_window(limits: RateLimits, somebody: str) -> None:
    for _ in range(2):
        await limits.hit("brief", somebody)
    with pytest.raises(TooMany):
        await limits.hit("brief", somebody)
    await asyncio.sleep(2.1)
    await limits.hit("brief", somebody)


async def test_two_processes_share_the_count_through_redis(redis_url: str, somebody: str) -> None:
    one, other = RateLimits(RULES, url=redis_url), RateLimits(RULES, url=redis_url)
    await one.hit("door", somebody)
    await other.hit("door", somebody)
    await one.hit("door", somebody)
    with pytest.raises(TooMany):
        await other.hit("door", somebody)
    await one.close()
    await other.close()


async def test_without_redis_each_process_counts_alone(somebody: str) -> None:
    limits = RateLimits(RULES, url=f"redis://127.0.0.1:{unused_port()}")
    for _ in range(3):
        await limits.hit("door", somebody)
    with pytest.raises(TooMany):
        await limits.hit("door", somebody)
    await limits.close()


async def test_disabled_limits_allow_everything(somebody: str) -> None:
    limits = RateLimits(RULES, url="redis://nowhere.invalid", enabled=False)
    for _ in range(10):
        await limits.hit("door", somebody)
    await limits.close()


async def test_an_unknown_limit_raises_even_when_disabled() -> None:
    with pytest.raises(KeyError):
        await RateLimits(RULES, enabled=False).hit("window", "somebody")
