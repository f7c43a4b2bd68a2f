"""`python -m mystar run` on an empty database: demo data and banner."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psycopg2
import pytest

from mystar.cli.banner import banner
from mystar.demo import fixtures
from mystar.kit.postgres.database import Database
from tests.ports import unused_port
from tests.sandbox_process import SandboxProcess
from tests.server_process import environment, run_cli
from tests.waiting import eventually

#: Statements that wait for a lock.
_WAITING = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def test_the_banner_is_aligned_and_lists_logins_only_with_demo_data() -> None:
    text = banner("http://127.0.0.1:8080", "http://127.0.0.1:8090", fixtures.LOGINS)
    for words in (
        "http://127.0.0.1:8080/swagger/",
        "http://127.0.0.1:8080/admin/",
        "http://127.0.0.1:8090/mail/",
        "http://127.0.0.1:8090/payments/",
        *(word for login in fixtures.LOGINS for word in login),
    ):
        assert words in text
    assert len({line.index("http") for line in text.splitlines() if "http" in line}) == 1
    assert max(map(len, text.splitlines())) <= 80
    alone = banner("http://127.0.0.1:8080", None)
    assert fixtures.PASSWORD not in alone
    assert "/mail/" not in alone


async def test_a_run_stopped_while_loading_continues_on_the_next_start(
    db: Database, dsn: str, tmp_path: Path, sandbox_process: SandboxProcess
) -> None:
    port = unused_port()
    values = environment(
        tmp_path,
        DATABASE__URL=dsn,
        HTTP__PORT=port,
        HTTP__PUBLIC_URL=f"http://127.0.0.1:{port}",
        PAYMENTS__YOOKASSA__URL=sandbox_process.yookassa,
        MAIL__PORT=sandbox_process.smtp_port,
    )
    with locked(dsn, "creators"):
        async with running(values) as process:
            # The first stars have accounts, and wait to become creators.
            await eventually(lambda: db.value(f"select exists ({_WAITING})"), timeout=240)
            process.terminate()
            said, _ = await asyncio.wait_for(process.communicate(), 120)
            assert (process.returncode, said) == (0, b"")
    assert 3 < await db.value("select count(*) from accounts") < 19

    async with running(values) as process:
        said = await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C"), 240)
        for login in fixtures.LOGINS:
            assert all(word in said.decode() for word in login)
        assert await db.value("select count(*) from accounts") == 19
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 120) == 0


@pytest.mark.parametrize("arguments", [("run",), ("seed", "--demo"), ("seed", "--scale", "1")])
def test_production_refuses_demo_and_bulk_data(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run_cli(
        *arguments,
        directory=tmp_path,
        PROFILE="production",
        DATABASE__URL="postgresql://user@127.0.0.1:9/nowhere",
        HTTP__PUBLIC_URL="https://mystar.example.com",
        HTTP__TRUSTED_PROXIES="127.0.0.1",
        MAIL__HOST="mail.example.com",
        MAIL__SENDER="mystar <noreply@example.com>",
        MAIL__SUPPORT="support@example.com",
        PAYMENTS__YOOKASSA__SHOP_ID="1",
        PAYMENTS__YOOKASSA__SECRET_KEY="secret",
    )
    assert done.returncode == 1
    assert "Demo data is not for production." in done.stderr


@contextlib.contextmanager
def locked(dsn: str, table: str) -> Iterator[None]:
    """While it lasts, the table can be read and not written."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.cursor().execute(f"lock table {table} in exclusive mode")
        yield


@contextlib.asynccontextmanager
async def running(values: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m mystar run`, killed at the end if it is still running."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mystar", "run"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=values,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
