"""What `python -m mystar run` makes of an empty database, and what it says then."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from mystar.cli.banner import banner
from mystar.demo import cast
from mystar.kit.postgres.database import Database
from tests.sandbox_process import SandboxProcess
from tests.server_process import environment, run_cli
from tests.waiting import eventually


def test_the_banner_is_aligned_and_names_people_only_when_there_are_some() -> None:
    text = banner("http://127.0.0.1:8080", "http://127.0.0.1:8090", cast.LOGINS)
    for words in (
        "http://127.0.0.1:8080/swagger/",
        "http://127.0.0.1:8080/admin/",
        "http://127.0.0.1:8090/mail/",
        "http://127.0.0.1:8090/payments/",
        *(word for login in cast.LOGINS for word in login),
    ):
        assert words in text
    assert len({line.index("http") for line in text.splitlines() if "http" in line}) == 1
    assert max(map(len, text.splitlines())) <= 80
    alone = banner("http://127.0.0.1:8080", None)
    assert cast.PASSWORD not in alone
    assert "/mail/" not in alone


async def test_run_that_is_stopped_in_the_middle_of_the_story_tells_the_rest_next_time(
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
    # Hashing takes its time, so the story is not over before it is stopped.
    async with running(values | {"MYSTAR_PASSWORDS__BCRYPT_COST": "12"}) as process:
        await eventually(lambda: db.value("select count(*) > 3 from accounts"), timeout=60)
        process.terminate()
        said, _ = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, said) == (0, b"")
    assert 3 < await db.value("select count(*) from accounts") < 19

    async with running(values) as process:
        said = await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C"), 60)
        for login in cast.LOGINS:
            assert all(word in said.decode() for word in login)
        assert await db.value("select count(*) from accounts") == 19
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.mark.parametrize("arguments", [("run",), ("seed", "--demo"), ("seed", "--scale", "1")])
def test_production_gets_no_data_of_ours(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run_cli(
        *arguments,
        directory=tmp_path,
        PROFILE="production",
        DATABASE__URL="postgresql://nobody@127.0.0.1:9/nowhere",
        HTTP__PUBLIC_URL="https://mystar.example.com",
        MAIL__HOST="mail.example.com",
        MAIL__SENDER="mystar <noreply@example.com>",
        MAIL__SUPPORT="support@example.com",
        PAYMENTS__YOOKASSA__SHOP_ID="1",
        PAYMENTS__YOOKASSA__SECRET_KEY="secret",
    )
    assert done.returncode == 1
    assert "Demo data is not for production." in done.stderr


@contextlib.asynccontextmanager
async def running(values: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m mystar run`, killed at the end if it still lives."""
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
