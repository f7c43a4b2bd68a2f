"""An address of several hosts: dead ones cost a share of the time, and never the service."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import psycopg2
import pytest
from psycopg2 import extensions

from mystar.errors import Unavailable
from mystar.kit.postgres import driver, migrations
from mystar.kit.postgres.database import Database
from tests.tcp_proxy import PostgresProxy, proxied

BOTH_LOOPS = True


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of a server that takes connections and never answers, as behind a cut network."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield int(listening.getsockname()[1])


@pytest.fixture
async def proxy(empty_dsn: str) -> AsyncIterator[PostgresProxy]:
    async with proxied(empty_dsn) as proxy:
        yield proxy


def several(proxy: PostgresProxy, *ports: int, **parameters: object) -> str:
    return extensions.make_dsn(
        proxy.dsn(",".join(["127.0.0.1"] * len(ports))), port=",".join(map(str, ports)), **parameters
    )


async def port_of(connection: driver.Connection) -> str:
    port: str = connection.raw.info.dsn_parameters["port"]
    connection.close()
    return port


async def test_a_silent_host_costs_its_share_of_the_time(proxy: PostgresProxy, silent_port: int) -> None:
    began = time.monotonic()
    connection = await driver.connect(several(proxy, silent_port, proxy.port), timeout=2)
    assert await port_of(connection) == str(proxy.port)
    assert 0.9 < time.monotonic() - began < 2


async def test_connect_timeout_limits_each_host(proxy: PostgresProxy, silent_port: int) -> None:
    began = time.monotonic()
    dsn = several(proxy, silent_port, proxy.port, connect_timeout=1)
    assert await port_of(await driver.connect(dsn, timeout=60)) == str(proxy.port)
    assert time.monotonic() - began < 20


async def test_the_pool_tries_a_host_that_failed_after_the_others(proxy: PostgresProxy, silent_port: int) -> None:
    database = await Database.connect(several(proxy, silent_port, proxy.port), max_size=5, acquire_timeout=4)
    try:
        began = time.monotonic()
        await asyncio.gather(*(database.value("select pg_sleep(0.05)") for _ in range(5)))
        assert time.monotonic() - began < 1.5, "the silent host was not asked again"
    finally:
        await database.close()


async def test_hosts_that_are_all_silent_are_reported_in_time(proxy: PostgresProxy, silent_port: int) -> None:
    with pytest.raises(Unavailable):
        await Database.connect(several(proxy, silent_port, silent_port), acquire_timeout=1)


async def test_an_error_of_a_host_is_reported_rather_than_a_timeout(proxy: PostgresProxy, silent_port: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        await driver.connect(several(proxy, closed, silent_port), timeout=1)


@pytest.mark.parametrize("wanted", ["primary", "prefer-standby", "read-only"])
async def test_a_host_with_the_wanted_attributes_is_used(proxy: PostgresProxy, read_only_dsn: str, wanted: str) -> None:
    dsn = several(proxy, proxy.port, proxy.port, target_session_attrs=wanted)
    assert await port_of(await driver.connect(dsn, timeout=5)) == str(proxy.port)


@pytest.mark.parametrize("wanted", ["read-write", "standby"])
async def test_a_host_without_the_wanted_attributes_is_skipped(
    proxy: PostgresProxy, read_only_dsn: str, wanted: str
) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"read-only|standby"):
        await driver.connect(several(proxy, proxy.port, proxy.port, target_session_attrs=wanted), timeout=5)


@pytest.fixture
async def read_only_dsn(empty_dsn: str) -> str:
    """A primary whose sessions may not write."""
    connection = await driver.connect(empty_dsn)
    await connection.run(f"alter database {connection.raw.info.dbname} set default_transaction_read_only = on")
    connection.close()
    return empty_dsn


async def test_names_without_an_address_are_skipped(proxy: PostgresProxy) -> None:
    dsn = extensions.make_dsn(proxy.dsn("no-such-name.invalid,127.0.0.1"), port=f"5432,{proxy.port}")
    assert await port_of(await driver.connect(dsn, timeout=10)) == str(proxy.port)
    with pytest.raises(OSError, match=r"no-such-name\.invalid"):
        await driver.connect("host=no-such-name.invalid", timeout=5)


async def test_the_check_of_migrations_skips_a_silent_host(proxy: PostgresProxy, silent_port: int) -> None:
    dsn = several(proxy, silent_port, proxy.port, connect_timeout=1)
    assert await asyncio.to_thread(migrations.pending, dsn)
    with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
        await asyncio.to_thread(migrations.pending, several(proxy, silent_port, silent_port, connect_timeout=1))
