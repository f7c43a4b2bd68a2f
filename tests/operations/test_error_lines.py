"""What the operator reads when the system refuses something: one sentence with the place and a cure."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import psycopg2
import pytest
from click.testing import CliRunner

from mystar.cli.commands import main
from mystar.cli.context import error_lines
from mystar.errors import NotFound
from mystar.kit.storage.local import LocalStorage, StorageFull
from tests.operations.test_backup import KEY, run
from tests.operations.test_settings import PRODUCTION
from tests.ports import unused_port


async def test_a_disk_without_room_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFull) as refused:
        async with LocalStorage(tmp_path, min_free=1 << 62).stage() as staged:
            await staged.write(b"\0")
            await staged.finish()
    (line,) = error_lines(refused.value)
    assert line.startswith(f"No room is left on the disk of {tmp_path}")


def test_a_folder_of_another_account_is_named_with_both() -> None:
    (line,) = error_lines(PermissionError(errno.EACCES, "Permission denied", "/mnt/backups"))
    assert "may not use /mnt/backups: give it the folder, or run this as the account that owns it" in line
    assert error_lines(TimeoutError("Another process has been migrating")) == ["Another process has been migrating"]
    assert error_lines(NotFound()) == [NotFound.text.en]


def test_root_does_not_write_into_the_folder_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = tmp_path / "var"
    data_dir.mkdir()
    if os.geteuid() == 0:
        os.chown(data_dir, 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name, value in {**PRODUCTION, "PROFILE": "production", "DATA_DIR": str(data_dir)}.items():
        monkeypatch.setenv(f"MYSTAR_{name}", value)
    for command in (["check"], ["serve"], ["restore", "--from", str(tmp_path)]):
        done = CliRunner().invoke(main, command)
        assert f"{data_dir} belongs to the account" in done.output, command


async def test_a_backup_that_cannot_be_written_or_opened_says_why(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = await run(tmp_path, "backup", "--to", str(tmp_path / "file/backups"), DATABASE__URL=dsn)
    assert refused.stderr.splitlines()[-1] == f"Error: Not a directory: {tmp_path}/file/backups/.arriving"
    place = str(tmp_path / "backups")
    assert (await run(tmp_path, "backup", "--to", place, DATABASE__URL=dsn, BACKUP_KEY=KEY)).returncode == 0
    without = await run(tmp_path, "backup", "verify", "--from", place, DATABASE__URL=dsn)
    assert "MYSTAR_BACKUP_KEY is missing or not the key" in without.stderr


async def test_a_provider_that_does_not_answer_is_named(dsn: str, tmp_path: Path) -> None:
    away = {"DATABASE__URL": dsn, "PAYMENTS__YOOKASSA__URL": f"http://127.0.0.1:{unused_port()}/v3"}
    done = await run(tmp_path, "payments", "reconcile", **away)
    assert (done.returncode, done.stderr.startswith("Error: The payment provider does not answer")) == (1, True)


async def test_a_bucket_that_does_not_answer_is_named_although_there_are_files(dsn: str, tmp_path: Path) -> None:
    add_files(dsn)
    given = {"ENDPOINT": f"http://127.0.0.1:{unused_port()}", "BUCKET": "media", "REGION": "ru-1"}
    keys = {"ACCESS_KEY": "key", "SECRET_KEY": "a-secret-that-is-not-shown"}
    bucket = {f"STORAGE__S3__{name}": value for name, value in {**given, **keys}.items()}
    done = await run(tmp_path, "check", "--deep", DATABASE__URL=dsn, STORAGE__KIND="s3", **bucket)
    assert done.returncode == 1
    assert "file storage: away: Could not connect" in done.stdout
    assert "MYSTAR_STORAGE__S3__…: the storage cannot be used: Could not connect" in done.stdout
    backup = await run(tmp_path, "backup", "list", "--from", "s3://backups", DATABASE__URL=dsn, **bucket)
    assert "Error: The bucket does not answer, or refuses: Could not connect" in backup.stderr
    assert keys["SECRET_KEY"] not in done.stdout + done.stderr + backup.stderr


async def test_many_lost_files_are_one_wrong_folder(dsn: str, tmp_path: Path) -> None:
    add_files(dsn)
    lost = await run(tmp_path, "check", DATABASE__URL=dsn)
    assert "21 files are missing: is this the data directory, or the bucket" in lost.stdout
    (tmp_path / "mistaken").mkdir()
    (tmp_path / "mistaken/media").touch()
    unusable = await run(tmp_path, "check", DATABASE__URL=dsn, DATA_DIR=tmp_path / "mistaken")
    assert "file storage: unusable" in unusable.stdout
    assert "its bytes are missing" not in unusable.stdout


def add_files(dsn: str) -> None:
    """Rows of files without bytes."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into files (key, kind, name, content_type, size, sha256) "
            "select 'avatars/' || n || '.png', 'avatar', 'face', 'image/png', 1, '' from generate_series(1, 21) n"
        )
