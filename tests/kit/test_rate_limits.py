"""Rate limits behave the same in memory and in Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from mystar.errors import TooMany
from mystar.kit.security.rate_limits import RateLimits, network_of, site_of
from tests.ports import unused_port

RULES = {"login": "3/minute", "brief": "2/second"}


@pytest.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[RateLimits]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    limits = RateLimits(RULES, url=url)
    yield limits
    await limits.close()


@pytest.fixture
def client() -> str:
    return uuid.uuid4().hex


async def test_a_hit_above_the_limit_is_refused_with_retry_after(limits: RateLimits, client: str) -> None:
    for _ in range(3):
        await limits.hit("login", client)
    with pytest.raises(TooMany) as refused:
        await limits.hit("login", client)
    assert 1 <= refused.value.details["retry_after"] <= 60
    assert str(refused.value.details["retry_after"]) in refused.value.message("ru")


async def test_keys_and_limits_are_counted_separately(limits: RateLimits, client: str) -> None:
    for _ in range(3):
        await limits.hit("login", client, 1)
    await limits.hit("login", client, 2)
    await limits.hit("brief", client, 1)


async def test_a_check_counts_nothing(limits: RateLimits, client: str) -> None:
    for _ in range(10):
        await limits.check("login", client)
    for _ in range(3):
        await limits.hit("login", client)
    with pytest.raises(TooMany):
        await limits.check("login", client)


async def test_concurrent_hits_pass_exactly_up_to_the_limit(limits: RateLimits, client: str) -> None:
    tries = await asyncio.gather(*(limits.hit("login", client) for _ in range(20)), return_exceptions=True)
    assert sum(one is None for one in tries) == 3
    assert sum(isinstance(one, TooMany) for one in tries) == 17


async def test_hits_are_allowed_again_after_the_window(limits: RateLimits, client: str) -> None:
    for _ in range(2):
        await limits.hit("brief", client)
    with pytest.raises(TooMany):
        await limits.hit("brief", client)
    await asyncio.sleep(2.1)
    await limits.hit("brief", client)


async def test_two_processes_share_the_count_through_redis(redis_url: str, client: str) -> None:
    one, other = RateLimits(RULES, url=redis_url), RateLimits(RULES, url=redis_url)
    await one.hit("login", client)
    await other.hit("login", client)
    await one.hit("login", client)
    with pytest.raises(TooMany):
        await other.hit("login", client)
    await one.close()
    await other.close()


async def test_without_redis_each_process_counts_alone(client: str) -> None:
    registry = CollectorRegistry()
    limits = RateLimits(RULES, url=f"redis://127.0.0.1:{unused_port()}", registry=registry)
    assert registry.get_sample_value("mystar_rate_limits_alone") == 0
    for _ in range(3):
        await limits.hit("login", client)
    with pytest.raises(TooMany):
        await limits.hit("login", client)
    assert registry.get_sample_value("mystar_rate_limits_alone") == 1
    assert registry.get_sample_value("mystar_rate_limits_redis_failures_total") == 1
    await limits.close()


async def test_disabled_limits_allow_everything(client: str) -> None:
    limits = RateLimits(RULES, url="redis://nowhere.invalid", enabled=False)
    for _ in range(10):
        await limits.hit("login", client)
    await limits.close()


async def test_an_unknown_limit_raises_even_when_disabled() -> None:
    with pytest.raises(KeyError):
        await RateLimits(RULES, enabled=False).hit("window", "client")


@pytest.mark.parametrize(
    ("address", "network", "site"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8:1:2ff:3:4:5:6", "2001:db8:1:2ff::/64", "2001:db8:1:200::/56"),
        ("anna@example.com", "anna@example.com", "anna@example.com"),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, network: str, site: str) -> None:
    assert (network_of(address), site_of(address)) == (network, site)


async def test_the_addresses_of_one_ipv6_network_share_a_limit(limits: RateLimits, client: str) -> None:
    for number in range(3):
        await limits.hit("login", f"2001:db8::{number}", client)
    with pytest.raises(TooMany):
        await limits.hit("login", "2001:db8::ffff:1", client)
    for number in range(1, 8):
        for _ in range(3):
            await limits.hit("login", f"2001:db8:0:{number}::1", client)
    with pytest.raises(TooMany):
        await limits.hit("login", "2001:db8:0:8::1", client)
    await limits.hit("login", "2001:db8:0:100::1", client)


async def test_an_ipv4_address_in_ipv6_is_the_same_client(limits: RateLimits, client: str) -> None:
    for address in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"):
        await limits.hit("login", address, client)
    with pytest.raises(TooMany):
        await limits.hit("login", "::ffff:c000:201", client)
