"""What uploads may take: bytes while they arrive, turns, disk, and pictures of guests (D38)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.files.keys import FILES
from mystar.files.service import FileService
from mystar.files.turns import SharedTurns
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, picture
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.waiting import eventually

UPLOAD, ORDERS = "/api/v1/files/upload/", "/api/orders/orders/"
HEADERS = {"Content-Type": "multipart/form-data; boundary=b0"}
HEAD = b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
TAIL = b"\r\n--b0--\r\n"
KILOBYTE = 1024


@pytest.fixture
def settings(make_settings: Any) -> Settings:
    settings: Settings = make_settings(FILES__QUOTA=1000 * KILOBYTE, FILES__UNCONFIRMED_QUOTA=100 * KILOBYTE)
    return settings


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person()


class SlowUpload:
    """An upload that stops in the middle until it is told to go on."""

    def __init__(self, api: Api, person: Person, size: int) -> None:
        self.go_on = asyncio.Event()
        self._size = size
        self._answer = asyncio.create_task(api.post(UPLOAD, data=self._body(), headers=HEADERS, as_=person))

    async def _body(self) -> AsyncIterator[bytes]:
        yield HEAD + bytes(self._size)
        await self.go_on.wait()
        yield TAIL

    async def finish(self) -> ClientResponse:
        self.go_on.set()
        return await self._answer


async def reserved(app: web.Application) -> int:
    return int(await app[DATABASE].value("select coalesce(sum(size), 0) from upload_reservations"))


async def test_bytes_count_against_the_quota_while_they_arrive(
    api: Api, app: web.Application, anna: Person, media_folder: Path
) -> None:
    first = SlowUpload(api, anna, 800 * KILOBYTE)

    async def has_arrived() -> bool:
        return await reserved(app) >= 500 * KILOBYTE

    await eventually(has_arrived)
    refused = await api.post(UPLOAD, data=form(file=("b.bin", bytes(600 * KILOBYTE))), as_=anna)
    assert (refused.status, (await refused.json())["code"]) == (413, "quota_exceeded")
    assert (await first.finish()).status == 201
    assert await reserved(app) == 0
    assert len(stored(media_folder)) == 1


async def test_a_reservation_of_a_killed_process_expires(
    api: Api, app: web.Application, anna: Person, clock: FrozenClock, files: FileService
) -> None:
    await app[DATABASE].execute(
        "insert into upload_reservations (owner_id, size, touched_at) values (%(id)s, 1024000, %(now)s)",
        id=anna.id,
        now=clock.now(),
    )
    assert (await api.post(UPLOAD, data=form(file=("b.bin", bytes(KILOBYTE * 20))), as_=anna)).status == 413
    clock.moment += timedelta(minutes=6)
    assert (await api.post(UPLOAD, data=form(file=("b.bin", bytes(KILOBYTE * 20))), as_=anna)).status == 201
    await files.sweep()
    assert await reserved(app) == 0


async def test_a_refused_upload_gives_its_bytes_back(api: Api, app: web.Application, anna: Person) -> None:
    answer = await api.post("/api/upload/avatar/", data=form(image=("a.jpg", picture()[:-100])), as_=anna)
    assert answer.status == 400
    assert await reserved(app) == 0


async def test_an_upload_with_a_key_gives_its_bytes_back(api: Api, app: web.Application, anna: Person) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "one"}
        answer = await api.post(UPLOAD, data=form(file=("a.txt", b"hello")), headers=headers, as_=anna)
        assert answer.status == 201, await answer.text()
    assert await reserved(app) == 0


async def test_an_account_without_a_confirmed_email_has_a_smaller_quota(
    api: Api, app: web.Application, anna: Person
) -> None:
    await app[DATABASE].execute("update accounts set email_verified_at = null where id = %(id)s", id=anna.id)
    assert (await api.post(UPLOAD, data=form(file=("a.bin", bytes(90 * KILOBYTE))), as_=anna)).status == 201
    answer = await api.post(UPLOAD, data=form(file=("b.bin", bytes(90 * KILOBYTE))), as_=anna, language="en")
    body = await answer.json()
    assert (answer.status, body["code"]) == (413, "quota_until_confirmed")
    assert "Confirm your e-mail" in body["detail"]


async def test_a_third_upload_of_an_account_waits_for_the_others(
    api: Api, app: web.Application, anna: Person, factory: Factory
) -> None:
    boris = await factory.person()
    async with AsyncExitStack() as stack:
        slow = [SlowUpload(api, anna, 300 * KILOBYTE) for _ in range(2)]
        for one in slow:
            stack.push_async_callback(one.finish)

        async def both_arrive() -> bool:
            return int(await app[DATABASE].value("select count(*) from upload_reservations")) == 2

        await eventually(both_arrive)
        assert (await api.post(UPLOAD, data=form(file=("c.bin", b"c")), as_=boris)).status == 201
        turns = app[FILES]._turns
        patience, turns.patience = turns.patience, 0.2
        refused = await api.post(UPLOAD, data=form(file=("c.bin", b"c")), as_=anna)
        assert (refused.status, (await refused.json())["code"]) == (429, "too_many_uploads")
        turns.patience = patience
        waiting = asyncio.create_task(api.post(UPLOAD, data=form(file=("c.bin", b"c")), as_=anna))
        assert (await slow[0].finish()).status == 201
        assert (await waiting).status == 201


class TestSeveralProcesses:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(BUS__URL="postgres")
        return settings

    async def test_turns_in_another_process_count_until_it_ends_or_was_killed(
        self, api: Api, app: web.Application, clock: FrozenClock, anna: Person, factory: Factory
    ) -> None:
        files, database, boris = app[FILES], app[DATABASE], await factory.person()
        elsewhere = {
            "upload": SharedTurns(database, clock, "upload", 2).turn,
            "decode": SharedTurns(database, clock, "decode", 1).turn,
        }
        person, patience, files._turns.patience = f"account {anna.id}", files._turns.patience, 0.3

        async def upload(person: Person) -> int:
            return (await api.post(UPLOAD, data=form(file=("a.png", picture("PNG"))), as_=person)).status

        async with elsewhere["upload"](person), elsewhere["upload"](person):
            assert (await upload(anna), await upload(boris)) == (429, 201)
            files._turns.patience = patience
            waiting = asyncio.create_task(upload(anna))
            clock.moment += timedelta(seconds=patience)  # as if the other process had not extended them
            assert await waiting == 201

        async with elsewhere["decode"](person):
            waiting = asyncio.create_task(upload(anna))
            await asyncio.sleep(0.5)
            assert not waiting.done()
        assert await waiting == 201
        assert await database.value("select count(*) from upload_turns") == 0


class TestDisk:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(STORAGE__MIN_FREE_DISK=10**18)
        return settings

    async def test_uploads_leave_a_reserve_of_the_disk_free(self, api: Api, anna: Person, media_folder: Path) -> None:
        answer = await api.post(UPLOAD, data=form(file=("a.bin", b"hello")), as_=anna)
        assert (answer.status, (await answer.json())["code"]) == (503, "storage_full")
        assert answer.headers["Retry-After"] == "60"
        assert stored(media_folder) == []


def order(*pictures: bytes) -> Any:
    data = form(title="Сайт", description="Страница", type="website")
    for content in pictures:
        data.add_field("images", content, filename="a.png")
    return data


class TestGuests:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(FILES__GUEST_QUOTA=len(picture("PNG")) * 3 // 2, FILES__GUEST_DAYS=30)
        return settings

    async def test_pictures_of_guests_have_a_total_quota_and_expire(
        self, api: Api, app: web.Application, files: FileService, clock: FrozenClock, media_folder: Path
    ) -> None:
        taken = await api.post(ORDERS, data=order(picture("PNG")))
        assert taken.status == 201, await taken.text()
        assert (await api.post(ORDERS, data=order(picture("PNG")))).status == 413
        path = f"{ORDERS}{(await taken.json())['id']}/"
        assert len((await (await api.get(path)).json())["images"]) == 1

        clock.moment += timedelta(days=31)
        await files.sweep()
        assert stored(media_folder) == []
        assert (await (await api.get(path)).json())["images"] == []
        assert (await api.post(ORDERS, data=order(picture("PNG")))).status == 201
