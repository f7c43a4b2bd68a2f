"""aiopg's defects are real, and our driver has none of them.

Each of these tests first meets the defect in aiopg as it comes. When one of those halves fails, aiopg has been mended,
and a cure in `mystar/kit/postgres/driver.py` can go.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiopg
import psycopg2
import pytest
import uvloop
from psycopg2 import errors, extensions

from mystar.kit.postgres import driver
from mystar.kit.postgres.pool import Pool
from tests.database import Server
from tests.kit.postgres.backends import terminate_backend
from tests.ports import unused_port
from tests.tcp_proxy import proxied

BOTH_LOOPS = True
SESSION = {"client_connection_check_interval": 1000}


class PlainConnection:
    """aiopg without our corrections."""

    @staticmethod
    async def connect(dsn: str) -> Any:
        return await aiopg.connect(dsn, enable_hstore=False, timeout=1)

    @staticmethod
    async def run(connection: Any, statement: str) -> None:
        async with connection.cursor() as cursor:
            await cursor.execute(statement)


class CorrectedConnection:
    """Our driver."""

    @staticmethod
    async def connect(dsn: str) -> Any:
        return await driver.connect(dsn, timeout=2)

    @staticmethod
    async def run(connection: Any, statement: str) -> None:
        await connection.run(statement)


async def outcome(awaitable: Awaitable[object]) -> type[BaseException] | None:
    """What it raises."""
    try:
        await awaitable
    except BaseException as error:
        return type(error)
    return None


@pytest.fixture
def address(postgres: Server) -> str:
    return postgres.address


@pytest.fixture
async def ignored_loop_errors() -> Any:
    """aiopg's failures also reach the event loop's exception handler and `__del__`; they are ignored."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    yield
    gc.collect()


aiopg_as_it_comes = pytest.mark.usefixtures("ignored_loop_errors")
pytestmark = [pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")]


@pytest.fixture
def many_sockets() -> Iterator[None]:
    """So many open files that the next descriptor is beyond what select() can count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("this account may not open more than 1024 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    files = [os.open(os.devnull, os.O_RDONLY)]
    while files[-1] < 1030:
        files.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for file in files:
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@aiopg_as_it_comes
@pytest.mark.parametrize(
    ("way", "expected"), [(PlainConnection, {TimeoutError, ValueError}), (CorrectedConnection, {errors.DivisionByZero})]
)
async def test_a_wrong_statement_fails_at_once_with_many_open_sockets(
    address: str, many_sockets: None, way: type[PlainConnection | CorrectedConnection], expected: set[type]
) -> None:
    connection = await way.connect(address)
    assert await outcome(way.run(connection, "select 1 / 0")) in expected
    connection.close()


@aiopg_as_it_comes
@pytest.mark.parametrize(
    ("way", "expected"), [(PlainConnection, asyncio.CancelledError), (CorrectedConnection, errors.QueryCanceled)]
)
async def test_a_statement_that_the_server_cancels_is_a_database_error(
    address: str, way: type[PlainConnection | CorrectedConnection], expected: type
) -> None:
    connection = await way.connect(address)
    await way.run(connection, "set statement_timeout = 20")
    assert await outcome(way.run(connection, "select pg_sleep(5)")) is expected
    if way is CorrectedConnection:
        assert (await connection.run("select 1")).fetchone() == (1,)
    connection.close()


async def _hand_over_broken(acquire: Callable[[], Awaitable[Any]], release: Callable[[Any], object], way: Any) -> Any:
    """One place: its holder is cancelled in a statement while another task waits for the place."""

    async def hold() -> None:
        connection = await acquire()
        try:
            await way.run(connection, "select pg_sleep(5)")
        finally:
            release(connection)

    holder = asyncio.ensure_future(hold())
    await asyncio.sleep(0.05)
    waiter = asyncio.ensure_future(acquire())
    await asyncio.sleep(0.05)
    holder.cancel()
    done = await outcome(waiter)
    if done is None:
        release(waiter.result())
    return done


@aiopg_as_it_comes
async def test_aiopg_does_not_wake_a_waiter_for_a_broken_connection(address: str) -> None:
    async with aiopg.create_pool(address, minsize=0, maxsize=1, timeout=0.5, enable_hstore=False) as pool:
        assert await _hand_over_broken(pool._acquire, pool.release, PlainConnection) is TimeoutError


async def test_the_pool_wakes_a_waiter_for_a_broken_connection(address: str) -> None:
    pool = Pool(address, SESSION, max_size=1, acquire_timeout=5, answer_timeout=5)
    assert await _hand_over_broken(pool.acquire, pool.release, CorrectedConnection) is None
    await pool.close()


async def _refused_then_good(address: str, way: type[PlainConnection | CorrectedConnection]) -> None:
    assert await outcome(way.connect(f"host=127.0.0.1 port={unused_port()}")) is psycopg2.OperationalError
    connection = await way.connect(address)
    await way.run(connection, "select 1")
    connection.close()


@aiopg_as_it_comes
async def test_aiopg_cannot_connect_on_uvloop_after_a_refusal(address: str) -> None:
    if isinstance(asyncio.get_running_loop(), uvloop.Loop):
        with pytest.raises(RuntimeError, match="UVPoll closed"):
            await _refused_then_good(address, PlainConnection)
    else:
        await _refused_then_good(address, PlainConnection)


async def test_after_a_refusal_the_next_connect_works(address: str) -> None:
    for _ in range(10):
        await _refused_then_good(address, CorrectedConnection)


@aiopg_as_it_comes
@pytest.mark.parametrize(
    ("way", "expected"), [(PlainConnection, {TimeoutError, FileNotFoundError}), (CorrectedConnection, {None})]
)
async def test_when_the_first_of_two_hosts_refuses_the_second_is_tried(
    address: str, way: type[PlainConnection | CorrectedConnection], expected: set[type | None]
) -> None:
    async with proxied(address) as proxy:
        two = extensions.make_dsn(proxy.dsn("127.0.0.1,127.0.0.1"), port=f"{unused_port()},{proxy.port}")

        async def connect_and_ask() -> None:
            connection = await way.connect(two)
            await way.run(connection, "select 1")
            connection.close()

        assert await outcome(connect_and_ask()) in expected


async def test_host_names_are_resolved_outside_the_event_loop(address: str) -> None:
    async with proxied(address) as proxy:
        connection = await driver.connect(proxy.dsn("localhost"))
        assert (await connection.run("select 1")).fetchone() == (1,)
        assert "127.0.0.1" in connection.raw.info.dsn_parameters["hostaddr"]
        connection.close()


@aiopg_as_it_comes
@pytest.mark.filterwarnings("ignore:You have not closed transaction:ResourceWarning")
async def test_aiopg_hides_the_first_error_behind_its_failing_rollback(address: str) -> None:
    """Ours does not: see `test_a_lost_connection_does_not_hide_the_first_error` in `test_transactions.py`."""
    async with aiopg.connect(address, enable_hstore=False) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.OperationalError):
            async with cursor.begin():
                terminate_backend(address, connection.raw.info.backend_pid)
                raise ZeroDivisionError


async def test_a_server_that_does_not_answer_times_out(address: str) -> None:
    async with proxied(address) as proxy:
        connection = await driver.connect(proxy.dsn())
        proxy.freeze()
        assert await outcome(connection.run("select 1", timeout=0.2)) is TimeoutError
        assert connection.closed
        assert await outcome(driver.connect(proxy.dsn(), timeout=0.2)) is TimeoutError


async def test_a_cancelled_statement_closes_only_its_connection(address: str) -> None:
    pool = Pool(address, SESSION, max_size=3, acquire_timeout=5, answer_timeout=5)

    async def ask(number: int) -> int:
        connection = await pool.acquire()
        try:
            return int((await connection.run("select %s, pg_sleep(0.002)", [number])).fetchone()[0])
        finally:
            pool.release(connection)

    tasks = [asyncio.ensure_future(ask(number)) for number in range(200)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            await asyncio.sleep(0.001)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    for number, result in enumerate(results):
        assert result == number or isinstance(result, asyncio.CancelledError)
    assert (pool.waiting, pool.size) == (0, pool.free)
    assert pool.size <= 3
    await pool.close()


async def test_the_server_cancels_queries_of_a_client_that_has_gone(address: str) -> None:
    watcher = await driver.connect(address)
    connection = await driver.connect(address, SESSION)
    pid = connection.raw.info.backend_pid
    assert await outcome(connection.run("select pg_sleep(60)", timeout=0.1)) is TimeoutError

    alive = "select 1 from pg_stat_activity where pid = %s"
    async with asyncio.timeout(10):
        while (await watcher.run(alive, [pid])).rowcount:
            await watcher.run("select pg_sleep(0.1)")
    watcher.close()


async def test_a_connection_that_is_lost_while_idle_is_not_reused(address: str) -> None:
    pool = Pool(address, SESSION, max_size=2, acquire_timeout=5, answer_timeout=5)
    first, second = await pool.acquire(), await pool.acquire()
    pid = first.raw.info.backend_pid
    pool.release(first)
    await second.run("select pg_terminate_backend(%s, 5000)", [pid])
    pool.release(second)

    for _ in range(3):
        connections = [await pool.acquire(), await pool.acquire()]
        for connection in connections:
            await connection.run("select 1")
            pool.release(connection)
    await pool.close()


async def test_the_last_message_and_the_end_of_a_session_are_read_at_once(address: str) -> None:
    connection = await driver.connect(address)
    terminate_backend(address, connection.raw.info.backend_pid)
    # The loop is blocked, so that it finds both events at once.
    time.sleep(0.1)  # noqa: ASYNC251 - the loop is meant to be blocked
    for _ in range(2):
        await asyncio.sleep(0)
    assert connection.closed


async def test_the_descriptor_of_a_lost_connection_can_be_reused(address: str) -> None:
    one, theirs = socket.socketpair()
    dead = await driver.connect(address)
    descriptor = dead.raw.fileno()
    terminate_backend(address, dead.raw.info.backend_pid)
    await asyncio.sleep(0.05)
    assert dead.closed

    ours = socket.socket(fileno=os.dup2(one.fileno(), descriptor))
    one.close()
    ends = [await asyncio.open_connection(sock=end) for end in (ours, theirs)]
    async with asyncio.timeout(5):
        for (_, writer), (reader, _) in (ends, ends[::-1]):
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
    for _, writer in ends:
        writer.close()
        await writer.wait_closed()


async def test_notifications_arrive_without_a_statement(address: str) -> None:
    listener, speaker = await driver.connect(address), await driver.connect(address)
    await listener.run("listen greetings")
    await speaker.run("select pg_notify('greetings', 'привет')")
    async with asyncio.timeout(5):
        assert (await listener.notifies.get()).payload == "привет"
    listener.close()
    speaker.close()


async def test_a_wrong_dsn_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="neither a postgresql:// URL nor key=value") as caught:
        driver.parameters("postgresql//user:secret@host/base")
    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_settings_of_the_dsn_override_the_defaults() -> None:
    found = driver.parameters("dbname=x options='-c timezone=MSK'", {"timezone": "UTC"})
    assert found["options"] == "-c timezone=UTC -c timezone=MSK"
