"""Both storages, by the same tests: on this machine's disk, and in the bucket of a server that speaks S3."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiobotocore.session import get_session
from aiohttp import web

from mystar.app import create_app
from mystar.files.keys import FILES, STORAGES
from mystar.files.storage_migration import StorageMigration
from mystar.kit.keys import DATABASE
from mystar.kit.storage.local import CHUNK, LocalStorage, ObjectNotFound, Storage
from mystar.kit.storage.s3 import PART, Bucket, S3Storage, StorageAway
from mystar.settings import Settings, SettingsWrong
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.ports import unused_port
from tests.s3_server import S3Server
from tests.server_process import run_cli

KEY = "videos/17/hello.mp4"
MEGABYTE = 2**20


@pytest.fixture
def bucket(s3_server: S3Server, tmp_path: Path) -> Bucket:
    """One of this test's own."""
    return s3_server.bucket(f"b{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]}")


@pytest.fixture
def kept(bucket: Bucket, s3_server: S3Server, tmp_path: Path, kind: str) -> Callable[[], list[str]]:
    """Everything that lies where files are kept, and where they arrive."""
    folders = [tmp_path / "media", *([s3_server.folder / bucket.name] if kind == "s3" else [])]
    return lambda: [name for folder in folders for name in stored(folder)]


@pytest.fixture(params=["local", "s3"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def storage(kind: str, bucket: Bucket, tmp_path: Path) -> AsyncIterator[Storage]:
    folder = tmp_path / "media"
    storage = LocalStorage(folder) if kind == "local" else S3Storage(bucket, folder / ".arriving")
    yield storage
    await storage.close()


def in_bucket(bucket: Bucket) -> dict[str, str]:
    """The settings, as keywords of `make_settings`."""
    return {
        "STORAGE__S3__ENDPOINT": bucket.endpoint,
        "STORAGE__S3__BUCKET": bucket.name,
        "STORAGE__S3__REGION": bucket.region,
        "STORAGE__S3__ACCESS_KEY": bucket.access_key,
        "STORAGE__S3__SECRET_KEY": bucket.secret_key,
    }


async def store(storage: Storage, key: str, content: bytes) -> bytes:
    async with storage.stage() as staged:
        for start in range(0, len(content), 65_536):
            await staged.write(content[start : start + 65_536])
        digest = await staged.finish()
        await staged.commit(key)
    return digest


async def read(storage: Storage, key: str, start: int = 0, size: int | None = None) -> bytes:
    async with storage.open(key, start, size) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("size", [1, 2 * CHUNK + 77, PART, PART + 1])
async def test_a_stored_object_is_read_whole_and_in_parts(storage: Storage, size: int) -> None:
    content = os.urandom(size)
    assert await store(storage, KEY, content) == hashlib.sha256(content).digest()
    assert await storage.exists(KEY)
    assert await read(storage, KEY) == content
    chance = random.Random(size)
    for _ in range(10):
        start, length = chance.randrange(size), chance.choice([None, 0, 1, chance.randrange(size + 1)])
        assert await read(storage, KEY, start, length) == content[start : None if length is None else start + length]
    assert [(one.key, one.size) async for one in storage.walk()] == [(KEY, size)]


async def test_a_failed_or_cancelled_upload_leaves_nothing(storage: Storage, kept: Callable[[], list[str]]) -> None:
    with pytest.raises(RuntimeError, match="cut"):
        async with storage.stage() as staged:
            await staged.write(b"x" * 3 * CHUNK)
            raise RuntimeError("cut")

    async def give_up() -> None:
        async with storage.stage() as staged:
            await staged.write(b"x" * (PART + 1))
            await staged.finish()
            keeping = asyncio.create_task(staged.commit(KEY))
            await asyncio.sleep(0)
            keeping.cancel()
            await keeping

    with pytest.raises(asyncio.CancelledError):
        await give_up()
    assert not await storage.exists(KEY)
    assert await storage.purge(datetime.now(UTC) + timedelta(hours=1)) == 0
    assert kept() == []


async def test_deleting_is_idempotent(storage: Storage) -> None:
    await store(storage, KEY, b"x")
    await storage.delete(KEY)
    await storage.delete(KEY)
    assert not await storage.exists(KEY)
    with pytest.raises(ObjectNotFound):
        await read(storage, KEY)


@pytest.mark.parametrize("key", ["", "a.jpg", "../b/a.jpg", "a/../../b.jpg", "/etc/passwd", "a//b.jpg", "a/\0.jpg"])
async def test_an_invalid_key_is_refused(storage: Storage, key: str) -> None:
    assert not await storage.exists(key)
    with pytest.raises(ObjectNotFound):
        await read(storage, key)
    with pytest.raises(ObjectNotFound):
        await store(storage, key, b"x")


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_two_hundred_megabytes_are_streamed_in_little_memory(kind: str, bucket: Bucket, tmp_path: Path) -> None:
    where = [bucket.endpoint, bucket.name, bucket.region, bucket.access_key, bucket.secret_key] if kind == "s3" else []
    command = [sys.executable, "-m", "tests.files.streaming_child", str(tmp_path / "media"), "200", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 32 * MEGABYTE


async def test_without_the_right_to_write_the_storage_is_unavailable(bucket: Bucket, tmp_path: Path) -> None:
    stranger = S3Storage(Bucket(bucket.endpoint, bucket.name, bucket.region, "stranger", "guess"), tmp_path)
    with pytest.raises(StorageAway):
        await store(stranger, KEY, b"x")
    await stranger.close()


async def test_parts_left_in_the_bucket_by_a_crash_are_purged(bucket: Bucket, tmp_path: Path) -> None:
    who = {"aws_access_key_id": bucket.access_key, "aws_secret_access_key": bucket.secret_key}
    where = {"endpoint_url": bucket.endpoint, "region_name": bucket.region}
    async with get_session().create_client("s3", **where, **who) as client:
        await client.create_multipart_upload(Bucket=bucket.name, Key=KEY)
    storage, now = S3Storage(bucket, tmp_path), datetime.now(UTC)
    assert [await storage.purge(now + timedelta(hours=hours)) for hours in (-1, 1, 1)] == [0, 1, 0]
    await storage.close()


class TestService:
    """The whole service over both."""

    @pytest.fixture
    def settings(self, kind: str, bucket: Bucket, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(STORAGE__KIND=kind, **(in_bucket(bucket) if kind == "s3" else {}))

    @pytest.fixture
    def kept(self, kind: str, bucket: Bucket, s3_server: S3Server, settings: Settings) -> Callable[[], list[str]]:
        folders = [settings.data_dir / "media", *([s3_server.folder / bucket.name] if kind == "s3" else [])]
        return lambda: [name for folder in folders for name in stored(folder)]

    async def test_an_upload_is_downloaded_whole_and_in_ranges(
        self, api: Api, factory: Factory, kept: Callable[[], list[str]]
    ) -> None:
        person, content = await factory.person(), os.urandom(PART + 4321)
        answer = await api.post("/api/v1/files/upload/", data=form(file=("notes.bin", content)), as_=person)
        assert answer.status == 201
        url = (await answer.json())["url"]
        assert await (await api.get(url)).read() == content
        chance = random.Random(5)
        for _ in range(25):
            first = chance.randrange(len(content))
            last = min(len(content) - 1, first + chance.randrange(100_000))
            asked, start, end = chance.choice(
                [(f"{first}-{last}", first, last), (f"{first}-", first, None), (f"-{last + 1}", -last - 1, None)]
            )
            part = await api.get(url, headers={"Range": f"bytes={asked}"})
            assert part.status == 206
            assert await part.read() == content[start : None if end is None else end + 1]
        assert (await api.get(url, headers={"Range": f"bytes={len(content)}-"})).status == 416
        assert len(kept()) == 1

    async def test_sweepers_leave_neither_rows_without_bytes_nor_bytes_without_rows(
        self, api: Api, app: web.Application, factory: Factory, clock: FrozenClock, kept: Callable[[], list[str]]
    ) -> None:
        person, files = await factory.person(), app[FILES]
        used = await _received(app, person, b"used")
        async with app[DATABASE].transaction() as tx:
            await files.attach(tx, used, owner_id=person.id)
        for number in range(5):
            await _received(app, person, b"%d" % number)
        await store(app[STORAGES].both, "uploads/stray.bin", b"nobody's")
        clock.moment += timedelta(hours=25)
        assert await files.sweep() == 5
        assert await files.sweep_objects_without_row() == 1
        assert len(kept()) == 1
        assert [key async for key in files.missing()] == []


@pytest.fixture
async def app(settings: Settings, clock: FrozenClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


async def _received(app: web.Application, person: Person, content: bytes) -> int:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    kinds = ("other",)
    return (await app[FILES].receive(actor(person), chunks(), kinds=kinds, folder="notes", name="note.txt")).id


class TestOutage:
    """The bucket does not answer (promise O3)."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[S3Server]:
        (tmp_path / "s3").mkdir()
        server = S3Server(unused_port(), tmp_path / "s3")
        server.start()
        yield server
        server.stop()

    @pytest.fixture
    def settings(self, server: S3Server, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(STORAGE__KIND="s3", **in_bucket(server.bucket("media")))

    async def test_without_the_bucket_only_uploads_are_refused(
        self, api: Api, factory: Factory, server: S3Server, settings: Settings
    ) -> None:
        person = await factory.person()

        async def upload() -> web.Response:
            return await api.post("/api/v1/files/upload/", data=form(file=("a.txt", b"hello")), as_=person)

        url = (await (await upload()).json())["url"]
        server.stop()
        for _ in range(2):
            refused = await upload()
            assert (refused.status, (await refused.json())["code"]) == (503, "storage_away")
            assert int(refused.headers["Retry-After"]) > 0
        assert (await api.get(url)).status == 503
        listed = await api.get("/api/v1/files/", as_=person)
        assert (await listed.json())["count"] == 1
        assert "mystar_storage_up 0.0" in await (await api.get("/metrics")).text()
        server.start()
        assert await (await api.get(url)).read() == b"hello"
        assert (await upload()).status == 201
        assert stored(settings.data_dir / "media") == []


class TestMove:
    """`files move`: from one storage to the other, while both are read."""

    @pytest.fixture
    def settings(self, bucket: Bucket, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(STORAGE__KIND="local", **in_bucket(bucket))

    async def test_files_move_between_storages_while_they_are_read(
        self, api: Api, app: web.Application, factory: Factory, settings: Settings, bucket: Bucket, s3_server: S3Server
    ) -> None:
        person, places = await factory.person(), app[STORAGES]
        local, remote = settings.data_dir / "media", s3_server.folder / bucket.name
        contents = [os.urandom(1000 + number) for number in range(6)]
        for content in contents:
            await _received(app, person, content)
        files = (await (await api.get("/api/v1/files/", as_=person)).json())["results"]
        mover, done = StorageMigration(app[DATABASE], places.local, places.named("s3")), list[str]()
        async for move in mover.run():
            done.append(move.outcome)
            assert {await (await api.get(file["url"])).read() for file in files} == set(contents)
            if len(done) == 3:
                break  # killed
        assert len(stored(remote)) == len(stored(local)) == 3
        assert [move.outcome async for move in mover.run()] == ["there"] * 3 + ["moved"] * 3
        assert (len(stored(remote)), stored(local)) == (6, [])
        back = run_cli("files", "move", "--to", "local", directory=settings.data_dir, **self._environment(settings))
        assert (back.returncode, back.stdout) == (0, "6 moved, 0 were there already.\n"), back.stderr
        assert (stored(remote), len(stored(local))) == ([], 6)

    async def test_a_damaged_file_is_not_moved_and_is_reported(
        self, api: Api, app: web.Application, factory: Factory, settings: Settings
    ) -> None:
        person, places = await factory.person(), app[STORAGES]
        await _received(app, person, b"spoilt")
        await _received(app, person, b"lost")
        first, second = sorted(stored(settings.data_dir / "media"))
        (settings.data_dir / "media" / first).write_bytes(b"otherwise")
        (settings.data_dir / "media" / second).unlink()
        mover = StorageMigration(app[DATABASE], places.local, places.named("s3"))
        assert [(one.key, one.outcome) async for one in mover.run()] == [(first, "broken"), (second, "missing")]
        assert stored(settings.data_dir / "media") == [first]

    @staticmethod
    def _environment(settings: Settings) -> dict[str, object]:
        s3 = {f"STORAGE__S3__{name.upper()}": value for name, value in settings.storage.s3.model_dump().items()}
        return {"DATABASE__URL": settings.database.url, "DATA_DIR": settings.data_dir, **s3}


def test_the_settings_of_a_bucket_must_be_complete(make_settings: Callable[..., Settings]) -> None:
    for given in ({"STORAGE__KIND": "s3"}, {"STORAGE__S3__SECRET_KEY": "hidden-secret"}):
        with pytest.raises(SettingsWrong) as caught:
            make_settings(**given)
        assert "MYSTAR_STORAGE__S3__ENDPOINT: is required for a bucket" in str(caught.value)
        assert "hidden-secret" not in str(caught.value)
