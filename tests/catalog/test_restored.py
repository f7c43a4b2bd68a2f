"""Kept answers end with the database that they were made of."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from mystar.catalog.changes_repository import CatalogChanges
from mystar.errors import Unavailable
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from mystar.kit.web.response_cache import Changes
from mystar.settings import Settings
from tests.catalog.test_services import ALL, create_service
from tests.conftest import Api
from tests.database import reachable_directory
from tests.factory import Factory
from tests.server_process import run_cli
from tests.waiting import eventually


@pytest.mark.one_process("restores the database of one process")
async def test_a_backup_that_is_restored_beneath_a_running_process_is_seen_at_once(
    api: Api, factory: Factory, db: Database, settings: Settings, tmp_path: Path
) -> None:
    service = (await create_service(api, await factory.star(), factory, title="Saved"))["id"]
    address, place = f"{ALL}{service}/", tmp_path / "backups"
    names = {"DATABASE__URL": settings.database.url, "DATA_DIR": settings.data_dir, "SECRET_KEY": settings.secret_key}

    async def run(*command: str) -> None:
        done = await asyncio.to_thread(run_cli, *command, directory=tmp_path, **names)
        assert done.returncode == 0, done.stderr

    async def title() -> str:
        return str((await (await api.get(address)).json())["title"])

    await run("backup", "--to", str(place))
    await db.execute("update services set title = 'Changed since' where id = %s", (service,))
    assert [await title(), await title()] == ["Changed since", "Changed since"]
    await db.execute("drop schema public cascade; create schema public")
    await run("restore", "--from", str(place))
    assert await title() == "Saved"


async def test_a_server_that_has_recovered_from_a_crash_has_perhaps_forgotten_everything() -> None:
    with reachable_directory("mystar-crash-") as directory:
        server = EmbeddedPostgres(directory, {"fsync": "off", "shared_buffers": "16MB"}).start()
        try:
            server.create_database()
            migrate(server.dsn())
            db = await Database.connect(server.dsn())
            try:
                await crash(CatalogChanges(db), server.dsn())
            finally:
                await db.close()
        finally:
            server.stop()


async def crash(changes: CatalogChanges, dsn: str) -> None:
    before = (await changes.since(None)).state
    assert (await changes.since(before)).subjects is not None
    with closing(psycopg2.connect(dsn)) as victim, closing(psycopg2.connect(dsn)) as witness:
        os.kill(victim.info.backend_pid, signal.SIGKILL)

        async def is_down() -> bool:
            try:
                witness.cursor().execute("select 1")
            except psycopg2.DatabaseError:
                # An OperationalError, or this one itself, by how the connection ended.
                return True
            return False

        async def is_back() -> Changes[object] | None:
            try:
                return await changes.since(before)
            except Unavailable:
                return None

        await eventually(is_down)
        found = await eventually(is_back)
    assert found is not None
    assert found.subjects is None
