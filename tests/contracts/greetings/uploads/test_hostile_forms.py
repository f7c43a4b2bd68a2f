"""Forms that are broken, too large or incomplete (promise S12)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.settings import Settings
from tests.conftest import Api
from tests.contracts.greetings.uploads.test_hostile_files import PICTURES_ONLY
from tests.contracts.greetings.uploads.upload_requests import AVATAR, HELLO, MULTIPART, file_count, multipart_around
from tests.factory import Person, picture, video
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.subtests import as_subtests
from tests.waiting import eventually


async def test_an_avatar_of_sixteen_megabytes_is_refused(
    api: Api, app: web.Application, media: Path, person: Person
) -> None:
    big = picture() + bytes(16 * 2**20)
    for _ in range(2):
        answer = await api.post(AVATAR, data=form(user_id=person.id, image=("me.jpg", big)), as_=person)
        assert answer.status == 413
        assert await answer.json() == ["Файл слишком большой: можно не больше 15 МБ."]
    assert stored(media) == []
    assert await file_count(app) == 0
    small = await api.post(AVATAR, data=form(user_id=person.id, image=("me.jpg", picture())), as_=person)
    assert small.status == 201


async def test_a_file_of_unknown_size_is_cut_off_at_the_limit(api: Api, media: Path, person: Person) -> None:
    head, tail = multipart_around("image", "me.jpg")

    async def body():
        yield head + picture()
        for _ in range(17):
            yield bytes(2**20)
        yield tail

    answer = await api.post(AVATAR, data=body(), headers=MULTIPART, as_=person)
    assert answer.status == 413
    assert stored(media) == []


@as_subtests
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"user_id": "1"}, {"image": ["Файл не был отправлен."]}),
        ({"picture": ("me.jpg", picture())}, {"image": ["Файл не был отправлен."]}),
        ({"image": ("", b"")}, {"image": ["Файл пуст."]}),
        ({"image": "only words"}, {"image": [PICTURES_ONLY]}),
        ({"user_id": "me", "image": ("me.jpg", picture())}, {"user_id": ["Введите целое число."]}),
        ({"user_id": "1" * 17_000, "image": ("me.jpg", picture())}, {"user_id": ["Слишком длинное значение."]}),
    ],
)
async def test_a_form_without_the_right_file_is_refused_by_field(
    api: Api, app: web.Application, person: Person, fields: dict[str, Any], words: dict[str, list[str]]
) -> None:
    answer = await api.post(AVATAR, data=form(**fields), as_=person)
    assert answer.status == 400
    assert await answer.json() == words
    assert await file_count(app) == 0


async def test_a_second_file_in_the_form_is_refused(api: Api, app: web.Application, person: Person) -> None:
    body = form(image=("me.jpg", picture()))
    body.add_field("image", picture(), filename="me-too.jpg")
    answer = await api.post(AVATAR, data=body, as_=person)
    assert answer.status == 400
    assert await answer.json() == {"image": ["Можно отправить только один файл."]}
    assert await file_count(app) == 0


async def test_a_body_that_is_not_a_form_is_refused(api: Api, person: Person) -> None:
    assert (await api.post(AVATAR, {"image": "aGk="}, as_=person)).status == 415
    assert (await api.post(AVATAR, data=picture(), as_=person)).status == 415


HEAD, TAIL = multipart_around("image", "me.jpg")
PART = b"--b0undary\r\n"


FIELD = PART + b'Content-Disposition: form-data; name="user_id"\r\n\r\n%b\r\n'


BROKEN_FORMS = [
    pytest.param(b"", id="empty"),
    pytest.param(b"nonsense", id="nonsense"),
    pytest.param(HEAD + picture(), id="no end"),
    pytest.param(HEAD.replace(b"\r\n\r\n", b"\r\n"), id="no body"),
    pytest.param(PART + b"X: " + b"x" * 20_000 + b"\r\n\r\n" + TAIL, id="endless header"),
    pytest.param(PART + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--" + TAIL, id="nested"),
    pytest.param(FIELD % b"1" * 99 + TAIL, id="many fields"),
    pytest.param(FIELD % b"\xff\xfe" + TAIL, id="no utf-8"),
]


@as_subtests
@pytest.mark.parametrize("body", BROKEN_FORMS)
async def test_a_broken_form_is_unreadable_and_leaves_nothing(
    api: Api, app: web.Application, media: Path, person: Person, body: bytes
) -> None:
    answer = await api.post(AVATAR, data=body, headers=MULTIPART, as_=person)
    assert answer.status == 400
    assert stored(media) == []
    assert await file_count(app) == 0


@pytest.mark.parametrize("header", ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 100])
async def test_a_form_without_a_boundary_is_unreadable(api: Api, person: Person, header: str) -> None:
    answer = await api.post(AVATAR, data=HEAD + picture() + TAIL, headers={"Content-Type": header}, as_=person)
    assert answer.status == 400


async def test_a_cut_connection_leaves_nothing(
    api: Api, app: web.Application, settings: Settings, media: Path, star: Person
) -> None:
    head, _ = multipart_around("video_hi", "hi.mp4")
    request = (
        f"POST {HELLO} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {star.token}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\nContent-Length: 9000000\r\n\r\n"
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", settings.http.port)
    writer.write(request + head + video() + bytes(600_000))
    await writer.drain()

    async def arriving() -> bool:
        return stored(media) != []

    async def gone() -> bool:
        return stored(media) == []

    await eventually(arriving)
    writer.transport.abort()
    await eventually(gone)
    assert await file_count(app) == 0
