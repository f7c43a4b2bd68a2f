"""PostgreSQL is stopped, killed, slow, or out of room."""

from __future__ import annotations

import asyncio
import random
import time

from tests.harness.run import Deployment
from tests.promises.faults.environment import AnonymousClient, Environment, busy, fill, small_disk

#: Seconds within which the service must be ready again (promise O2).
_HEALS = 5.0


async def postgres_away(env: Environment) -> None:
    """PostgreSQL is stopped for 10 s (60 s) under orders: alive, not ready, 503 with Retry-After, heals in 5 s (O2)."""
    postgres, seconds = env.postgres(), env.size(10, 60)

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(1, 4))
        await asyncio.to_thread(postgres.stop)
        ends, looks = time.monotonic() + seconds, 0
        await client.until("/readyz", 503, 10)
        while time.monotonic() < ends:
            assert await client.status("/healthz") == 200, "it is not alive without its database"
            assert await client.status("/readyz") == 503, "it says that it is ready without its database"
            status, headers = await client.get("/api/v1/services/")
            assert status == 503, f"a list is {status} without a database"
            assert "Retry-After" in headers, "503 without Retry-After"
            looks += 1
            await asyncio.sleep(0.5)
        await asyncio.to_thread(postgres.start)
        healed = await client.until("/readyz", 200, 60)
        env.measure(f"away {seconds} s, {looks} looks: alive, not ready, 503; ready {healed:.1f} s after it ({busy()})")
        env.judge(healed < _HEALS, f"ready only {healed:.1f} s after PostgreSQL")

    await env.orders(accident, dsn=postgres.dsn("mystar"))


async def postgres_killed(env: Environment) -> None:
    """PostgreSQL is killed at random moments under orders, and started again (O2, M1)."""
    postgres, kills, healed = env.postgres(), env.size(3, 12), list[float]()

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(1, 5))
            postgres.kill()
            await asyncio.sleep(chance.uniform(0, 1))
            await asyncio.to_thread(postgres.start)
            healed.append(await client.until("/readyz", 200, 60))

    await env.orders(accident, dsn=postgres.dsn("mystar"), span=4.0 * kills)
    env.measure(f"{kills} kills, ready after {max(healed):.1f} s at most ({busy()})")
    env.judge(max(healed) < _HEALS, f"ready only {max(healed):.1f} s after PostgreSQL")


async def database_disk_full(env: Environment) -> None:
    """The disk of PostgreSQL fills up under orders: refusals, no corruption, and on when there is room again (O6)."""
    disk = env.stack.enter_context(small_disk(env.directory / "disk", 320))
    disk.chmod(0o711)
    postgres = env.postgres(disk / "postgres", min_wal_size="32MB", max_wal_size="48MB")
    crashes = 0

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        nonlocal crashes
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(2, 4))
        ballast = await asyncio.to_thread(fill, disk)
        for _ in range(10):
            await asyncio.sleep(0.5)
            assert await client.status("/healthz") == 200, "it is not alive with a full disk below its database"
            await asyncio.to_thread(fill, disk)
        ballast.unlink()
        if not postgres.pid:
            # PostgreSQL stops rather than go on without its log; whoever supervises it starts it again.
            crashes += 1
            await asyncio.to_thread(postgres.start)
        await client.until("/readyz", 200, 60)

    await env.orders(accident, dsn=postgres.dsn("mystar"), orders=env.size(16, 60))
    env.measure(f"PostgreSQL stopped itself {crashes} times for want of room")


async def slow_disk(env: Environment) -> None:
    """Every commit of PostgreSQL waits a tenth of a second for its disk (O6)."""
    postgres = env.postgres(commit_delay="100000", commit_siblings="0", fsync="on")

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client, slowest = AnonymousClient(deployment.service.url), 0.0
        for _ in range(20):
            began = time.monotonic()
            assert await client.status("/api/v1/services/") == 200
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.5)
        env.measure(f"a list took {slowest:.2f} s at most meanwhile ({busy()})")

    await env.orders(accident, dsn=postgres.dsn("mystar"))
