"""Kept answers end with the database that they were made of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.catalog.test_services import ALL, create_service
from tests.conftest import Api
from tests.factory import Factory
from tests.server_process import run_cli


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
