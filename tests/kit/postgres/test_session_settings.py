"""Settings that sessions must have are verified, and a real PgBouncer is told from a server."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from psycopg2 import extensions

from mystar.kit.postgres import driver
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.session import SessionSettingsLost
from mystar.kit.realtime.backends import PostgresBackend
from mystar.kit.realtime.pubsub import Bus
from tests.database import reachable_directory
from tests.ports import unused_port
from tests.realtime.test_bus import running
from tests.tcp_proxy import proxied
from tests.waiting import eventually

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")
Pooler = Callable[..., Awaitable[str]]


@pytest.fixture
async def role(empty_dsn: str) -> AsyncIterator[str]:
    """A role of this test's own."""
    name = f"pooled_{uuid.uuid4().hex[:8]}"
    await do(empty_dsn, f"create role {name} login")
    yield name
    await do(empty_dsn, f"drop role {name}")


async def do(dsn: str, *statements: str) -> None:
    connection = await driver.connect(dsn)
    for statement in statements:
        await connection.run(statement)
    connection.close()


async def test_sessions_without_limits_or_in_another_time_zone_are_refused(empty_dsn: str, role: str) -> None:
    lost = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c timezone=Europe/Moscow"
    with pytest.raises(SessionSettingsLost) as refused:
        await Database.connect(extensions.make_dsn(empty_dsn, user=role, options=lost), statement_timeout_ms=5000)
    said = str(refused.value)
    for name, value in (
        ("statement_timeout", 5000),
        ("idle_in_transaction_session_timeout", 60_000),
        ("timezone", "UTC"),
    ):
        assert f"ALTER ROLE {role} SET {name} = '{value}';" in said


@pytest.fixture
async def pooler(empty_dsn: str, role: str) -> AsyncIterator[Pooler]:
    """Starts a PgBouncer in transaction mode over this test's database."""
    async with proxied(empty_dsn) as proxy, AsyncExitStack() as stack:
        folder = stack.enter_context(reachable_directory("mystar-pgbouncer-"))

        async def start(*lines: str) -> str:
            port, name = unused_port(), extensions.parse_dsn(empty_dsn)["dbname"]
            config = folder / f"{port}.ini"
            config.write_text(
                f"[databases]\n{name} = host=127.0.0.1 port={proxy.port} user={role}\n[pgbouncer]\n"
                f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
                "pool_mode = transaction\ndefault_pool_size = 3\n" + "\n".join(lines)
            )
            await stack.enter_async_context(_serving(config, port))
            return extensions.make_dsn(host="127.0.0.1", port=port, dbname=name, user=role)

        yield start


@asynccontextmanager
async def _serving(config: Path, port: int) -> AsyncIterator[None]:
    # It refuses to run as root.
    account = ("-u", "nobody") if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(str(PGBOUNCER), "-q", *account, str(config), stderr=DEVNULL)

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return False
        writer.close()
        return True

    try:
        await eventually(answers, 20)
        yield
    finally:
        process.terminate()
        await process.wait()


@needs_pgbouncer
async def test_a_pgbouncer_that_refuses_settings_is_explained(pooler: Pooler) -> None:
    with pytest.raises(SessionSettingsLost, match="ignore_startup_parameters"):
        await Database.connect(await pooler(), prepare=False)


@needs_pgbouncer
async def test_behind_pgbouncer_the_role_keeps_the_settings(pooler: Pooler, empty_dsn: str, role: str) -> None:
    ignoring = "ignore_startup_parameters = options"
    with pytest.raises(SessionSettingsLost) as refused:
        await Database.connect(await pooler(ignoring), prepare=False)
    statements = [f"ALTER ROLE {one}" for one in str(refused.value).split("ALTER ROLE ")[1:]]
    await do(empty_dsn, *(one[: one.index(";")] for one in statements))
    with pytest.raises(SessionSettingsLost, match="MYSTAR_DATABASE__PREPARED_STATEMENTS=false; or"):
        await Database.connect(await pooler(ignoring))
    database = await Database.connect(await pooler(ignoring), prepare=False)
    assert await database.value("select current_setting('statement_timeout')") == "30s"
    await database.close()


@needs_pgbouncer
async def test_the_bus_logs_that_a_pooler_drops_its_notifications(
    pooler: Pooler, caplog: pytest.LogCaptureFixture
) -> None:
    dsn = await pooler("ignore_startup_parameters = options", "server_reset_query_always = 1", "server_lifetime = 1")
    async with running(Bus(PostgresBackend(dsn))):

        async def said() -> bool:
            return "not of a pooler" in caplog.text

        assert await eventually(said, 30)
