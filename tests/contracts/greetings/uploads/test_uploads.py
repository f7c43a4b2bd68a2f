"""Uploads of avatars and videos."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.settings import Settings
from tests.conftest import Api
from tests.contracts.greetings.uploads.upload_requests import AVATAR, CONGRATULATION, HELLO, file_count
from tests.factory import Factory, Person, picture, video
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.subtests import as_subtests


@pytest.mark.parametrize(
    ("format_", "name", "extension"),
    [
        ("JPEG", "me.JPG", "jpeg"),
        ("PNG", "me.png", "png"),
        ("WEBP", "me.webp", "webp"),
        ("GIF", "me.gif", "gif"),
        ("AVIF", "me.avif", "avif"),
        ("JPEG", "blob", "jpeg"),
    ],
)
async def test_an_account_uploads_an_avatar(api: Api, person: Person, format_: str, name: str, extension: str) -> None:
    answer = await api.post(AVATAR, data=form(user_id=person.id, image=(name, picture(format_))), as_=person)

    assert answer.status == 201
    body = await answer.json()
    assert body["user_id"] == person.id
    assert body["image"].startswith("/media/avatars/")
    assert body["image"].endswith(f".{extension}")
    served = await api.get(body["image"])
    assert served.status == 200
    assert await served.read() == picture(format_)
    assert served.headers["Content-Type"] == f"image/{extension}"


async def test_a_new_picture_replaces_the_old_one(api: Api, app: web.Application, person: Person) -> None:
    first, second = [
        (await (await api.post(AVATAR, data=form(image=("me.png", picture("PNG", size))), as_=person)).json())["image"]
        for size in ((40, 40), (50, 50))
    ]
    assert (await api.get(first)).status == 404
    assert (await api.get(second)).status == 200
    assert await file_count(app) == 1
    page = await (await api.get("/api/personal/", as_=person)).json()
    assert f"/media/{page['avatar']}" == second


@pytest.mark.parametrize(("format_", "extension"), [("mp4", "mp4"), ("mov", "mov"), ("webm", "webm")])
async def test_a_star_uploads_a_hello_video(api: Api, star: Person, format_: str, extension: str) -> None:
    content = video(format_)
    body = form(star_id=star.id, video_hi=(f"hi.{extension}", content))
    answer = await api.post(HELLO, data=body, as_=star)

    assert answer.status == 201
    said = await answer.json()
    assert said["star_id"] == star.id
    assert said["video_hi"].startswith(f"/media/videos/{star.id}/")
    assert said["video_hi"].endswith(f".{extension}")
    assert await (await api.get(said["video_hi"])).read() == content
    (listed,) = await (await api.get("/api/star/getlist/")).json()
    assert listed["video"] == said["video_hi"]
    # The client puts /media/ before a path that has it.
    assert await (await api.get(f"/media/{said['video_hi']}")).read() == content
    assert (await api.get(f"/media//media//media/{said['video_hi']}")).status == 404


async def test_a_new_hello_video_replaces_the_old_one(api: Api, app: web.Application, star: Person) -> None:
    for format_ in ("mp4", "webm"):
        body = form(star_id=star.id, video_hi=(f"hi.{format_}", video(format_)))
        assert (await api.post(HELLO, data=body, as_=star)).status == 201
    assert await file_count(app) == 1


async def test_only_a_star_has_a_hello_video(api: Api, app: web.Application, person: Person) -> None:
    answer = await api.post(HELLO, data=form(star_id=person.id, video_hi=("hi.mp4", video())), as_=person)
    assert answer.status == 404
    assert await answer.json() == ["Звезда не найдена."]
    assert await file_count(app) == 0


class TestCongratulation:
    """The film that an order is about."""

    @pytest.fixture
    async def customer(self, factory: Factory) -> Person:
        return await factory.person()

    @pytest.fixture
    async def order(self, factory: Factory, customer: Person, star: Person) -> int:
        return await factory.order(customer, star)

    async def test_a_delivery_with_a_key_may_be_repeated(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        async def deliver(content: bytes = video()) -> tuple[int, Any]:
            body, headers = form(order_id=order, video_con=("mum.mp4", content)), {"Idempotency-Key": "k"}
            answer = await api.post(CONGRATULATION, data=body, as_=star, headers=headers)
            return answer.status, await answer.json()

        first = await deliver()
        assert first[0] == 201
        assert await deliver() == first
        assert (await deliver(video(frames=6)))[0] == 422
        assert await file_count(app) == 1

    @pytest.mark.parametrize(
        ("name", "content"), [("mum.mp4", video()), ("mum.webm", video("webm")), ("mum.png", picture("PNG"))]
    )
    async def test_a_star_delivers_a_video_or_a_picture(
        self, api: Api, star: Person, order: int, name: str, content: bytes
    ) -> None:
        body = form(star_id=star.id, order_id=order, video_con=(name, content))
        answer = await api.post(CONGRATULATION, data=body, as_=star)

        assert answer.status == 201
        said = await answer.json()
        assert (said["star_id"], said["order_id"]) == (star.id, order)
        assert said["video_con"].startswith(f"/media/congratulation/{star.id}/")
        assert said["video_con"].endswith(name.rpartition(".")[2])
        assert await (await api.get(said["video_con"], as_=star)).read() == content
        # Not even its customer before the money is there, let alone others.
        assert (await api.get(said["video_con"])).status == 404

    async def test_a_second_video_for_an_order_is_refused(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        for status in (201, 200):
            body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
            answer = await api.post(CONGRATULATION, data=body, as_=star)
            assert answer.status == status
        assert await answer.json() == ["Вы уже загрузили видео"]
        assert await file_count(app) == 1

    async def test_a_video_for_a_rejected_order_is_refused(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        await api.post("/api/orderaccept/", {"order_id": order, "accept": "reject"}, as_=star)
        body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
        answer = await api.post(CONGRATULATION, data=body, as_=star)
        assert answer.status == 409
        assert await file_count(app) == 0

    async def test_only_the_star_of_an_order_delivers_it(
        self, api: Api, app: web.Application, factory: Factory, star: Person, customer: Person, order: int
    ) -> None:
        other_star = await factory.star()
        for person, star_id, status in (
            (customer, customer.id, 403),
            (customer, star.id, 403),
            (other_star, other_star.id, 404),
            (other_star, star.id, 403),
        ):
            body = form(star_id=star_id, order_id=order, video_con=("mum.mp4", video()))
            assert (await api.post(CONGRATULATION, data=body, as_=person)).status == status
        assert await file_count(app) == 0

    @as_subtests
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, {"order_id": ["Обязательное поле."]}),
            ({"order_id": "undefined"}, {"order_id": ["Введите целое число."]}),
            ({"order_id": "1", "video_con": ("mum.mp4", b"no film")}, {"video_con": ["Нужно видео или картинка."]}),
        ],
    )
    async def test_bad_data_is_refused_by_field(
        self, api: Api, app: web.Application, star: Person, fields: dict[str, Any], words: dict[str, list[str]]
    ) -> None:
        body = form(**{"star_id": star.id, "video_con": ("mum.mp4", video()), **fields})
        answer = await api.post(CONGRATULATION, data=body, as_=star)
        assert answer.status == 400
        assert await answer.json() == words
        assert await file_count(app) == 0


@as_subtests
@pytest.mark.parametrize("path", [AVATAR, HELLO, CONGRATULATION])
async def test_a_guest_cannot_upload(api: Api, media: Path, path: str) -> None:
    answer = await api.post(path, data=form(image=("me.jpg", picture())))
    assert answer.status == 401
    assert isinstance(await answer.json(), list)
    assert stored(media) == []


@pytest.mark.parametrize("fields_first", [True, False])
async def test_uploads_for_other_accounts_are_refused(
    api: Api, app: web.Application, factory: Factory, person: Person, fields_first: bool
) -> None:
    other = await factory.person()
    fields: dict[str, Any] = {"user_id": other.id, "image": ("me.jpg", picture())}
    if not fields_first:
        fields = dict(reversed(fields.items()))
    answer = await api.post(AVATAR, data=form(**fields), as_=person)
    assert answer.status == 403
    assert await file_count(app) == 0


async def test_upload_errors_follow_accept_language(api: Api, person: Person) -> None:
    answer = await api.post(AVATAR, data=form(image=("me.jpg", b"text")), as_=person, language="en")
    assert await answer.json() == {"image": ["Send a picture: JPEG, PNG, WEBP, GIF or AVIF."]}


class TestQuota:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(FILES__QUOTA=3000, FILES__AVATAR_LIMIT=100_000)
        return settings

    async def test_uploads_are_limited_per_account(self, api: Api, media: Path, star: Person) -> None:
        content = video() + bytes(800)
        assert 1500 < len(content) < 3000
        assert (await api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star)).status == 201
        answer = await api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star)
        assert answer.status == 413
        assert await answer.json() == ["Место для ваших файлов закончилось."]
        assert len(stored(media)) == 1

    async def test_two_concurrent_uploads_do_not_exceed_the_quota(
        self, api: Api, app: web.Application, media: Path, star: Person
    ) -> None:
        content = video() + bytes(800)
        answers = await asyncio.gather(
            *(api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star) for _ in range(4))
        )
        assert sorted(answer.status for answer in answers) == [201, 413, 413, 413]
        assert await file_count(app) == 1
        assert len(stored(media)) == 1
