"""Files that are not needed are deleted, and no others (promise F3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from mystar.files.model import FileInUse, FileUnknown, StoredFile
from mystar.files.service import PATIENCE, FileService
from mystar.kit.keys import DATABASE
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.files.conftest import Receive, stored

LATER = PATIENCE + timedelta(minutes=1)


@pytest.fixture
async def owner(factory: Factory) -> Person:
    return await factory.person()


async def attach(app: web.Application, files: FileService, file: StoredFile, **options: object) -> StoredFile:
    async with app[DATABASE].transaction() as tx:
        return await files.attach(tx, file.id, **{"owner_id": file.owner_id, **options})


async def keys(app: web.Application) -> list[str]:
    return [row["key"] for row in await app[DATABASE].all("select key from files order by key")]


async def test_an_unattached_upload_is_deleted_after_a_day(
    app: web.Application, files: FileService, receive: Receive, owner: Person, clock: FrozenClock, media_folder: Path
) -> None:
    lost, kept = await receive(owner, b"lost"), await receive(owner, b"kept")
    await attach(app, files, kept)
    clock.moment += PATIENCE - timedelta(minutes=1)
    await files.sweep()
    assert await keys(app) == stored(media_folder) == sorted([lost.key, kept.key])

    clock.moment += timedelta(minutes=2)
    assert await files.sweep() == 1
    assert await keys(app) == stored(media_folder) == [kept.key]
    assert await files.sweep() == 0


async def test_the_bytes_of_a_deleted_file_are_removed_by_the_next_sweep(
    app: web.Application, files: FileService, receive: Receive, owner: Person, media_folder: Path
) -> None:
    file = await attach(app, files, await receive(owner, b"x"))
    async with app[DATABASE].transaction() as tx:
        await files.mark_deleted(tx, file.id)
    assert await keys(app) == []
    assert stored(media_folder) == [file.key]
    assert await files.sweep() == 1
    assert stored(media_folder) == []


async def test_bytes_that_cannot_be_deleted_hold_up_no_others(
    app: web.Application, files: FileService, receive: Receive, owner: Person, media_folder: Path
) -> None:
    first, second = sorted([(await receive(owner, b"1")), await receive(owner, b"2")], key=lambda file: file.key)
    async with app[DATABASE].transaction() as tx:
        for file in (first, second):
            await files.mark_deleted(tx, file.id)
    (media_folder / first.key).unlink()
    (media_folder / first.key / "of another account of the system").mkdir(parents=True)
    with pytest.raises(OSError, match="1 deleted files"):
        await files.sweep()
    assert not (media_folder / second.key).exists()
    (media_folder / first.key / "of another account of the system").rmdir()
    (media_folder / first.key).rmdir()
    assert await files.sweep() == 1, "it is tried again"


async def test_a_rolled_back_deletion_keeps_the_file(
    api: Api, app: web.Application, files: FileService, receive: Receive, owner: Person
) -> None:
    file = await attach(app, files, await receive(owner, b"x"))
    with pytest.raises(RuntimeError, match="no"):
        async with app[DATABASE].transaction() as tx:
            await files.mark_deleted(tx, file.id)
            raise RuntimeError("no")
    assert await files.sweep() == 0
    assert (await api.get(f"/media/{file.key}", as_=owner)).status == 200


async def test_bytes_without_a_row_are_deleted_after_a_day(
    app: web.Application, files: FileService, receive: Receive, owner: Person, clock: FrozenClock, media_folder: Path
) -> None:
    kept = await attach(app, files, await receive(owner, b"kept"))
    for number in range(3):
        (media_folder / "notes" / f"stray-{number}.bin").write_bytes(b"x")
    assert await files.sweep_objects_without_row() == 0
    clock.moment += LATER
    assert await files.sweep_objects_without_row() == 3
    assert stored(media_folder) == [kept.key]
    assert [key async for key in files.missing()] == []


async def test_two_sweepers_can_run_at_once(
    files: FileService, receive: Receive, owner: Person, clock: FrozenClock, media_folder: Path
) -> None:
    for number in range(5):
        await receive(owner, b"%d" % number)
    clock.moment += LATER
    await asyncio.gather(*(files.sweep() for _ in range(4)))
    assert stored(media_folder) == []


async def test_a_file_is_attached_once_and_by_its_owner(
    app: web.Application, files: FileService, receive: Receive, owner: Person, factory: Factory
) -> None:
    file = await receive(owner, b"x")
    stranger = await factory.person()
    with pytest.raises(FileUnknown):
        await attach(app, files, file, owner_id=stranger.id)
    await attach(app, files, file)
    with pytest.raises(FileInUse):
        await attach(app, files, file)


async def test_only_an_unattached_upload_can_be_deleted(
    app: web.Application, files: FileService, receive: Receive, owner: Person, factory: Factory
) -> None:
    free, used = await receive(owner, b"free"), await attach(app, files, await receive(owner, b"used"))
    await files.delete_unattached(actor(await factory.person()), free.id)
    await files.delete_unattached(actor(owner), used.id)
    assert len(await keys(app)) == 2
    await files.delete_unattached(actor(owner), free.id)
    assert await keys(app) == [used.key]
